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

-- The whole checkout of `:items`, [{"product_id", "quantity"}], each product once. What a buyer
-- had reserved is given back just before, in the same transaction. What can be had of a product
-- is one expression, so that products are found by their ids and never by their status.
-- name: checkout
-- kind: write
-- require: items
UPDATE products
SET quantity_available = products.quantity_available - line.quantity,
    status = CASE
        WHEN products.quantity_available > line.quantity THEN 'available'
        WHEN EXISTS (SELECT 1 FROM product_reservations
                     WHERE product_id = products.id AND status = 'active') THEN 'reserved'
        ELSE 'sold'
    END,
    updated_at = :now
FROM (SELECT value ->> 'product_id' AS product_id, value ->> 'quantity' AS quantity
      FROM json_each(:items)) AS line
WHERE products.id = line.product_id
  AND CASE WHEN products.status = 'available' THEN products.quantity_available ELSE 0 END >= line.quantity;
-- require: 1
INSERT INTO orders (order_number, user_id, customer_name, customer_email, customer_phone, fulfilment,
                    shipping_address, subtotal_cents, shipping_cents, total_cents, created_at, updated_at)
SELECT :order_number, :user_id, :customer_name, :customer_email, :customer_phone, :fulfilment,
       :shipping_address, goods.cents, :shipping_cents, goods.cents + :shipping_cents, :now, :now
FROM (SELECT sum(products.price_cents * (line.value ->> 'quantity')) AS cents
      FROM json_each(:items) AS line
      JOIN products ON products.id = line.value ->> 'product_id') AS goods;
-- require: items
INSERT INTO order_items (order_id, product_id, product_name, size, quantity, price_cents)
SELECT orders.id, products.id, products.name, products.size, line.value ->> 'quantity', products.price_cents
FROM json_each(:items) AS line
JOIN products ON products.id = line.value ->> 'product_id'
JOIN orders ON orders.order_number = :order_number
ORDER BY line.id;
-- require: 1
INSERT INTO idempotency_keys (key, request_hash, order_number, created_at)
VALUES (:idempotency_key, :request_hash, :order_number, :now);
-- needs: stock_moves
-- require: items
INSERT INTO stock_moves (product_id, order_id, quantity_change, reason, created_at)
SELECT line.value ->> 'product_id', orders.id, -(line.value ->> 'quantity'), 'sale', :now
FROM json_each(:items) AS line
JOIN orders ON orders.order_number = :order_number
ORDER BY line.id;

-- name: order_of_key
-- kind: read
SELECT request_hash, order_number
FROM idempotency_keys
WHERE key = :idempotency_key;

-- name: buyer
-- kind: read
SELECT id, first_name || ' ' || last_name AS name, email, phone
FROM users
WHERE id = :user_id;

-- name: pieces_of_products
-- kind: read
SELECT id, name, status, quantity_available
FROM products
WHERE id IN (SELECT value FROM json_each(:products))
ORDER BY id;

-- name: orders_of_user
-- kind: read
SELECT id, order_number, fulfilment, total_cents, status, payment_status, created_at
FROM orders
WHERE user_id = :user_id
  AND (created_at, id) < (:after_created, :after_id) -- if: after_created
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: orders_for_staff
-- kind: read
SELECT id, order_number, user_id, customer_name, customer_email, fulfilment, total_cents, status,
       payment_status, created_at
FROM orders
WHERE id < :before
  AND status = :status -- if: status
ORDER BY id DESC
LIMIT :limit;

-- name: change_order
-- kind: write
-- require: 1
UPDATE orders
SET status = :status, payment_status = :payment_status, updated_at = :now
WHERE id = :id AND status = :status_before AND payment_status = :payment_status_before;

-- Reservations: who holds a piece for a day.

-- name: reserve
-- kind: write
-- require: 1
INSERT INTO product_reservations (product_id, user_id, session_id, created_at, expires_at)
SELECT :product_id, :user_id, :session_id, :now, :expires_at
WHERE NOT EXISTS (SELECT 1 FROM product_reservations
                  WHERE product_id = :product_id AND status = 'active'
                    AND (user_id = :user_id OR (user_id IS NULL AND session_id = :session_id)));

-- name: reservation_by_id
-- kind: read
SELECT id, product_id, user_id, session_id, quantity, status, created_at, expires_at
FROM product_reservations
WHERE id = :id;

-- name: active_reservations
-- kind: read
SELECT id, product_id, quantity, status, created_at, expires_at
FROM product_reservations
WHERE id < :before AND status = 'active' AND expires_at > :now
  AND user_id = :user_id -- if: user_id
  AND user_id IS NULL AND session_id = :session_id -- if: session_id
ORDER BY id DESC
LIMIT :limit;

-- Of those that somebody made, the ones that still hold a piece.
-- name: reservations_still_active
-- kind: read
SELECT id
FROM product_reservations
WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'active' AND expires_at > :now;

-- Of guests' orders, the ones that nobody has paid or cancelled, and that have not left the shop.
-- They are found by their ids and never by their status.
-- name: orders_still_unpaid
-- kind: read
SELECT id
FROM orders
WHERE id IN (SELECT value FROM json_each(:ids))
  AND +status IN ('pending', 'confirmed') AND +payment_status IN ('pending', 'failed');

