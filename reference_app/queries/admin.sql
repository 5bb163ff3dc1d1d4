-- What staff read of the shop's state, of each other's actions and of the system's own log.

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

-- name: logs_page
-- kind: read
SELECT id, level, category, message, details, user_id, ip_address, created_at
FROM system_logs
WHERE 1 = 1
  AND level = :level  -- if: level
  AND category = :category  -- if: category
  AND user_id = :user_id  -- if: user_id
  AND created_at >= :since  -- if: since
  AND (created_at, id) < (:after_time, :after_id)  -- if: after_id
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: activity_page
-- kind: read
SELECT a.id, a.admin_id, u.email AS admin_email, a.action, a.entity_type, a.entity_id, a.details, a.ip_address,
       a.created_at
FROM admin_activity_log AS a
JOIN users AS u ON u.id = a.admin_id
WHERE 1 = 1
  AND a.admin_id = :admin_id  -- if: admin_id
  AND a.entity_type = :entity_type  -- if: entity_type
  AND a.entity_id = :entity_id  -- if: entity_id
  AND (a.created_at, a.id) < (:after_time, :after_id)  -- if: after_id
ORDER BY a.created_at DESC, a.id DESC
LIMIT :limit;

-- The dashboard of staff. What was cancelled or returned brought nothing in.

-- name: state_orders
-- kind: read
SELECT count(*) AS week_orders, coalesce(sum(total_cents), 0) AS week_revenue_cents,
       count(*) FILTER (WHERE created_at >= :today) AS today_orders,
       coalesce(sum(total_cents) FILTER (WHERE created_at >= :today), 0) AS today_revenue_cents
FROM orders
WHERE created_at >= :week_ago AND status NOT IN ('cancelled', 'returned');

-- name: state_open_orders
-- kind: read
SELECT status, count(*) AS count
FROM orders
WHERE status IN ('pending', 'confirmed', 'shipped')
GROUP BY status
ORDER BY status;

-- name: state_sell_requests
-- kind: read
SELECT status, count(*) AS count
FROM sell_submissions
WHERE status IN ('pending', 'reviewing', 'offer_sent', 'counter_offer', 'accepted', 'received')
GROUP BY status
ORDER BY status;

-- name: state_products
-- kind: read
SELECT status, count(*) AS count
FROM products
GROUP BY status
ORDER BY status;

-- name: state_waiting
-- kind: read
SELECT (SELECT count(*) FROM product_reservations WHERE status = 'active' AND expires_at > :now) AS active_reservations,
       (SELECT count(*) FROM customer_offers WHERE status = 'open') AS open_offers;

-- name: state_errors
-- kind: read
SELECT id, level, category, message, details, user_id, ip_address, created_at
FROM system_logs
WHERE level IN ('error', 'critical') AND created_at >= :week_ago
ORDER BY created_at DESC, id DESC
LIMIT 10;

-- name: answers_reads
-- kind: read
SELECT EXISTS (SELECT 1 FROM users) AS there;
