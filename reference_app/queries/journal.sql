-- What is written down beside the business: actions of staff, notifications, the system's log.

-- name: record_action
-- kind: write
-- require: 1
INSERT INTO admin_activity_log (admin_id, action, entity_type, entity_id, details, ip_address, created_at)
VALUES (:admin_id, :action, :entity_type, :entity_id, :details, :ip_address, :now);

-- name: notify
-- kind: write
-- require: 1
INSERT INTO notifications (user_id, kind, title, body, created_at)
VALUES (:user_id, :kind, :title, :body, :now);

-- name: notify_staff
-- kind: write
INSERT INTO notifications (user_id, kind, title, body, created_at)
SELECT id, :kind, :title, :body, :now
FROM users
WHERE role = 'admin';

-- Whether the transaction that wrote letters was committed; see reference_app/outbox.py.
-- name: outbox_mark
-- kind: read
SELECT id
FROM system_logs
WHERE id = :log_id AND category = 'outbox' AND details ->> 'mark' = :mark;

-- name: write_log
-- kind: write
-- require: 1
INSERT INTO system_logs (level, category, message, details, user_id, ip_address, created_at)
VALUES (:level, :category, :message, :details, :user_id, :ip_address, :now);
