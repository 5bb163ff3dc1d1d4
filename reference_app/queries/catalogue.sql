-- The catalogue's queries. Pictures come from `images` alone, not from the second home that
-- `products` has for them, so that the answers outlive its removal.

-- name: products_by_size
-- kind: read
SELECT id, sku, name, category, brand, size, condition, colour, price_cents, quantity_available, featured, created_at
FROM products
WHERE status = 'available' AND size = :size
ORDER BY created_at DESC, id DESC
LIMIT 24;

-- name: products_by_category_size
-- kind: read
SELECT id, sku, name, category, brand, size, condition, colour, price_cents, quantity_available, featured, created_at
FROM products
WHERE status = 'available' AND category = :category AND size = :size
ORDER BY created_at DESC, id DESC
LIMIT 24;

-- name: products_newest
-- kind: read
SELECT id, sku, name, category, brand, size, condition, colour, price_cents, quantity_available, featured, created_at
FROM products
WHERE status = 'available'
ORDER BY created_at DESC, id DESC
LIMIT 24;

-- name: product_by_id
-- kind: read
SELECT id, sku, name, description, category, brand, size, condition, colour, price_cents, status,
       quantity_available, featured, views_count, created_at, updated_at
FROM products
WHERE id = :product_id;

-- name: images_of_product
-- kind: read
SELECT id, external_id, url, width, height, bytes, position
FROM images
WHERE entity_type = 'product' AND entity_id = :product_id
ORDER BY position, id;

-- name: images_for_entity
-- kind: read
SELECT id, external_id, url, width, height, bytes, position
FROM images
WHERE entity_type = :entity_type AND entity_id = :entity_id
ORDER BY position, id;
