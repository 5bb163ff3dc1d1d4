"""Credentials of seeded accounts: one password, and session tokens.

Both are public: anybody who has this file can log in to a seeded shop as anybody, staff included.
Serve a seeded database on a private machine only.
"""

from __future__ import annotations

import hashlib

from seeds import past
from seeds.scale import Plan

DEMO_PASSWORD = "resale-demo-password"
"""Opens every verified account of a seeded database."""
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$VVbT6yvsyi8uMKMh0Y+51w"
    "$GdJTHvlAsIwtUdm5OaDlUI1ZsiC3WHXFiD7jJhekjMc"
)
"""Argon2id of DEMO_PASSWORD, salt fixed: hashing 50,000 passwords would take half an hour."""


def email_of(user_id: int) -> str:
    """The e-mail address of an account, known by arithmetic."""
    return f"shopper.{user_id}@example.com"


def token_of(seed: int, row: int) -> str:
    """The token of a session (0-based row), 64 hexadecimal digits."""
    text = f"session {row} of the shop {seed}"
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


def token_hash_of(seed: int, row: int) -> str:
    """What the shop keeps of a session's token: its SHA-256."""
    return hashlib.sha256(token_of(seed, row).encode()).hexdigest()


def session_of(plan: Plan, user_id: int) -> int | None:
    """The newest session (0-based row) of an account that is valid for another day, or None."""
    newest = past.logins(plan).newest
    row = int(newest[user_id - 1]) if 1 <= user_id <= len(newest) else -1
    return None if row < 0 else row


def staff(plan: Plan) -> range:
    """The ids of the accounts of staff; each has a session."""
    return range(1, past.accounts(plan).admins + 1)
