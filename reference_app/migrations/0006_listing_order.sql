-- The first page of the shop: what is available, newest first, in one walk of an index and
-- without a sort. The audit had asked for (status, created_at) where lists are kept in that order.

CREATE INDEX idx_products_status_created ON products (status, created_at);

-- The same page for one size, or for one size of one category. Without it the planner has to choose
-- between sorting every product of the size and walking the whole shelf, and chooses well only with
-- samples of the values (sqlite_stat4), for which it plans every statement anew at each execution.
CREATE INDEX idx_products_status_size_created ON products (status, size, created_at);
