"""How seeded accounts come in: a password and tokens.

Both are public: whoever has this file can log in as anybody, staff included. That is what a
scenario needs, and why a seeded database is served to nobody but the one who measures.
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
"""Argon2id of DEMO_PASSWORD with a fixed salt: hashing 50,000 passwords would take half an hour."""


def email_of(user_id: int) -> str:
    """The address of an account, by arithmetic: scenarios know it without asking anybody."""
    return f"shopper.{user_id}@example.com"


def token_of(seed: int, row: int) -> str:
    """The token of a session (0-based row), 64 hexadecimal digits."""
    told = f"session {row} of the shop {seed}"
    return hashlib.blake2b(told.encode(), digest_size=32).hexdigest()


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
    return range(1, past.people(plan).admins + 1)
