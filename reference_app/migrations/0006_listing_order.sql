-- The first page of the shop: what is available, newest first, in one walk of an index and
-- without a sort. The audit had asked for (status, created_at) where lists are kept in that order.

CREATE INDEX idx_products_status_created ON products (status, created_at);
