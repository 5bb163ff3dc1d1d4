-- The catalogue's queries. `images` is the home of pictures. Where products still have their
-- second one (before 0005_image_consolidation), what only that holds comes after the others, as
-- the consolidation will place it: the answers before and after are the same. Such a picture has
-- no row yet, and so its id is null. In shops whose `images` is complete it finds nothing; its
-- subqueries speak of `products.id`, for one without would be run all the same, and scan; the
-- `+` before a parameter keeps SQLite from planning anew for each of its values.

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

-- Any other page of the listing. Text is looked for by a scan of the available products.
-- name: products_page
-- kind: read
SELECT id, sku, name, category, brand, size, condition, colour, price_cents, quantity_available, featured, created_at
FROM products
WHERE status = 'available'
  AND category = :category -- if: category
  AND size = :size -- if: size
  AND brand = :brand -- if: brand
  AND condition = :condition -- if: condition
  AND price_cents >= :min_price_cents -- if: min_price_cents
  AND price_cents <= :max_price_cents -- if: max_price_cents
  AND (name LIKE :pattern ESCAPE '\' OR brand LIKE :pattern ESCAPE '\') -- if: pattern
  AND (created_at, id) < (:after_created_at, :after_id) -- if: after_created_at
  AND (price_cents, id) > (:above_price_cents, :after_id) -- if: above_price_cents
  AND (price_cents, id) < (:below_price_cents, :after_id) -- if: below_price_cents
ORDER BY
  price_cents, id, -- if: cheapest
  price_cents DESC, id DESC, -- if: dearest
  created_at DESC, id DESC
LIMIT :limit;

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
-- needs: products.image_id
SELECT NULL AS id, coalesce(nullif(image_id, ''), image_url) AS external_id, image_url AS url,
       0 AS width, 0 AS height, 0 AS bytes,
       1 + (SELECT coalesce(max(position), -1) FROM images
            WHERE entity_type = 'product' AND entity_id = products.id) AS position
FROM products
WHERE id = +:product_id AND image_url <> ''
  AND NOT EXISTS (SELECT 1 FROM images
                  WHERE external_id = coalesce(nullif(products.image_id, ''), products.image_url))
  AND NOT (coalesce(image_id, '') = ''
           AND EXISTS (SELECT 1 FROM images
                       WHERE entity_type = 'product' AND entity_id = products.id AND url = products.image_url));
-- needs: products.additional_images
SELECT NULL AS id, coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url') AS external_id,
       held.value ->> 'url' AS url, coalesce(held.value ->> 'width', 0) AS width,
       coalesce(held.value ->> 'height', 0) AS height, coalesce(held.value ->> 'bytes', 0) AS bytes,
       2 + held.key + (SELECT coalesce(max(position), -1) FROM images
                       WHERE entity_type = 'product' AND entity_id = products.id) AS position
FROM products,
     json_each(CASE WHEN json_valid(additional_images) THEN additional_images END) AS held
WHERE products.id = +:product_id
  -- Most lists are short and all in `images`; that is seen without walking through them.
  AND CASE WHEN json_valid(additional_images) THEN
      json_array_length(additional_images) > 2
      OR NOT EXISTS (SELECT 1 FROM images WHERE external_id = additional_images ->> '$[0].id')
      OR json_array_length(additional_images) = 2
         AND NOT EXISTS (SELECT 1 FROM images WHERE external_id = additional_images ->> '$[1].id')
      END
  AND CASE WHEN typeof(held.key) = 'integer' AND held.type = 'object' THEN
      held.value ->> 'url' <> ''
      AND NOT EXISTS (SELECT 1 FROM images
                      WHERE external_id = coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url'))
      AND NOT (coalesce(held.value ->> 'id', '') = ''
               AND EXISTS (SELECT 1 FROM images
                           WHERE entity_type = 'product' AND entity_id = products.id AND url = held.value ->> 'url'))
      AND coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url')
          IS NOT CASE WHEN image_url <> '' THEN coalesce(nullif(image_id, ''), image_url) END
      AND NOT EXISTS (
          SELECT 1 FROM json_each(products.additional_images) AS earlier
          WHERE earlier.key < held.key
            AND CASE WHEN earlier.type = 'object' THEN
                earlier.value ->> 'url' <> ''
                AND coalesce(nullif(earlier.value ->> 'id', ''), earlier.value ->> 'url')
                    = coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url')
                END)
      END;

-- name: images_for_entity
-- kind: read
SELECT id, external_id, url, width, height, bytes, position
FROM images
WHERE entity_type = :entity_type AND entity_id = :entity_id
ORDER BY position, id;
-- needs: products.image_id
SELECT NULL AS id, coalesce(nullif(image_id, ''), image_url) AS external_id, image_url AS url,
       0 AS width, 0 AS height, 0 AS bytes,
       1 + (SELECT coalesce(max(position), -1) FROM images
            WHERE entity_type = 'product' AND entity_id = products.id) AS position
FROM products
WHERE id = +:entity_id AND image_url <> ''
  AND +:entity_type = 'product'
  AND NOT EXISTS (SELECT 1 FROM images
                  WHERE external_id = coalesce(nullif(products.image_id, ''), products.image_url))
  AND NOT (coalesce(image_id, '') = ''
           AND EXISTS (SELECT 1 FROM images
                       WHERE entity_type = 'product' AND entity_id = products.id AND url = products.image_url));
-- needs: products.additional_images
SELECT NULL AS id, coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url') AS external_id,
       held.value ->> 'url' AS url, coalesce(held.value ->> 'width', 0) AS width,
       coalesce(held.value ->> 'height', 0) AS height, coalesce(held.value ->> 'bytes', 0) AS bytes,
       2 + held.key + (SELECT coalesce(max(position), -1) FROM images
                       WHERE entity_type = 'product' AND entity_id = products.id) AS position
FROM products,
     json_each(CASE WHEN json_valid(additional_images) THEN additional_images END) AS held
WHERE products.id = +:entity_id
  AND +:entity_type = 'product'
  -- Most lists are short and all in `images`; that is seen without walking through them.
  AND CASE WHEN json_valid(additional_images) THEN
      json_array_length(additional_images) > 2
      OR NOT EXISTS (SELECT 1 FROM images WHERE external_id = additional_images ->> '$[0].id')
      OR json_array_length(additional_images) = 2
         AND NOT EXISTS (SELECT 1 FROM images WHERE external_id = additional_images ->> '$[1].id')
      END
  AND CASE WHEN typeof(held.key) = 'integer' AND held.type = 'object' THEN
      held.value ->> 'url' <> ''
      AND NOT EXISTS (SELECT 1 FROM images
                      WHERE external_id = coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url'))
      AND NOT (coalesce(held.value ->> 'id', '') = ''
               AND EXISTS (SELECT 1 FROM images
                           WHERE entity_type = 'product' AND entity_id = products.id AND url = held.value ->> 'url'))
      AND coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url')
          IS NOT CASE WHEN image_url <> '' THEN coalesce(nullif(image_id, ''), image_url) END
      AND NOT EXISTS (
          SELECT 1 FROM json_each(products.additional_images) AS earlier
          WHERE earlier.key < held.key
            AND CASE WHEN earlier.type = 'object' THEN
                earlier.value ->> 'url' <> ''
                AND coalesce(nullif(earlier.value ->> 'id', ''), earlier.value ->> 'url')
                    = coalesce(nullif(held.value ->> 'id', ''), held.value ->> 'url')
                END)
      END;

-- Adds what was seen of products since the last time: {id: times}.
-- name: count_views
-- kind: write
UPDATE products
SET views_count = views_count + seen.value
FROM json_each(:views) AS seen
WHERE products.id = CAST(seen.key AS INTEGER);

-- name: products_for_staff
-- kind: read
SELECT id, sku, name, description, category, brand, size, condition, colour, price_cents, status,
       quantity_available, featured, views_count, created_at, updated_at
FROM products
WHERE id < :below_id
  AND status = :status -- if: status
ORDER BY id DESC
LIMIT :limit;

-- name: product_by_sku
-- kind: read
SELECT id
FROM products
WHERE sku = :sku;

-- A product comes without a piece; its first ones come through the ledger.
-- name: add_product
-- kind: write
-- require: 1
INSERT INTO products (sku, name, description, category, brand, size, condition, colour, price_cents,
                      quantity_available, featured, created_at, updated_at)
VALUES (:sku, :name, :description, :category, :brand, :size, :condition, :colour, :price_cents,
        0, :featured, :now, :now)
ON CONFLICT (sku) DO NOTHING;

-- What is null stays as it is; an empty text takes a description or a colour away.
-- name: change_product
-- kind: write
-- require: 1
UPDATE products
SET name = coalesce(:name, name),
    description = nullif(coalesce(:description, description), ''),
    category = coalesce(:category, category),
    brand = coalesce(:brand, brand),
    size = coalesce(:size, size),
    condition = coalesce(:condition, condition),
    colour = nullif(coalesce(:colour, colour), ''),
    price_cents = coalesce(:price_cents, price_cents),
    featured = coalesce(:featured, featured),
    updated_at = :now
WHERE id = :product_id AND status <> 'removed';

-- name: remove_product
-- kind: write
UPDATE products
SET status = 'removed', updated_at = :now
WHERE id = :product_id
  AND status IN ('available', 'sold')
  AND NOT EXISTS (SELECT 1 FROM product_reservations
                  WHERE product_id = products.id AND status = 'active');

-- name: image_by_id
-- kind: read
SELECT id, external_id, entity_type, entity_id, url, width, height, bytes, position
FROM images
WHERE id = :image_id;

-- name: image_by_external_id
-- kind: read
SELECT id
FROM images
WHERE external_id = :external_id;

-- name: entity_of_image
-- kind: read
SELECT CASE :entity_type
         WHEN 'product' THEN EXISTS (SELECT 1 FROM products WHERE id = :entity_id AND status <> 'removed')
         WHEN 'sell_item' THEN EXISTS (SELECT 1 FROM sell_items WHERE id = :entity_id)
         WHEN 'user' THEN EXISTS (SELECT 1 FROM users WHERE id = :entity_id)
         ELSE 1
       END AS there;

-- name: add_image
-- kind: write
-- require: 1
INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes, position, created_at)
VALUES (:external_id, :entity_type, :entity_id, :url, :width, :height, :bytes, :position, :now)
ON CONFLICT (external_id) DO NOTHING;

-- name: place_image
-- kind: write
-- require: 1
UPDATE images
SET position = :position
WHERE id = :image_id;

-- A picture is taken from the second home as well, or it would come back from there.
-- name: remove_image
-- kind: write
-- needs: products.image_id
UPDATE products
SET image_url = CASE WHEN coalesce(nullif(image_id, ''), image_url) IN (gone.external_id, gone.url)
                     THEN NULL ELSE image_url END,
    image_id = CASE WHEN coalesce(nullif(image_id, ''), image_url) IN (gone.external_id, gone.url)
                    THEN NULL ELSE image_id END,
    additional_images = CASE
        WHEN json_valid(additional_images) AND json_type(additional_images) = 'array' THEN (
            SELECT nullif(json_group_array(json_extract(additional_images, held.fullkey) ORDER BY held.key), '[]')
            FROM json_each(additional_images) AS held
            WHERE coalesce(nullif(json_extract(additional_images, held.fullkey || '.id'), ''),
                           json_extract(additional_images, held.fullkey || '.url'), '')
                  NOT IN (gone.external_id, gone.url))
        ELSE additional_images
    END
FROM (SELECT external_id, url, entity_id FROM images WHERE id = :image_id AND entity_type = 'product') AS gone
WHERE products.id = gone.entity_id;
-- require: 1
DELETE FROM images
WHERE id = :image_id;
