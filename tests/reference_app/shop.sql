-- A few rows of every table that a route reads, known by heart to the tests.
INSERT INTO users (id, email, password_hash, first_name, last_name) VALUES
  (1, 'ann@example.ie', 'x', 'Ann', 'Byrne'), (2, 'bob@example.ie', 'x', 'Bob', 'Casey');
INSERT INTO users (id, email, password_hash, first_name, last_name, role) VALUES
  (3, 'staff@example.ie', 'x', 'Sue', 'Staff', 'admin');
-- SHA-256 of the tokens 'ann', 'bob' and 'staff'; of Ann's 'ended' as well.
INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at) VALUES
  (1, '49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1', 1, '2025-10-01 10:00:00', '2025-10-31 10:00:00'),
  (2, '81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9', 2, '2025-10-01 10:00:00', '2025-10-31 10:00:00'),
  (3, '1562206543da764123c21bd524674f0a8aaf49c8a89744c97352fe677f7e4006', 3, '2025-10-01 10:00:00', '2025-10-31 10:00:00'),
  (4, 'e87ba7a0b779d8b797f86d19604504496f23b4d1e31ed4721d9dc8634172b723', 1, '2025-09-01 10:00:00', '2025-10-01 10:00:00');
INSERT INTO password_resets (user_id, token_hash, expires_at, used) VALUES
  (1, 'h1', '2025-10-05 11:00:00', 0), (1, 'h2', '2025-10-05 09:00:00', 0),
  (1, 'h3', '2025-10-05 11:30:00', 1);
INSERT INTO products (id, sku, name, category, brand, size, condition, price_cents, status,
                      quantity_available, created_at) VALUES
  (1, 'S1', 'Runner', 'BN-SHOES', 'Nike', 'UK 9', 'new', 12000, 'available', 1, '2025-09-01 10:00:00'),
  (2, 'S2', 'Walker', 'PO-SHOES', 'Puma', 'UK 9', 'good', 5000, 'available', 2, '2025-09-02 10:00:00'),
  (3, 'S3', 'Hoodie', 'BN-CLOTHES', 'Nike', 'L', 'new', 7000, 'available', 1, '2025-09-02 10:00:00'),
  (4, 'S4', 'Gone', 'BN-SHOES', 'Nike', 'UK 9', 'new', 9000, 'sold', 0, '2025-09-03 10:00:00');
INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes, position) VALUES
  ('i1', 'product', 1, 'https://img.example/1', 800, 600, 1000, 1),
  ('i2', 'product', 1, 'https://img.example/2', 800, 600, 1000, 0),
  ('i3', 'user', 1, 'https://img.example/3', 80, 60, 100, 0);
INSERT INTO orders (id, order_number, user_id, customer_name, customer_email, fulfilment,
                    subtotal_cents, total_cents, created_at) VALUES
  (1, 'ORD-1', 1, 'Ann Byrne', 'ann@example.ie', 'collection', 9000, 9000, '2025-09-10 10:00:00'),
  (2, 'ORD-2', 1, 'Ann Byrne', 'ann@example.ie', 'collection', 5000, 5000, '2025-09-11 10:00:00');
INSERT INTO order_items (order_id, product_id, product_name, size, price_cents) VALUES
  (1, 4, 'Gone', 'UK 9', 9000), (2, 2, 'Walker', 'UK 9', 5000);
INSERT INTO sell_submissions (id, batch_id, user_id, contact_name, contact_email, status, item_count,
                              offered_price_cents, offer_expires_at, created_at) VALUES
  (1, 'BATCH-20251001-00001', 1, 'Ann', 'ann@example.ie', 'offer_sent', 2, 8000,
   '2025-10-09 10:00:00', '2025-10-01 10:00:00'),
  (2, 'BATCH-20251002-00002', 2, 'Bob', 'bob@example.ie', 'pending', 1, NULL, NULL, '2025-10-02 10:00:00'),
  (3, 'BATCH-20251003-00003', 2, 'Bob', 'bob@example.ie', 'offer_sent', 1, 3000,
   '2025-10-04 10:00:00', '2025-10-03 10:00:00');
INSERT INTO sell_items (submission_id, category, brand, name, size, condition) VALUES
  (1, 'PO-SHOES', 'Nike', 'Old runner', 'UK 8', 'worn'), (1, 'PO-CLOTHES', 'Nike', 'Shirt', 'M', 'good'),
  (2, 'PO-SHOES', 'Puma', 'Boot', 'UK 7', 'good'), (3, 'PO-SHOES', 'Puma', 'Boot', 'UK 7', 'good');
INSERT INTO system_logs (level, category, message, created_at) VALUES
  ('error', 'db', 'busy', '2025-10-05 09:40:00'), ('error', 'db', 'old', '2025-10-05 08:40:00'),
  ('info', 'web', 'started', '2025-10-05 09:50:00');
INSERT INTO analytics_events (event_type, event_data, user_id, session_id, path, timestamp) VALUES
  ('page_view', '{}', NULL, 's0', '/', '2025-09-20 10:00:00'),
  ('page_view', '{}', NULL, 's1', '/', '2025-10-04 10:00:00'),
  ('product_view', '{"product_id":4}', 1, 's2', '/p/4', '2025-10-04 11:00:00'),
  ('add_to_cart', '{"product_id":4}', 1, 's2', '/p/4', '2025-10-04 11:01:00'),
  ('checkout_start', '{}', 1, 's2', '/cart', '2025-10-04 11:02:00'),
  ('purchase', '{}', 1, 's2', '/cart', '2025-10-04 11:03:00'),
  ('product_view', '{"product_id":2}', 2, 's3', '/p/2', '2025-10-05 10:00:00');
