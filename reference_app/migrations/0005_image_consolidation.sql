-- One home for pictures. What products.image_url, image_id and additional_images hold and
-- `images` has not is moved into `images`; then the three columns are dropped.
--
-- * The key of a picture is its id at the image host, `external_id`. A picture that products
--   know by its address alone is the one of that address among the product's images; where
--   there is none, the address becomes its key.
-- * additional_images is a JSON list of objects with `id` or `url` or both, and perhaps width,
--   height and bytes; what is missing of the last three becomes 0, that is to say unknown.
-- * Pictures that move come after the product's others, in the order in which they stood.
--
-- Nothing may be lost: each name of a CHECK below says what would be, and undoes the migration.

CREATE TEMP TABLE consolidation_check (
    unreadable INTEGER CONSTRAINT "additional_images of a product is neither empty nor a JSON list"
        CHECK (unreadable = 0),
    unknown INTEGER CONSTRAINT "additional_images of a product holds what is no picture, or says more of one than id, url, width, height and bytes"
        CHECK (unknown = 0),
    foreign_id INTEGER CONSTRAINT "a product holds a picture whose id belongs to another entity as well"
        CHECK (foreign_id = 0),
    miscounted INTEGER CONSTRAINT "images did not gain as many rows as there were pictures to move"
        CHECK (miscounted = 0),
    lost INTEGER CONSTRAINT "a product holds a picture that stands nowhere in images, or says otherwise what its address and size are"
        CHECK (lost = 0)
);

INSERT INTO consolidation_check (unreadable)
SELECT count(*)
FROM products
WHERE typeof(image_url) NOT IN ('text', 'null')
   OR typeof(image_id) NOT IN ('text', 'null')
   OR CASE WHEN coalesce(additional_images, '') = '' THEN 0
           WHEN typeof(additional_images) <> 'text' OR NOT json_valid(additional_images) THEN 1
           ELSE json_type(additional_images) NOT IN ('array', 'null')
      END;

INSERT INTO consolidation_check (unknown)
SELECT count(*)
FROM products, json_each(nullif(additional_images, '')) AS held
WHERE held.key IS NOT NULL
  AND (held.type <> 'object'
       OR coalesce(json_type(additional_images, held.fullkey || '.id'), 'null') NOT IN ('text', 'null')
       OR coalesce(json_type(additional_images, held.fullkey || '.url'), 'null') NOT IN ('text', 'null')
       OR coalesce(json_extract(additional_images, held.fullkey || '.id'), '')
          || coalesce(json_extract(additional_images, held.fullkey || '.url'), '') = ''
       OR EXISTS (
           SELECT 1 FROM json_each(additional_images, held.fullkey) AS said
           WHERE said.key NOT IN ('id', 'url', 'width', 'height', 'bytes')
              OR said.key IN ('width', 'height', 'bytes')
                 AND (said.type NOT IN ('integer', 'null') OR said.value < 0))
       OR (SELECT count(*) <> count(DISTINCT said.key)
           FROM json_each(additional_images, held.fullkey) AS said));

CREATE TEMP TABLE held_pictures (
    product_id   INTEGER NOT NULL,
    place        INTEGER NOT NULL,
    external_id  TEXT,
    url          TEXT,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    PRIMARY KEY (product_id, place)
);

INSERT INTO held_pictures (product_id, place, external_id, url, width, height, bytes)
SELECT id, 0, nullif(image_id, ''), nullif(image_url, ''), 0, 0, 0
FROM products
WHERE coalesce(image_id, '') <> '' OR coalesce(image_url, '') <> ''
UNION ALL
SELECT products.id, 1 + held.key,
       nullif(json_extract(additional_images, held.fullkey || '.id'), ''),
       nullif(json_extract(additional_images, held.fullkey || '.url'), ''),
       coalesce(json_extract(additional_images, held.fullkey || '.width'), 0),
       coalesce(json_extract(additional_images, held.fullkey || '.height'), 0),
       coalesce(json_extract(additional_images, held.fullkey || '.bytes'), 0)
FROM products, json_each(nullif(additional_images, '')) AS held
WHERE held.key IS NOT NULL;

-- A picture without an id gets one: that of the product's image with its address, or the address.
UPDATE held_pictures
SET external_id = coalesce(
    (SELECT images.external_id FROM images
     WHERE entity_type = 'product' AND entity_id = held_pictures.product_id AND images.url = held_pictures.url
     ORDER BY position, id LIMIT 1),
    url)
WHERE external_id IS NULL;

INSERT INTO consolidation_check (foreign_id)
SELECT (SELECT count(*)
        FROM held_pictures JOIN images USING (external_id)
        WHERE images.entity_type <> 'product' OR images.entity_id IS NOT held_pictures.product_id)
     + (SELECT count(*)
        FROM (SELECT 1 FROM held_pictures GROUP BY external_id HAVING min(product_id) < max(product_id)));

CREATE TEMP TABLE pictures_to_move AS
SELECT product_id, min(place) AS place, external_id, url, width, height, bytes
FROM held_pictures
WHERE url IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM images WHERE images.external_id = held_pictures.external_id)
GROUP BY product_id, external_id;

CREATE TEMP TABLE images_before AS
SELECT count(*) AS images FROM images;

INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes, position, created_at)
SELECT moved.external_id, 'product', moved.product_id, moved.url, moved.width, moved.height, moved.bytes,
       (SELECT coalesce(max(position), -1) FROM images
        WHERE entity_type = 'product' AND entity_id = moved.product_id)
       + 1 + moved.place,
       products.created_at
FROM pictures_to_move AS moved
JOIN products ON products.id = moved.product_id
ORDER BY moved.product_id, moved.place;

INSERT INTO consolidation_check (miscounted)
SELECT (SELECT count(*) FROM images)
     - (SELECT images FROM images_before)
     - (SELECT count(*) FROM pictures_to_move);

INSERT INTO consolidation_check (lost)
SELECT count(*)
FROM held_pictures
LEFT JOIN images
  ON images.external_id = held_pictures.external_id
 AND images.entity_type = 'product'
 AND images.entity_id = held_pictures.product_id
WHERE images.id IS NULL
   OR held_pictures.url <> images.url
   OR held_pictures.width NOT IN (0, images.width)
   OR held_pictures.height NOT IN (0, images.height)
   OR held_pictures.bytes NOT IN (0, images.bytes);

ALTER TABLE products DROP COLUMN image_url;
ALTER TABLE products DROP COLUMN image_id;
ALTER TABLE products DROP COLUMN additional_images;

DROP TABLE images_before;
DROP TABLE pictures_to_move;
DROP TABLE held_pictures;
DROP TABLE consolidation_check;
