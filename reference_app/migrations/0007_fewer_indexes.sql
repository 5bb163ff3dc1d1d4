-- What the measurements recommend: the gains of 0002_safe_migration kept or bettered (but for a tenth
-- of one, see idx_analytics_event_type), with as few indexes to keep up as that allows. 0003 and 0006
-- put composites beside the migration's own indexes, so that one batch of ten events took 1.5 times as
-- long to write as after the migration; here what a composite already says goes, and what is left is
-- made narrower or partial.
--
-- Figures: 10,000 products and 1,000,000 events, warm cache, medians, SQLite 3.54, with ANALYZE; steps
-- are those of SQLite's virtual machine. Ten events are written in 0.13 ms, as after the migration, and
-- in 0.19 with 0006 (0.06 before all of them). A checkout takes 5 % longer than after the migration,
-- for the one index that it did not have, and 11 % less than with 0006.
-- Run `ANALYZE; DELETE FROM sqlite_stat4;` afterwards, or where ANALYZE is dear `PRAGMA optimize = 0x10002`.
-- Without any statistics each operation of the study takes the steps that it took before the migration
-- or fewer, but products of one size are read along idx_products_available_created, as slow as then.
-- Each new index is made before the one that it replaces is dropped, so that run one by one, the
-- statements leave no query without its way.

-- Products of one size, newest first. Neither column changes when a product is sold, so a checkout
-- pays nothing for it, where (status, size, created_at) is rewritten by each. The page of a size takes
-- 0.022 ms; 0.21 ms with (size) alone.
CREATE INDEX idx_products_size_created ON products (size, created_at);
DROP INDEX idx_products_size;
DROP INDEX idx_products_status_size_created;

-- The first page of the shop, 8 to 12 ms without an index for it and 0.022 ms with one. Partial: what was
-- sold or removed (39 % of products) is not in it, and a sale takes an entry out and puts none in.
-- `status` stands in front so that the planner sees that the index answers the whole filter; with
-- (created_at) alone it goes on sorting what idx_products_status finds.
CREATE INDEX idx_products_available_created ON products (status, created_at) WHERE status = 'available';
DROP INDEX idx_products_status_created;

-- One index for the list of one status (order kept: `id` is its last key), for the count by status
-- and for the summary, which was 1.6 times slower after the migration at full size: the planner walked
-- (status) and fetched each row for its item_count. 0.75 ms before, 0.56 ms after, 0.20 ms covered.
CREATE INDEX idx_sell_submissions_status_created_items
    ON sell_submissions (status, created_at, id, item_count);
DROP INDEX idx_sell_submissions_status_created;
DROP INDEX idx_sell_submissions_status;

-- A prefix of (event_type, timestamp), and without that one what leads the planner to sort half of the
-- log for the newest events of a type. The count of all events by type takes the same 7,000,123 steps on
-- the wider index, which has twice the pages: 49 ms instead of 43, and 329 before the migration. It is
-- the one price that a read pays here. Kept beside the wider one, this index would make each batch of
-- ten events a fifth slower than after the migration: 0.102 ms, where 0.085 are both without it and
-- after the migration (these three on a quicker machine than the other figures).
DROP INDEX idx_analytics_event_type;

-- Six events in ten are a guest's: they are in no user's list, and need no entry. With the time in the
-- index a user's newest 50 are read without sorting all of theirs: 0.033 ms instead of 0.125.
CREATE INDEX idx_analytics_user_timestamp ON analytics_events (user_id, timestamp) WHERE user_id IS NOT NULL;
DROP INDEX idx_analytics_user;

-- Two moves in three belong to no order (13,390 of 20,406).
CREATE INDEX idx_stock_moves_of_order ON stock_moves (order_id) WHERE order_id IS NOT NULL;
DROP INDEX idx_stock_moves_order;

-- The same two columns, the telling one first. Without statistics the planner takes ten rows for what
-- entity_type = 'sell_item' finds and begins with it: the photos of one submission took 32,017 steps
-- after the migration, and take 35.
CREATE INDEX idx_images_of_entity ON images (entity_id, entity_type);
DROP INDEX idx_images_entity;

-- Days of one type, newest first, by one search: 0.039 ms. With (event_type) alone it was 0.085 ms, and
-- 0.147 ms with ANALYZE, for which the planner read every type of these days.
CREATE INDEX idx_analytics_daily_type_date ON analytics_daily (event_type, date DESC);
DROP INDEX idx_analytics_daily_type;
