-- The original's own writes, as the report quotes or describes them, kept so that its sentences
-- about them can be probed. No route of the shop uses them.

-- "ALREADY PERFECT": guarded by the batch alone, so that a second answer overwrites the first.
-- name: reported_accept_offer
-- kind: write
UPDATE sell_submissions
SET seller_response = 'accepted',
    seller_response_message = :message,
    seller_response_at = :now,
    status = 'accepted',
    final_price_cents = offered_price_cents
WHERE batch_id = :batch_id;

-- name: reported_refuse_offer
-- kind: write
UPDATE sell_submissions
SET seller_response = 'refused',
    seller_response_message = :message,
    seller_response_at = :now,
    status = 'refused'
WHERE batch_id = :batch_id;

-- "Current checkout doesn't update product stock": the order alone, however often.
-- name: reported_checkout
-- kind: write
INSERT INTO orders (order_number, user_id, customer_name, customer_email, fulfilment, shipping_address,
                    subtotal_cents, shipping_cents, total_cents, created_at, updated_at)
SELECT :order_number, :user_id, :customer_name, :customer_email, :fulfilment, :shipping_address,
       price_cents, :shipping_cents, price_cents + :shipping_cents, :now, :now
FROM products
WHERE id = :product_id;
INSERT INTO order_items (order_id, product_id, product_name, size, quantity, price_cents)
SELECT orders.id, products.id, products.name, products.size, 1, products.price_cents
FROM orders, products
WHERE orders.order_number = :order_number AND products.id = :product_id;
