-- The opening balance of the stock ledger: one row for every product whose stock is not the sum
-- of its moves, so that from here on the one always equals the other. What was bought and sold
-- before there was a ledger is not known any more; the row is dated when the product came in,
-- so that it stands before every move and the stock at any later time reads right.
-- A ledger that agrees already gets no row.

INSERT INTO stock_moves (product_id, quantity_change, reason, created_at)
SELECT products.id, products.quantity_available - coalesce(told.pieces, 0), 'adjustment',
       products.created_at
FROM products
LEFT JOIN (SELECT product_id, sum(quantity_change) AS pieces
           FROM stock_moves
           GROUP BY product_id) AS told ON told.product_id = products.id
WHERE products.quantity_available <> coalesce(told.pieces, 0)
ORDER BY products.id;
