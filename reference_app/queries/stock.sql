-- The pieces of every product, and the ledger of their changes, which only the migration brings.

-- The one way in which stock changes, but for the checkout, which is measured as one: a row of
-- the ledger for every change, never below nothing, and a status that follows. Reservations are
-- opened and closed before it is run.
-- name: move_stock
-- kind: write
-- require: changes
UPDATE products
SET quantity_available = products.quantity_available + moved.quantity,
    status = CASE
        WHEN products.status = 'removed' THEN 'removed'
        WHEN products.quantity_available > -moved.quantity THEN 'available'
        WHEN EXISTS (SELECT 1 FROM product_reservations
                     WHERE product_id = products.id AND status = 'active') THEN 'reserved'
        ELSE 'sold'
    END,
    updated_at = :now
FROM (SELECT value ->> 'product_id' AS product_id, value ->> 'quantity' AS quantity
      FROM json_each(:changes)) AS moved
WHERE products.id = moved.product_id
  AND CASE WHEN products.status = :only_status THEN products.quantity_available ELSE 0 END >= -moved.quantity -- if: only_status
  AND products.quantity_available >= -moved.quantity;
-- needs: stock_moves
-- require: changes
INSERT INTO stock_moves (product_id, order_id, submission_id, quantity_change, reason, created_at)
SELECT value ->> 'product_id', :order_id, :submission_id, value ->> 'quantity', :reason, :now
FROM json_each(:changes)
ORDER BY id;

-- name: stock_history
-- kind: read
-- needs: stock_moves
SELECT id, product_id, order_id, submission_id, quantity_change, reason, created_at
FROM stock_moves
WHERE product_id = :product_id
ORDER BY created_at DESC, id DESC;

-- name: stock_of_order
-- kind: read
-- needs: stock_moves
SELECT stock_moves.id, stock_moves.product_id, stock_moves.quantity_change, stock_moves.reason, stock_moves.created_at
FROM stock_moves
JOIN orders ON orders.id = stock_moves.order_id
WHERE orders.order_number = :order_number
ORDER BY stock_moves.id;

-- name: product_stock
-- kind: read
SELECT id AS product_id, quantity_available, status
FROM products
WHERE id = :product_id;

-- Audits: each row found is a thing that must not be.

-- name: stock_mismatches
-- kind: read
-- needs: stock_moves
SELECT products.id AS product_id, products.quantity_available, coalesce(told.pieces, 0) AS ledger
FROM products
LEFT JOIN (SELECT product_id, sum(quantity_change) AS pieces
           FROM stock_moves
           GROUP BY product_id) AS told ON told.product_id = products.id
WHERE products.quantity_available <> coalesce(told.pieces, 0)
ORDER BY products.id
LIMIT :limit;

-- name: stock_counts
-- kind: read
-- needs: stock_moves
SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM stock_moves) AS moves;

-- name: product_count
-- kind: read
SELECT count(*) AS products
FROM products;

-- name: stock_below_nothing
-- kind: read
SELECT id, quantity_available
FROM products
WHERE quantity_available < 0
ORDER BY id
LIMIT :limit;

-- name: orders_without_items
-- kind: read
SELECT id, order_number
FROM orders
WHERE NOT EXISTS (SELECT 1 FROM order_items WHERE order_items.order_id = orders.id)
ORDER BY id
LIMIT :limit;

-- An answer is written whole, by one hand: state, answer and time agree.
-- name: answers_that_disagree
-- kind: read
SELECT id, batch_id, status, seller_response
FROM sell_submissions
WHERE (status IN ('accepted', 'refused', 'counter_offer') AND seller_response IS NOT status)
   OR (seller_response IS NULL) <> (seller_response_at IS NULL)
ORDER BY id
LIMIT :limit;

-- name: status_that_disagrees
-- kind: read
SELECT id, status, quantity_available
FROM products
WHERE (status = 'available' AND quantity_available = 0)
   OR (status IN ('sold', 'reserved') AND quantity_available > 0)
ORDER BY id
LIMIT :limit;

-- name: rows_without_parents
-- kind: read
SELECT "table" AS of_table, rowid AS id, parent
FROM pragma_foreign_key_check
ORDER BY of_table, id
LIMIT :limit;

-- name: damage
-- kind: read
SELECT quick_check AS id
FROM pragma_quick_check
WHERE quick_check <> 'ok'
ORDER BY id
LIMIT :limit;
