"""Create and change accounts without the server, for commands."""

from __future__ import annotations

import re
from pathlib import Path

from reference_app.accounts import rules
from reference_app.accounts.authorization import Role
from reference_app.accounts.models import EMAIL
from reference_app.accounts.passwords import hash_password
from reference_app.accounts.registration import Registration, upsert_account
from reference_app.clock import clock_from, text_of
from reference_app.errors import Unprocessable
from reference_app.offline import OfflineShop
from reference_app.outbox import kept_time


def check_email(email: str) -> str:
    """The address as it is stored.

    Raises:
        Unprocessable: it is not an e-mail address.
    """
    if len(email) > 254 or not re.fullmatch(EMAIL, email):
        raise Unprocessable(f"{email!r} is no e-mail address; give one like staff@example.com.")
    return rules.normalised(email)


def check_password(password: str) -> str:
    """The password.

    Raises:
        Unprocessable: it is too short or too long.
    """
    if not rules.SHORTEST_PASSWORD <= len(password) <= rules.LONGEST_PASSWORD:
        raise Unprocessable(
            f"A password has {rules.SHORTEST_PASSWORD} to {rules.LONGEST_PASSWORD} characters; "
            "choose another."
        )
    return password


def save_account(
    database: Path, email: str, password: str, role: Role, first_name: str, last_name: str
) -> bool:
    """Create a verified account, or set role and password of an existing one; True if it is new.

    The sessions of an existing one end.

    Raises:
        DatabaseError: the file is missing, busy, or not of this shop.
    """
    with OfflineShop(database) as shop:
        newest = shop.read("newest_event", {})
        newest_time = newest[0]["timestamp"] if newest else None
        now = text_of(clock_from(newest_time, kept_time(database)).now())
        person = Registration(email, hash_password(password), first_name, last_name, None)
        return shop.transact(lambda tx: upsert_account(tx, person, role, now))
