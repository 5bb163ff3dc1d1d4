-- The event log, and the daily rollup that only the migration brings. Lists leave out the address and
-- the browser: staff need neither to read what happened.

-- name: events_by_type_since
-- kind: read
SELECT id, event_type, event_data, user_id, session_id, path, timestamp
FROM analytics_events
WHERE event_type = :event_type AND timestamp >= :since
ORDER BY timestamp DESC, id DESC
LIMIT 50;

-- name: events_newest_of_type
-- kind: read
SELECT id, event_type, event_data, user_id, session_id, path, timestamp
FROM analytics_events
WHERE event_type = :event_type
ORDER BY timestamp DESC, id DESC
LIMIT 20;

-- name: events_recent
-- kind: read
SELECT id, event_type, event_data, user_id, session_id, path, timestamp
FROM analytics_events
ORDER BY timestamp DESC, id DESC
LIMIT 100;

-- name: events_count_by_type
-- kind: read
SELECT event_type, count(*) AS events
FROM analytics_events
GROUP BY event_type
ORDER BY event_type;

-- name: events_count_by_type_since
-- kind: read
SELECT event_type, count(*) AS events
FROM analytics_events
WHERE timestamp >= :since
GROUP BY event_type
ORDER BY event_type;

-- name: events_for_user
-- kind: read
SELECT id, event_type, event_data, user_id, session_id, path, timestamp
FROM analytics_events
WHERE user_id = :user_id
ORDER BY timestamp DESC, id DESC
LIMIT 50;

-- name: events_of_day
-- kind: read
SELECT event_type, count(*) AS events, count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) AS users
FROM analytics_events
WHERE timestamp >= :day_start AND timestamp < :day_end
GROUP BY event_type
ORDER BY event_type;

-- name: funnel_since
-- kind: read
SELECT count(DISTINCT CASE WHEN event_type = 'product_view' THEN session_id END) AS product_view,
       count(DISTINCT CASE WHEN event_type = 'add_to_cart' THEN session_id END) AS add_to_cart,
       count(DISTINCT CASE WHEN event_type = 'checkout_start' THEN session_id END) AS checkout_start,
       count(DISTINCT CASE WHEN event_type = 'purchase' THEN session_id END) AS purchase
FROM analytics_events
WHERE timestamp >= :since;

-- name: newest_event
-- kind: read
SELECT timestamp
FROM analytics_events
ORDER BY id DESC
LIMIT 1;

-- name: rollup_range
-- kind: read
-- needs: analytics_daily
SELECT date, event_type, events, sessions, users, revenue_cents
FROM analytics_daily
WHERE date BETWEEN :from_date AND :to_date
ORDER BY date DESC, event_type, id;

-- name: rollup_of_type
-- kind: read
-- needs: analytics_daily
SELECT date, event_type, events, sessions, users, revenue_cents
FROM analytics_daily
WHERE event_type = :event_type AND date BETWEEN :from_date AND :to_date
ORDER BY date DESC, id;

-- name: track_events
-- kind: write
INSERT INTO analytics_events (event_type, event_data, user_id, session_id, ip_address, user_agent, path, timestamp)
SELECT value ->> 'event_type', value ->> 'event_data', value ->> 'user_id', value ->> 'session_id',
       value ->> 'ip_address', value ->> 'user_agent', value ->> 'path', value ->> 'timestamp'
FROM json_each(:events);
