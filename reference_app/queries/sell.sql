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
       seller_response, seller_response_at, final_price_cents, created_at, updated_at
FROM sell_submissions
WHERE batch_id = :batch_id;

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
