-- The report's migration of 2025-10-05, "2025-10-05-safe-migration.sql":
-- two tables and fourteen indexes, under the names and in the order in which
-- the report lists them. No ANALYZE: the report ran none.

CREATE TABLE stock_moves (
    id               INTEGER PRIMARY KEY,
    product_id       INTEGER NOT NULL REFERENCES products (id),
    order_id         INTEGER REFERENCES orders (id),
    submission_id    INTEGER REFERENCES sell_submissions (id),
    quantity_change  INTEGER NOT NULL CHECK (quantity_change <> 0),
    reason           TEXT NOT NULL
                     CHECK (reason IN ('intake', 'sale', 'return', 'reservation',
                                       'reservation_expired', 'adjustment')),
    created_at       TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE analytics_daily (
    id             INTEGER PRIMARY KEY,
    date           TEXT NOT NULL,
    event_type     TEXT NOT NULL,
    events         INTEGER NOT NULL,
    sessions       INTEGER NOT NULL,
    users          INTEGER NOT NULL,
    revenue_cents  INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX idx_password_resets_user ON password_resets (user_id);
CREATE INDEX idx_products_size ON products (size);
CREATE INDEX idx_sell_submissions_status ON sell_submissions (status);
CREATE INDEX idx_sell_submissions_created ON sell_submissions (created_at);
CREATE INDEX idx_sell_items_submission ON sell_items (submission_id);
CREATE INDEX idx_analytics_event_type ON analytics_events (event_type);
CREATE INDEX idx_analytics_timestamp ON analytics_events (timestamp);
CREATE INDEX idx_analytics_user ON analytics_events (user_id);
CREATE INDEX idx_images_entity ON images (entity_type, entity_id);
CREATE INDEX idx_logs_created ON system_logs (created_at);
CREATE INDEX idx_stock_moves_product ON stock_moves (product_id);
CREATE INDEX idx_stock_moves_order ON stock_moves (order_id);
CREATE INDEX idx_analytics_daily_date ON analytics_daily (date);
CREATE INDEX idx_analytics_daily_type ON analytics_daily (event_type);
