-- Accounts. Addresses are compared as they are stored, in lower case.

-- name: password_resets_for_user
-- kind: read
SELECT id, created_at, expires_at
FROM password_resets
WHERE user_id = :user_id AND used = 0 AND expires_at > :now
ORDER BY created_at DESC, id DESC;

-- name: user_by_email
-- kind: read
SELECT id, password_hash, first_name, last_name, role, email_verified
FROM users
WHERE email = :email;

-- name: session_by_token
-- kind: read
SELECT sessions.id, sessions.user_id, users.role
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_hash = :token_hash AND sessions.expires_at > :now;

-- name: account_by_id
-- kind: read
SELECT id, email, first_name, last_name, phone, role, email_verified, created_at, last_login_at
FROM users
WHERE id = :user_id;

-- name: password_hash_of_user
-- kind: read
SELECT email, password_hash
FROM users
WHERE id = :user_id;

-- name: create_account
-- kind: write
-- require: 1
INSERT INTO users (email, password_hash, first_name, last_name, phone, role, email_verified, created_at, updated_at)
VALUES (:email, :password_hash, :first_name, :last_name, :phone, :role, :email_verified, :now, :now);

-- name: drop_open_verifications
-- kind: write
DELETE FROM email_verifications
WHERE user_id = :user_id AND verified_at IS NULL;

-- name: create_verification
-- kind: write
-- require: 1
INSERT INTO email_verifications (user_id, token_hash, expires_at, created_at)
VALUES (:user_id, :token_hash, :expires_at, :now);

-- A token's hash is followed by a space and by the registration that the token confirms, as JSON.
-- Those of the seeds are alone: they confirm the account as it stands. The range is the hash itself, and
-- whatever follows its space.
-- name: open_verification
-- kind: read
SELECT email_verifications.id, email_verifications.user_id,
       nullif(substr(email_verifications.token_hash, 66), '') AS registration
FROM email_verifications
JOIN users ON users.id = email_verifications.user_id
WHERE email_verifications.token_hash >= :token_hash AND email_verifications.token_hash < :token_hash || '!'
  AND email_verifications.verified_at IS NULL AND email_verifications.expires_at > :now
  AND users.email_verified = 0;

-- name: use_verification
-- kind: write
-- require: 1
UPDATE email_verifications
SET verified_at = :now, token_hash = :token_hash
WHERE id = :verification_id AND verified_at IS NULL;

-- name: confirm_account
-- kind: write
-- require: 1
UPDATE users
SET email_verified = 1, updated_at = :now,
    password_hash = iif(:registration IS NULL, password_hash, :registration ->> 'password_hash'),
    first_name = iif(:registration IS NULL, first_name, :registration ->> 'first_name'),
    last_name = iif(:registration IS NULL, last_name, :registration ->> 'last_name'),
    phone = iif(:registration IS NULL, phone, :registration ->> 'phone')
WHERE id = :user_id AND email_verified = 0;

-- No session is opened for a password that was changed while it was being checked.
-- name: open_session
-- kind: write
INSERT INTO sessions (token_hash, user_id, ip_address, user_agent, created_at, expires_at)
SELECT :token_hash, id, :ip_address, :user_agent, :now, :expires_at
FROM users
WHERE id = :user_id AND password_hash = :password_hash;

-- name: note_login
-- kind: write
-- require: 1
UPDATE users
SET last_login_at = :now
WHERE id = :user_id;

-- name: change_password
-- kind: write
UPDATE users
SET password_hash = :new_hash, updated_at = :now
WHERE id = :user_id AND password_hash = :old_hash;

-- name: end_session
-- kind: write
DELETE FROM sessions
WHERE id = :session_id;

-- name: end_sessions_of_user
-- kind: write
DELETE FROM sessions
WHERE user_id = :user_id
  AND id <> :kept_id -- if: kept_id
;

-- name: remove_ended_sessions
-- kind: write
DELETE FROM sessions
WHERE id IN (SELECT id FROM sessions WHERE expires_at <= :now ORDER BY id LIMIT 1000);

-- name: change_profile
-- kind: write
-- require: 1
UPDATE users
SET first_name = :first_name, last_name = :last_name, phone = :phone, updated_at = :now
WHERE id = :user_id;

-- name: end_reset
-- kind: write
UPDATE password_resets
SET used = 1
WHERE id = :reset_id AND used = 0;

-- name: create_reset
-- kind: write
-- require: 1
INSERT INTO password_resets (user_id, token_hash, expires_at, created_at)
VALUES (:user_id, :token_hash, :expires_at, :now);

-- name: use_reset
-- kind: write
UPDATE password_resets
SET used = 1
WHERE token_hash = :token_hash AND used = 0 AND expires_at > :now;

-- name: user_of_reset
-- kind: read
SELECT users.id, users.email
FROM password_resets
JOIN users ON users.id = password_resets.user_id
WHERE password_resets.token_hash = :token_hash;

