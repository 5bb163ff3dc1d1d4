-- Rows of the tables that only the migration brings.
INSERT INTO stock_moves (product_id, order_id, quantity_change, reason, created_at) VALUES
  (4, NULL, 1, 'intake', '2025-09-03 10:00:00'), (4, 1, -1, 'sale', '2025-09-10 10:00:00');
INSERT INTO analytics_daily (date, event_type, events, sessions, users) VALUES
  ('2025-10-04', 'page_view', 1, 1, 0), ('2025-10-04', 'product_view', 1, 1, 1),
  ('2025-06-01', 'page_view', 9, 9, 9);
