-- The shop as it stood before 2025-10-05: 18 tables and 41 indexes, counted
-- as the report counts them (every row of sqlite_master of type 'index', the
-- automatic ones of UNIQUE constraints included).
-- Money is integer cents. Times are UTC text 'YYYY-MM-DD HH:MM:SS'.

CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    email           TEXT NOT NULL UNIQUE,
    password_hash   TEXT NOT NULL,
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    phone           TEXT,
    role            TEXT NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'admin')),
    email_verified  INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    created_at      TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_login_at   TEXT
);
CREATE INDEX idx_users_role ON users (role);
CREATE INDEX idx_users_created ON users (created_at);

CREATE TABLE sessions (
    id          INTEGER PRIMARY KEY,
    token_hash  TEXT NOT NULL UNIQUE,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ip_address  TEXT,
    user_agent  TEXT,
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at  TEXT NOT NULL
);
CREATE INDEX idx_sessions_user ON sessions (user_id);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);

CREATE TABLE password_resets (
    id          INTEGER PRIMARY KEY,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash  TEXT NOT NULL UNIQUE,
    expires_at  TEXT NOT NULL,
    used        INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1)),
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE email_verifications (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash   TEXT NOT NULL UNIQUE,
    expires_at   TEXT NOT NULL,
    verified_at  TEXT,
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_email_verifications_user ON email_verifications (user_id);
CREATE INDEX idx_email_verifications_expires ON email_verifications (expires_at);

-- image_url, image_id and additional_images are the second home of what
-- `images` holds; the image consolidation of the report's P1 list ends that.
CREATE TABLE products (
    id                  INTEGER PRIMARY KEY,
    sku                 TEXT NOT NULL UNIQUE,
    name                TEXT NOT NULL,
    description         TEXT,
    category            TEXT NOT NULL CHECK (category IN ('BN-CLOTHES', 'BN-SHOES', 'PO-CLOTHES', 'PO-SHOES')),
    brand               TEXT NOT NULL,
    size                TEXT NOT NULL,
    condition           TEXT NOT NULL,
    colour              TEXT,
    price_cents         INTEGER NOT NULL CHECK (price_cents >= 0),
    status              TEXT NOT NULL DEFAULT 'available'
                        CHECK (status IN ('available', 'reserved', 'sold', 'removed')),
    quantity_available  INTEGER NOT NULL DEFAULT 1 CHECK (quantity_available >= 0),
    featured            INTEGER NOT NULL DEFAULT 0 CHECK (featured IN (0, 1)),
    views_count         INTEGER NOT NULL DEFAULT 0,
    image_url           TEXT,
    image_id            TEXT,
    additional_images   TEXT,
    created_at          TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at          TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_products_category ON products (category);
CREATE INDEX idx_products_status ON products (status);
CREATE INDEX idx_products_brand ON products (brand);
CREATE INDEX idx_products_featured ON products (featured);

CREATE TABLE images (
    id           INTEGER PRIMARY KEY,
    external_id  TEXT NOT NULL UNIQUE,
    entity_type  TEXT NOT NULL CHECK (entity_type IN ('product', 'sell_item', 'user', 'other')),
    entity_id    INTEGER,
    url          TEXT NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    position     INTEGER NOT NULL DEFAULT 0,
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE product_reservations (
    id          INTEGER PRIMARY KEY,
    product_id  INTEGER NOT NULL REFERENCES products (id),
    user_id     INTEGER REFERENCES users (id) ON DELETE SET NULL,
    session_id  TEXT,
    quantity    INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
    status      TEXT NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'completed', 'expired', 'cancelled')),
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at  TEXT NOT NULL
);
CREATE INDEX idx_product_reservations_product ON product_reservations (product_id);
CREATE INDEX idx_product_reservations_user ON product_reservations (user_id);
CREATE INDEX idx_product_reservations_status ON product_reservations (status);
CREATE INDEX idx_product_reservations_expires ON product_reservations (expires_at);

CREATE TABLE orders (
    id                INTEGER PRIMARY KEY,
    order_number      TEXT NOT NULL UNIQUE,
    user_id           INTEGER REFERENCES users (id) ON DELETE SET NULL,
    customer_name     TEXT NOT NULL,
    customer_email    TEXT NOT NULL,
    customer_phone    TEXT,
    fulfilment        TEXT NOT NULL CHECK (fulfilment IN ('collection', 'delivery')),
    shipping_address  TEXT,
    subtotal_cents    INTEGER NOT NULL CHECK (subtotal_cents >= 0),
    shipping_cents    INTEGER NOT NULL DEFAULT 0 CHECK (shipping_cents >= 0),
    total_cents       INTEGER NOT NULL CHECK (total_cents = subtotal_cents + shipping_cents),
    status            TEXT NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'confirmed', 'shipped', 'completed', 'cancelled', 'returned')),
    payment_status    TEXT NOT NULL DEFAULT 'pending'
                      CHECK (payment_status IN ('pending', 'paid', 'refunded', 'failed')),
    created_at        TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at        TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_orders_user ON orders (user_id);
CREATE INDEX idx_orders_status ON orders (status);
CREATE INDEX idx_orders_payment_status ON orders (payment_status);
CREATE INDEX idx_orders_created ON orders (created_at);

