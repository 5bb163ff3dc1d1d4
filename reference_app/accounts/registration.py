"""Register accounts, verify their addresses, and create them for the operator of the shop.

Functions on an open transaction, for the server and for commands that run without it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass

from reference_app.accounts import mail
from reference_app.accounts.authorization import Role, hash_of_token
from reference_app.accounts.rules import MOST_OPEN_RESETS
from reference_app.activity_log import write_log
from reference_app.errors import Conflict
from reference_app.port import Transaction


def new_token() -> str:
    """A random token."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Registration:
    """The data of a registration, with the hash of its password."""

    email: str
    password_hash: str
    first_name: str
    last_name: str
    phone: str | None


def register(tx: Transaction, person: Registration, token: str, now: str, ends: str) -> None:
    """Create an account that waits for its address to be verified, and write to the address.

    A second registration of a waiting address does not change the account: anybody may register
    any address. Its data belong to the token of its own letter, and take effect when the reader of
    that letter verifies it.
    """
    users = tx.read("user_by_email", {"email": person.email})
    if not users:
        account = {**asdict(person), "role": "customer", "email_verified": 0, "now": now}
        user_id = tx.insert("create_account", account)
    elif users[0]["email_verified"] or users[0]["role"] != "customer":
        # Writes as much as for a new account, so that the time does not differ.
        write_log(
            tx, "info", "auth", "An account was registered again.", now, user_id=users[0]["id"]
        )
        tx.enqueue(mail.account_exists(person.email, now))
        return
    else:
        user_id = users[0]["id"]
    # The study fixes the columns: the registration is kept behind the hash of its token.
    stored_token = f"{hash_of_token(token)} {json.dumps(asdict(person), ensure_ascii=False)}"
    tx.write(
        "create_verification",
        {"user_id": user_id, "token_hash": stored_token, "expires_at": ends, "now": now},
    )
    tx.enqueue(mail.verification(person.email, token, now))


def verify(tx: Transaction, token: str, now: str) -> None:
    """Verify an address: the registration of this token takes effect, all others are void.

    Other registrations of the address, sessions and open resets of the account end.

    Raises:
        Conflict: the token is used, too old, or unknown, or the address is verified already.
    """
    token_hash = hash_of_token(token)
    rows = tx.read("open_verification", {"token_hash": token_hash, "now": now})
    if not rows:
        raise Conflict("This token has been used, is too old, or never was; ask for a new letter.")
    [verification] = rows
    user_id = verification["user_id"]
    tx.write("confirm_account", {**verification, "now": now})
    tx.write(
        "use_verification",
        {"verification_id": verification["id"], "token_hash": token_hash, "now": now},
    )
    tx.write("end_sessions_of_user", {"user_id": user_id, "kept_id": None})
    end_tokens(tx, user_id, now)


def upsert_account(tx: Transaction, person: Registration, role: Role, now: str) -> bool:
    """Create a verified account, or set role and password of an existing one; True if it is new.

    The sessions of an existing one end.
    """
    users = tx.read("user_by_email", {"email": person.email})
    params = {"password_hash": person.password_hash, "role": role, "now": now}
    if users:
        user_id = users[0]["id"]
        tx.write("promote_account", {**params, "user_id": user_id})
        tx.write("end_sessions_of_user", {"user_id": user_id, "kept_id": None})
        end_tokens(tx, user_id, now)
    else:
        user_id = tx.insert(
            "create_account",
            {
                **params,
                "email": person.email,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "phone": person.phone,
                "email_verified": 1,
            },
        )
    write_log(tx, "info", "auth", f"The account was given the role {role}.", now, user_id=user_id)
    return not users


def end_oldest_resets(tx: Transaction, user_id: int, now: str) -> None:
    """End the oldest open password resets of an account, to allow one more."""
    _end_resets(tx, user_id, now, kept=MOST_OPEN_RESETS - 1)


def end_tokens(tx: Transaction, user_id: int, now: str) -> None:
    """End all open tokens of an account, whose password was set."""
    _end_resets(tx, user_id, now, kept=0)
    tx.write("drop_open_verifications", {"user_id": user_id})


def _end_resets(tx: Transaction, user_id: int, now: str, *, kept: int) -> None:
    # The newest come first.
    for reset in tx.read("password_resets_for_user", {"user_id": user_id, "now": now})[kept:]:
        tx.write("end_reset", {"reset_id": reset["id"]})
