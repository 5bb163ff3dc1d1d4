-- Accounts.

-- name: password_resets_for_user
-- kind: read
SELECT id, created_at, expires_at
FROM password_resets
WHERE user_id = :user_id AND used = 0 AND expires_at > :now
ORDER BY created_at DESC, id DESC;

-- name: user_by_email
-- kind: read
SELECT id
FROM users
WHERE email = :email;

-- name: session_by_token
-- kind: read
SELECT sessions.id, sessions.user_id, users.role
FROM sessions
JOIN users ON users.id = sessions.user_id
WHERE sessions.token_hash = :token_hash AND sessions.expires_at > :now;
