-- The stock ledger, which only the migration brings.

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
