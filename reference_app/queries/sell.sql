-- What people sell to the shop: their submissions, seen by staff and by the seller.

-- name: sell_requests_by_status
-- kind: read
SELECT id, batch_id, contact_name, contact_email, status, item_count, seller_price_cents, offered_price_cents, created_at
FROM sell_submissions
WHERE status = :status
ORDER BY created_at DESC, id DESC
LIMIT 50;

-- name: sell_requests_recent
-- kind: read
SELECT id, batch_id, contact_name, contact_email, status, item_count, seller_price_cents, offered_price_cents, created_at
FROM sell_submissions
ORDER BY created_at DESC, id DESC
LIMIT 50;

-- name: sell_requests_summary
-- kind: read
SELECT status, count(*) AS requests, sum(item_count) AS items
FROM sell_submissions
GROUP BY status
ORDER BY status;

-- name: sell_items_for_submission
-- kind: read
SELECT sell_items.id, sell_items.category, sell_items.brand, sell_items.name, sell_items.size,
       sell_items.condition, sell_items.approved, sell_items.offer_price_cents, sell_items.product_id
FROM sell_items
JOIN sell_submissions ON sell_submissions.id = sell_items.submission_id
WHERE sell_submissions.batch_id = :batch_id
ORDER BY sell_items.id;

-- name: submission_by_batch_id
-- kind: read
SELECT batch_id, status, item_count, seller_price_cents, offered_price_cents, offer_sent_at, offer_expires_at,
       seller_response, seller_response_at, final_price_cents, created_at, updated_at,
       id, user_id, contact_name, contact_email, contact_phone, seller_response_message, reviewed_by
FROM sell_submissions
WHERE batch_id = :batch_id;

-- name: photos_of_submission
-- kind: read
SELECT sell_items.id AS sell_item_id, images.external_id, images.url, images.width, images.height, images.bytes,
       images.position
FROM sell_submissions
JOIN sell_items ON sell_items.submission_id = sell_submissions.id
JOIN images ON images.entity_type = 'sell_item' AND images.entity_id = sell_items.id
WHERE sell_submissions.batch_id = :batch_id
ORDER BY sell_items.id, images.position, images.id;

-- Any page of the staff's list but the two that are measured above.
-- name: sell_requests_page
-- kind: read
SELECT id, batch_id, contact_name, contact_email, status, item_count, seller_price_cents, offered_price_cents, created_at
FROM sell_submissions
WHERE true
  AND status = :status -- if: status
  AND created_at >= :from_time -- if: from_time
  AND created_at <= :to_time -- if: to_time
  AND (created_at, id) < (:after_time, :after_id) -- if: after_id
ORDER BY created_at DESC, id DESC
LIMIT :rows;

-- name: submissions_of_user
-- kind: read
SELECT id, batch_id, status, item_count, seller_price_cents, offered_price_cents, offer_expires_at, created_at
FROM sell_submissions
WHERE user_id = :user_id
  AND id < :after_id -- if: after_id
ORDER BY id DESC
LIMIT :rows;

-- name: photos_taken
-- kind: read
SELECT external_id
FROM images
WHERE external_id IN (SELECT value FROM json_each(:external_ids));

-- name: submit_sell_request
-- kind: write
-- require: 1
INSERT INTO sell_submissions (batch_id, user_id, contact_name, contact_email, contact_phone, item_count,
                              seller_price_cents, created_at, updated_at)
VALUES (:batch_id, :user_id, :contact_name, :contact_email, :contact_phone, json_array_length(:items),
        :seller_price_cents, :now, :now);
INSERT INTO sell_items (submission_id, category, brand, name, size, condition, created_at)
SELECT sell_submissions.id, item.value ->> 'category', item.value ->> 'brand', item.value ->> 'name',
       item.value ->> 'size', item.value ->> 'condition', :now
FROM sell_submissions, json_each(:items) AS item
WHERE sell_submissions.batch_id = :batch_id;

-- name: respond_to_offer
-- kind: write
-- require: 1
UPDATE sell_submissions
SET seller_response = 'accepted',
    seller_response_message = :message,
    seller_response_at = :now,
    status = 'accepted',
    final_price_cents = offered_price_cents,
    updated_at = :now
WHERE batch_id = :batch_id AND status = 'offer_sent' AND offer_expires_at > :now;

-- name: add_sell_photos
-- kind: write
-- require: photos
INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes, position, created_at)
SELECT value ->> 'external_id', 'sell_item', value ->> 'sell_item_id', value ->> 'url', value ->> 'width',
       value ->> 'height', value ->> 'bytes', value ->> 'position', :now