CREATE TABLE order_items (
    id            INTEGER PRIMARY KEY,
    order_id      INTEGER NOT NULL REFERENCES orders (id),
    product_id    INTEGER NOT NULL REFERENCES products (id),
    product_name  TEXT NOT NULL,
    size          TEXT NOT NULL,
    quantity      INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
    price_cents   INTEGER NOT NULL CHECK (price_cents >= 0)
);
CREATE INDEX idx_order_items_order ON order_items (order_id);
CREATE INDEX idx_order_items_product ON order_items (product_id);

CREATE TABLE sell_submissions (
    id                       INTEGER PRIMARY KEY,
    batch_id                 TEXT NOT NULL UNIQUE,
    user_id                  INTEGER REFERENCES users (id) ON DELETE SET NULL,
    contact_name             TEXT NOT NULL,
    contact_email            TEXT NOT NULL,
    contact_phone            TEXT,
    status                   TEXT NOT NULL DEFAULT 'pending'
                             CHECK (status IN ('pending', 'reviewing', 'offer_sent', 'accepted', 'refused',
                                               'counter_offer', 'received', 'paid', 'cancelled')),
    item_count               INTEGER NOT NULL DEFAULT 1 CHECK (item_count > 0),
    seller_price_cents       INTEGER,
    offered_price_cents      INTEGER,
    offer_sent_at            TEXT,
    offer_expires_at         TEXT,
    seller_response          TEXT CHECK (seller_response IN ('accepted', 'refused', 'counter_offer')),
    seller_response_message  TEXT,
    seller_response_at       TEXT,
    final_price_cents        INTEGER,
    reviewed_by              INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at               TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at               TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_sell_submissions_user ON sell_submissions (user_id);

CREATE TABLE sell_items (
    id                 INTEGER PRIMARY KEY,
    submission_id      INTEGER NOT NULL REFERENCES sell_submissions (id) ON DELETE CASCADE,
    category           TEXT NOT NULL CHECK (category IN ('BN-CLOTHES', 'BN-SHOES', 'PO-CLOTHES', 'PO-SHOES')),
    brand              TEXT NOT NULL,
    name               TEXT NOT NULL,
    size               TEXT NOT NULL,
    condition          TEXT NOT NULL,
    approved           INTEGER CHECK (approved IN (0, 1)),
    offer_price_cents  INTEGER,
    product_id         INTEGER REFERENCES products (id),
    created_at         TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_sell_items_product ON sell_items (product_id);

CREATE TABLE customer_offers (
    id            INTEGER PRIMARY KEY,
    product_id    INTEGER NOT NULL REFERENCES products (id),
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    amount_cents  INTEGER NOT NULL CHECK (amount_cents > 0),
    status        TEXT NOT NULL DEFAULT 'open'
                  CHECK (status IN ('open', 'outbid', 'accepted', 'refused', 'withdrawn')),
    created_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_customer_offers_product ON customer_offers (product_id);
CREATE INDEX idx_customer_offers_user ON customer_offers (user_id);
CREATE INDEX idx_customer_offers_status ON customer_offers (status);

-- An append-only log that outlives accounts: no foreign key on user_id.
CREATE TABLE analytics_events (
    id          INTEGER PRIMARY KEY,
    event_type  TEXT NOT NULL,
    event_data  TEXT,
    user_id     INTEGER,
    session_id  TEXT NOT NULL,
    ip_address  TEXT,
    user_agent  TEXT,
    path        TEXT,
    timestamp   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- As above: the log keeps what it was told, whatever becomes of the account.
CREATE TABLE system_logs (
    id          INTEGER PRIMARY KEY,
    level       TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error', 'critical')),
    category    TEXT NOT NULL,
    message     TEXT NOT NULL,
    details     TEXT,
    user_id     INTEGER,
    ip_address  TEXT,
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE admin_activity_log (
    id           INTEGER PRIMARY KEY,
    admin_id     INTEGER NOT NULL REFERENCES users (id),
    action       TEXT NOT NULL,
    entity_type  TEXT NOT NULL,
    entity_id    INTEGER,
    details      TEXT,
    ip_address   TEXT,
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_admin_activity_log_admin ON admin_activity_log (admin_id);
CREATE INDEX idx_admin_activity_log_created ON admin_activity_log (created_at);
CREATE INDEX idx_admin_activity_log_entity ON admin_activity_log (entity_type, entity_id);

CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    title       TEXT NOT NULL,
    body        TEXT,
    read_at     TEXT,
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_notifications_user ON notifications (user_id);
CREATE INDEX idx_notifications_created ON notifications (created_at);

CREATE TABLE shipping_addresses (
    id           INTEGER PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    line1        TEXT NOT NULL,
    line2        TEXT,
    city         TEXT NOT NULL,
    county       TEXT,
    postcode     TEXT NOT NULL,
    country      TEXT NOT NULL,
    is_default   INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_shipping_addresses_user ON shipping_addresses (user_id);

CREATE TABLE idempotency_keys (
    id            INTEGER PRIMARY KEY,
    key           TEXT NOT NULL UNIQUE,
    request_hash  TEXT NOT NULL,
    order_number  TEXT,
    created_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_idempotency_keys_created ON idempotency_keys (created_at);