-- Whoever could read the letter has shown that the address is theirs.
-- name: set_password
-- kind: write
-- require: 1
UPDATE users
SET password_hash = :password_hash, email_verified = 1, updated_at = :now
WHERE id = :user_id;

-- name: traces_of_user
-- kind: read
SELECT role, email,
       (SELECT count(*) FROM users AS staff WHERE staff.role = 'admin') AS admins,
       EXISTS (SELECT 1 FROM admin_activity_log WHERE admin_id = users.id) AS has_acted
FROM users
WHERE id = :user_id;

-- name: forget_customer_of_orders
-- kind: write
UPDATE orders
SET customer_name = 'Deleted customer', customer_email = 'deleted@invalid', customer_phone = NULL,
    shipping_address = NULL, updated_at = :now
WHERE user_id = :user_id;

-- name: contacts_of_user
-- kind: read
SELECT contact_email, batch_id
FROM sell_submissions
WHERE user_id = :user_id
ORDER BY id;

-- name: forget_contact_of_submissions
-- kind: write
UPDATE sell_submissions
SET contact_name = 'Deleted customer', contact_email = 'deleted@invalid', contact_phone = NULL, updated_at = :now
WHERE user_id = :user_id;

-- Sessions, resets, verifications, addresses, notifications and offers go with the account.
-- name: delete_account
-- kind: write
DELETE FROM users
WHERE id = :user_id AND password_hash = :password_hash;

-- name: drop_images_of_user
-- kind: write
DELETE FROM images
WHERE entity_type = 'user' AND entity_id = :user_id;

-- name: addresses_of_user
-- kind: read
SELECT id, name, line1, line2, city, county, postcode, country, is_default, created_at
FROM shipping_addresses
WHERE user_id = :user_id
ORDER BY is_default DESC, id;

-- name: address_of_user
-- kind: read
SELECT id, name, line1, line2, city, county, postcode, country, is_default, created_at
FROM shipping_addresses
WHERE id = :address_id AND user_id = :user_id;

-- name: add_address
-- kind: write
-- require: 1
INSERT INTO shipping_addresses (user_id, name, line1, line2, city, county, postcode, country, created_at)
VALUES (:user_id, :name, :line1, :line2, :city, :county, :postcode, :country, :now);

-- name: change_address
-- kind: write
-- require: 1
UPDATE shipping_addresses
SET name = :name, line1 = :line1, line2 = :line2, city = :city, county = :county, postcode = :postcode, country = :country
WHERE id = :address_id AND user_id = :user_id;

-- name: make_address_default
-- kind: write
UPDATE shipping_addresses
SET is_default = (id = :address_id)
WHERE user_id = :user_id;

-- name: drop_address
-- kind: write
DELETE FROM shipping_addresses
WHERE id = :address_id AND user_id = :user_id;

-- name: notifications_of_user
-- kind: read
SELECT id, kind, title, body, read_at, created_at
FROM notifications
WHERE user_id = :user_id
  AND read_at IS NULL -- if: unread
  AND id < :after -- if: after
ORDER BY id DESC
LIMIT :limit;

-- name: read_notification
-- kind: write
UPDATE notifications
SET read_at = coalesce(read_at, :now)
WHERE id = :notification_id AND user_id = :user_id;

-- The filter on an address takes all that begin alike.
-- name: users_listed
-- kind: read
SELECT id, email, first_name, last_name, phone, role, email_verified, created_at, last_login_at
FROM users
WHERE id > 0
  AND email >= :email AND email < :email || char(1114111) -- if: email
  AND role = :role -- if: role
  AND id < :after -- if: after
ORDER BY id DESC
LIMIT :limit;

-- name: user_for_staff
-- kind: read
SELECT id, email, first_name, last_name, phone, role, email_verified, created_at, last_login_at,
       (SELECT count(*) FROM sessions WHERE sessions.user_id = users.id AND sessions.expires_at > :now) AS open_sessions,
       (SELECT count(*) FROM orders WHERE orders.user_id = users.id) AS orders,
       (SELECT count(*) FROM sell_submissions WHERE sell_submissions.user_id = users.id) AS submissions
FROM users
WHERE id = :user_id;

-- One admin at least remains, whoever demotes whom at the same time.
-- name: change_role
-- kind: write
UPDATE users
SET role = :role, updated_at = :now
WHERE id = :user_id
  AND (:role = 'admin' OR role <> 'admin' OR (SELECT count(*) FROM users AS staff WHERE staff.role = 'admin') > 1);

-- An account made beside the server: verified, with the role it was asked for.
-- name: promote_account
-- kind: write
-- require: 1
UPDATE users
SET password_hash = :password_hash, role = :role, email_verified = 1, updated_at = :now
WHERE id = :user_id;