FROM json_each(:photos);

-- name: refuse_offer
-- kind: write
-- require: 1
UPDATE sell_submissions
SET seller_response = 'refused',
    seller_response_message = :message,
    seller_response_at = :now,
    status = 'refused',
    updated_at = :now
WHERE batch_id = :batch_id AND status = 'offer_sent' AND offer_expires_at > :now;

-- name: counter_offer
-- kind: write
-- require: 1
UPDATE sell_submissions
SET seller_response = 'counter_offer',
    seller_response_message = :message,
    seller_response_at = :now,
    seller_price_cents = :counter_price_cents,
    status = 'counter_offer',
    updated_at = :now
WHERE batch_id = :batch_id AND status = 'offer_sent' AND offer_expires_at > :now;

-- name: cancel_submission
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'cancelled', updated_at = :now
WHERE batch_id = :batch_id AND status IN ('pending', 'reviewing', 'offer_sent');

-- name: review_submission
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'reviewing', reviewed_by = :admin_id, updated_at = :now
WHERE batch_id = :batch_id AND status = 'pending';

-- A new offer clears the former answer, so that it is answered once as well.
-- name: send_offer
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'offer_sent',
    offered_price_cents = :offered_price_cents,
    offer_sent_at = :now,
    offer_expires_at = :expires_at,
    seller_response = NULL,
    seller_response_message = NULL,
    seller_response_at = NULL,
    final_price_cents = NULL,
    reviewed_by = :admin_id,
    updated_at = :now
WHERE batch_id = :batch_id
  AND (status IN ('reviewing', 'counter_offer')
       OR (status = 'offer_sent' AND (offer_expires_at IS NULL OR offer_expires_at <= :now)));
-- require: items
UPDATE sell_items
SET approved = judged.value ->> 'approved',
    offer_price_cents = judged.value ->> 'offer_price_cents'
FROM json_each(:items) AS judged, sell_submissions
WHERE sell_submissions.batch_id = :batch_id
  AND sell_items.submission_id = sell_submissions.id
  AND sell_items.id = judged.value ->> 'id';

-- name: accept_counter
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'accepted', final_price_cents = seller_price_cents, updated_at = :now
WHERE batch_id = :batch_id AND status = 'counter_offer';

-- name: close_submission
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'cancelled', updated_at = :now
WHERE batch_id = :batch_id
  AND (status IN ('reviewing', 'refused', 'counter_offer')
       OR (status = 'offer_sent' AND (offer_expires_at IS NULL OR offer_expires_at <= :now)));

-- Every approved item becomes a product, of which there is no piece until the ledger moves it in.
-- name: receive_submission
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'received', updated_at = :now
WHERE batch_id = :batch_id AND status = 'accepted';
-- require: arrived
INSERT INTO products (sku, name, category, brand, size, condition, price_cents, status, quantity_available,
                      created_at, updated_at)
SELECT piece.value ->> 'sku', sell_items.name, coalesce(piece.value ->> 'category', sell_items.category),
       sell_items.brand, sell_items.size, sell_items.condition, piece.value ->> 'price_cents', 'available', 0,
       :now, :now
FROM json_each(:arrived) AS piece
JOIN sell_items ON sell_items.id = piece.value ->> 'id'
JOIN sell_submissions ON sell_submissions.id = sell_items.submission_id
WHERE sell_submissions.batch_id = :batch_id AND sell_items.approved = 1 AND sell_items.product_id IS NULL;
-- require: arrived
UPDATE sell_items
SET product_id = products.id
FROM json_each(:arrived) AS piece
JOIN products ON products.sku = piece.value ->> 'sku'
WHERE sell_items.id = piece.value ->> 'id';
INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes, position, created_at)
SELECT lower(hex(randomblob(16))), 'product', sell_items.product_id, images.url, images.width, images.height,
       images.bytes, images.position, :now
FROM json_each(:arrived) AS piece
JOIN sell_items ON sell_items.id = piece.value ->> 'id'
JOIN images ON images.entity_type = 'sell_item' AND images.entity_id = sell_items.id;

-- name: pay_submission
-- kind: write
-- require: 1
UPDATE sell_submissions
SET status = 'paid', final_price_cents = coalesce(final_price_cents, offered_price_cents), updated_at = :now
WHERE batch_id = :batch_id AND status = 'received';
