"""The rules of accounts: lifetimes, limits and changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from reference_app.clock import text_of
from reference_app.errors import Conflict

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 128
SESSION = timedelta(days=30)
VERIFICATION = timedelta(hours=48)
RESET = timedelta(hours=1)
MOST_ADDRESSES = 20
# More than the letters allowed within the hour that a reset lasts: no stranger ends the owner's.
MOST_OPEN_RESETS = 100


def normalised(email: str) -> str:
    """An e-mail address as it is stored and compared."""
    return email.lower()


def end_of(now: datetime, span: timedelta) -> str:
    """The time text of the end of a span that begins now."""
    return text_of(now + span)


def merged(
    row: Mapping[str, Any], changes: Mapping[str, Any], clearable: Collection[str]
) -> dict[str, Any]:
    """A row with changes; None empties a clearable field and leaves others as they are."""
    applied = {
        key: value for key, value in changes.items() if value is not None or key in clearable
    }
    return {**row, **applied}


def check_deletable(role: str, admins: int, *, has_acted: bool) -> None:
    """Check that an account may be deleted.

    Raises:
        Conflict: its actions as staff are logged, or it is the last admin.
    """
    if has_acted:
        raise Conflict(
            "This account stands in the log of what staff did and has to stay; "
            "ask another admin to take its role away instead."
        )
    if role == "admin" and admins == 1:
        raise Conflict("This is the last admin; make somebody else admin first.")


def next_default(addresses: Collection[Mapping[str, Any]]) -> int | None:
    """The address to make the default, the newest; None if there is a default or no address."""
    if any(address["is_default"] for address in addresses):
        return None
    return max((int(address["id"]) for address in addresses), default=None)
