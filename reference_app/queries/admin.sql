-- What staff read of the system's own log.

-- name: logs_recent
-- kind: read
SELECT id, level, category, message, details, user_id, ip_address, created_at
FROM system_logs
ORDER BY created_at DESC, id DESC
LIMIT 100;

-- name: logs_errors_since
-- kind: read
SELECT id, level, category, message, details, user_id, ip_address, created_at
FROM system_logs
WHERE level = 'error' AND created_at >= :since
ORDER BY created_at DESC, id DESC
LIMIT 200;
