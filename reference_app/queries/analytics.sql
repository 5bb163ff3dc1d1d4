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

-- Of what came last: without an index on the time, the newest of all is a scan away.
-- name: newest_event
-- kind: read
SELECT max(timestamp) AS timestamp
FROM (SELECT timestamp FROM analytics_events ORDER BY id DESC LIMIT 10000)
HAVING max(timestamp) IS NOT NULL;

-- By time and not by id: events may be told late.
-- name: newest_event_of_all
-- kind: read
-- needs: analytics_daily
SELECT timestamp
FROM analytics_events
ORDER BY timestamp DESC, id DESC
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

-- The days of a batch that are rolled up, and whether their events are still there.
-- name: rolled_up_among
-- kind: read
-- needs: analytics_daily
SELECT d.value AS day,
       EXISTS (SELECT 1 FROM analytics_events AS e
               WHERE e.timestamp >= d.value AND e.timestamp < date(d.value, '+1 day')) AS has_events
FROM json_each(:days) AS d
WHERE EXISTS (SELECT 1 FROM analytics_daily AS r WHERE r.date = d.value);

-- name: forget_rollup
-- kind: write
-- needs: analytics_daily
DELETE FROM analytics_daily
WHERE date IN (SELECT value FROM json_each(:days));

-- What a rollup of one day says. A purchase tells its total; whatever else a page sent counts nothing.
-- name: day_counted
-- kind: read
SELECT event_type, count(*) AS events, count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) AS users,
       sum(CASE WHEN event_type = 'purchase' AND json_valid(event_data)
                     AND json_type(event_data, '$.total_cents') = 'integer'
                     AND event_data ->> '$.total_cents' BETWEEN 0 AND 1000000000
                THEN event_data ->> '$.total_cents' ELSE 0 END) AS revenue_cents
FROM analytics_events
WHERE timestamp >= :day AND timestamp < date(:day, '+1 day')
GROUP BY event_type
ORDER BY event_type;

-- name: day_rolled_up
-- kind: read
-- needs: analytics_daily
SELECT event_type, events, sessions, users, revenue_cents
FROM analytics_daily
WHERE date = :day
ORDER BY event_type, id;

-- name: write_rollup
-- kind: write
-- needs: analytics_daily
-- require: rows
INSERT INTO analytics_daily (date, event_type, events, sessions, users, revenue_cents)
SELECT :day, value ->> 'event_type', value ->> 'events', value ->> 'sessions', value ->> 'users',
       value ->> 'revenue_cents'
FROM json_each(:rows);

-- name: delete_events_of_day
-- kind: write
DELETE FROM analytics_events
WHERE timestamp >= :day AND timestamp < date(:day, '+1 day');

-- The days of a span that have events, from one to the next by the index: no event between is read.
-- name: days_with_events
-- kind: read
-- needs: analytics_daily
WITH RECURSIVE days (day) AS (
    SELECT (SELECT substr(min(timestamp), 1, 10) FROM analytics_events WHERE timestamp >= :from_date)
    UNION ALL
    SELECT (SELECT substr(min(e.timestamp), 1, 10) FROM analytics_events AS e
            WHERE e.timestamp >= date(days.day, '+1 day'))
    FROM days
    WHERE days.day < :before_date
)
SELECT days.day
FROM days
WHERE days.day < :before_date
  AND NOT EXISTS (SELECT 1 FROM analytics_daily AS r WHERE r.date = days.day)  -- if: missing
;

-- What the shop sold, from its orders: nobody but the shop writes these.
-- name: sales_by_day
-- kind: read
SELECT substr(created_at, 1, 10) AS date, count(*) AS orders, sum(total_cents) AS revenue_cents
FROM orders
WHERE created_at >= :from_date AND created_at < date(:to_date, '+1 day')
  AND status NOT IN ('cancelled', 'returned') AND payment_status NOT IN ('refunded', 'failed')
GROUP BY substr(created_at, 1, 10);

-- The dashboard: rolled-up days as they are, and the events of the others, counted.
-- name: dashboard_rolled_up
-- kind: read
-- needs: analytics_daily
SELECT date, event_type, events, sessions, users
FROM analytics_daily
WHERE date BETWEEN :from_date AND :to_date
ORDER BY date DESC, event_type, id;

-- name: dashboard_counted
-- kind: read
-- needs: analytics_daily
WITH RECURSIVE days (day) AS (
    SELECT :from_date
    UNION ALL
    SELECT date(day, '+1 day') FROM days WHERE day < :to_date
)
SELECT days.day AS date, e.event_type, count(*) AS events,
       count(DISTINCT e.session_id) AS sessions, count(DISTINCT e.user_id) AS users
FROM days
JOIN analytics_events AS e ON e.timestamp >= days.day AND e.timestamp < date(days.day, '+1 day')
WHERE NOT EXISTS (SELECT 1 FROM analytics_daily AS r WHERE r.date = days.day)
GROUP BY days.day, e.event_type
ORDER BY days.day DESC, e.event_type;

-- The same without a rollup: every day of the span is counted, in one pass.
-- name: dashboard_without_rollup
-- kind: read
SELECT substr(timestamp, 1, 10) AS date, event_type, count(*) AS events,
       count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) AS users
FROM analytics_events
WHERE timestamp >= :from_date AND timestamp < date(:to_date, '+1 day')
GROUP BY substr(timestamp, 1, 10), event_type
ORDER BY substr(timestamp, 1, 10) DESC, event_type;
