-- What the audit before the migration had asked for and the migration did not
-- ship: composite indexes that filter and keep the order in one walk.
-- The audit's (event_type, created_at) is (event_type, timestamp) here, since
-- that is the column's name on analytics_events.

CREATE INDEX idx_sell_submissions_status_created ON sell_submissions (status, created_at);
CREATE INDEX idx_analytics_event_type_timestamp ON analytics_events (event_type, timestamp);