-- name: lapsed_reservations
-- kind: read
SELECT id, product_id, user_id, quantity
FROM product_reservations
WHERE status = 'active' AND expires_at <= :now
ORDER BY id
LIMIT 500;

-- The active ones of a few products, found by the products: those of all are many more.
-- name: reservations_of_products
-- kind: read
SELECT id, product_id, user_id, session_id, quantity, expires_at
FROM product_reservations
WHERE product_id IN (SELECT value FROM json_each(:products))
  AND CASE WHEN status = 'active' THEN 1 ELSE 0 END = 1
ORDER BY id;

-- name: reservations_of_user
-- kind: read
SELECT id, product_id, quantity
FROM product_reservations
WHERE user_id = :user_id AND status = 'active'
ORDER BY id;

-- name: close_reservations
-- kind: write
-- require: ids
UPDATE product_reservations
SET status = :status
WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'active';

-- Offers of customers on a product: the highest open one counts.

-- name: highest_offer
-- kind: read
SELECT products.id AS product_id, max(customer_offers.amount_cents) AS amount_cents
FROM products
LEFT JOIN customer_offers
  ON customer_offers.product_id = products.id AND customer_offers.status = 'open'
WHERE products.id = :product_id AND products.status <> 'removed'
GROUP BY products.id;

-- name: open_offers
-- kind: read
SELECT id, user_id, amount_cents
FROM customer_offers
WHERE product_id = :product_id AND status = 'open'
ORDER BY amount_cents DESC, id;

-- name: make_offer
-- kind: write
-- require: 1
INSERT INTO customer_offers (product_id, user_id, amount_cents, created_at)
SELECT id, :user_id, :amount_cents, :now
FROM products
WHERE id = :product_id AND status IN ('available', 'reserved')
  AND NOT EXISTS (SELECT 1 FROM customer_offers
                  WHERE product_id = products.id AND status = 'open' AND amount_cents >= :amount_cents);

-- Whoever was outbid leads again when the one above goes: the highest of what was offered since an
-- offer on the product was last answered.

-- name: next_offer
-- kind: read
SELECT customer_offers.id, customer_offers.product_id, customer_offers.user_id,
       customer_offers.amount_cents
FROM customer_offers
JOIN products ON products.id = customer_offers.product_id
WHERE customer_offers.product_id = :product_id
  AND customer_offers.status = 'outbid'
  AND customer_offers.user_id <> :user_id
  AND products.status IN ('available', 'reserved')
  AND customer_offers.id > (SELECT coalesce(max(answered.id), 0) FROM customer_offers AS answered
                            WHERE answered.product_id = :product_id
                              AND answered.status IN ('accepted', 'refused'))
ORDER BY customer_offers.amount_cents DESC, customer_offers.id
LIMIT 1;

-- name: open_offers_of_user
-- kind: read
SELECT id, product_id, user_id, amount_cents
FROM customer_offers
WHERE user_id = :user_id AND status = 'open';

-- name: reopen_offer
-- kind: write
-- require: 1
UPDATE customer_offers
SET status = 'open'
WHERE id = :id AND status = 'outbid';

-- name: withdraw_offer
-- kind: write
-- require: 1
UPDATE customer_offers
SET status = 'withdrawn'
WHERE id = :id AND status IN ('open', 'outbid');

-- name: offer_by_id
-- kind: read
SELECT customer_offers.id, customer_offers.product_id, products.name AS product_name,
       customer_offers.user_id, customer_offers.amount_cents, customer_offers.status,
       customer_offers.created_at
FROM customer_offers
JOIN products ON products.id = customer_offers.product_id
WHERE customer_offers.id = :id;

-- name: offers_page
-- kind: read
SELECT customer_offers.id, customer_offers.product_id, products.name AS product_name,
       customer_offers.user_id, customer_offers.amount_cents, customer_offers.status,
       customer_offers.created_at
FROM customer_offers
JOIN products ON products.id = customer_offers.product_id
WHERE customer_offers.id < :before
  AND customer_offers.user_id = :user_id -- if: user_id
  AND customer_offers.product_id = :product_id -- if: product_id
  AND customer_offers.status = :status -- if: status
ORDER BY customer_offers.id DESC
LIMIT :limit;

-- name: close_offers
-- kind: write
-- require: ids
UPDATE customer_offers
SET status = :status
WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'open';

-- name: order_at_offer
-- kind: write
-- require: 1
INSERT INTO orders (order_number, user_id, customer_name, customer_email, customer_phone, fulfilment,
                    subtotal_cents, shipping_cents, total_cents, created_at, updated_at)
VALUES (:order_number, :user_id, :customer_name, :customer_email, :customer_phone, 'collection',
        :amount_cents, 0, :amount_cents, :now, :now);
-- require: 1
INSERT INTO order_items (order_id, product_id, product_name, size, quantity, price_cents)
SELECT orders.id, products.id, products.name, products.size, 1, :amount_cents
FROM orders
JOIN products ON products.id = :product_id
WHERE orders.order_number = :order_number;
