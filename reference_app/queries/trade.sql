-- Orders, and the checkout that makes them.

-- name: order_history
-- kind: read
SELECT id, order_number, fulfilment, total_cents, status, payment_status, created_at
FROM orders
WHERE user_id = :user_id
ORDER BY created_at DESC, id DESC
LIMIT 20;

-- name: order_by_number
-- kind: read
SELECT id, order_number, user_id, customer_name, customer_email, fulfilment, shipping_address,
       subtotal_cents, shipping_cents, total_cents, status, payment_status, created_at, updated_at
FROM orders
WHERE order_number = :order_number;

-- name: items_of_order
-- kind: read
SELECT order_items.id, order_items.product_id, order_items.product_name, order_items.size,
       order_items.quantity, order_items.price_cents
FROM order_items
JOIN orders ON orders.id = order_items.order_id
WHERE orders.order_number = :order_number
ORDER BY order_items.id;

-- name: checkout
-- kind: write
-- require: 1
UPDATE products
SET quantity_available = quantity_available - 1,
    status = CASE WHEN quantity_available = 1 THEN 'sold' ELSE status END,
    updated_at = :now
WHERE id = :product_id AND status = 'available' AND quantity_available >= 1;
-- require: 1
INSERT INTO orders (order_number, user_id, customer_name, customer_email, fulfilment, shipping_address,
                    subtotal_cents, shipping_cents, total_cents, created_at, updated_at)
SELECT :order_number, :user_id, :customer_name, :customer_email, :fulfilment, :shipping_address,
       price_cents, :shipping_cents, price_cents + :shipping_cents, :now, :now
FROM products
WHERE id = :product_id;
-- require: 1
INSERT INTO order_items (order_id, product_id, product_name, size, quantity, price_cents)
SELECT orders.id, products.id, products.name, products.size, 1, products.price_cents
FROM orders, products
WHERE orders.order_number = :order_number AND products.id = :product_id;
-- require: 1
INSERT INTO idempotency_keys (key, request_hash, order_number, created_at)
VALUES (:idempotency_key, :request_hash, :order_number, :now);
-- needs: stock_moves
-- require: 1
INSERT INTO stock_moves (product_id, order_id, quantity_change, reason, created_at)
SELECT :product_id, id, -1, 'sale', :now
FROM orders
WHERE order_number = :order_number;

-- Reservations: who holds a piece for a day.

-- name: lapsed_reservations
-- kind: read
SELECT id, product_id, quantity
FROM product_reservations
WHERE status = 'active' AND expires_at <= :now
  AND product_id IN (SELECT value FROM json_each(:products)) -- if: products
ORDER BY id
LIMIT 500;

-- name: held_reservations
-- kind: read
SELECT id, product_id, quantity
FROM product_reservations
WHERE status = 'active'
  AND product_id IN (SELECT value FROM json_each(:products)) -- if: products
  AND (user_id = :user_id OR (user_id IS NULL AND session_id = :session_id))
ORDER BY id;

-- name: close_reservations
-- kind: write
-- require: ids
UPDATE product_reservations
SET status = :status
WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'active';
