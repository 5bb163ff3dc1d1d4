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
  AND products.status = :only_status -- if: only_status
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
