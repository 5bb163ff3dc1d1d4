"""The rules of accounts: how long things last, what may change."""

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
# More than letters are allowed within the hour that one lasts: no stranger ends the owner's.
MOST_OPEN_RESETS = 100


def normalised(email: str) -> str:
    """An e-mail address as it is stored and compared."""
    return email.lower()


def end_of(now: datetime, span: timedelta) -> str:
    """The time text of when something that begins now is over."""
    return text_of(now + span)


def merged(
    row: Mapping[str, Any], changes: Mapping[str, Any], clearable: Collection[str]
) -> dict[str, Any]:
    """A row with changes: a null empties a field that may be empty, and leaves others alone."""
    told = {key: value for key, value in changes.items() if value is not None or key in clearable}
    return {**row, **told}


def check_may_leave(role: str, admins: int, *, has_acted: bool) -> None:
    """Whether an account may be deleted.

    Raises:
        Conflict: the log of staff needs it, or the shop would have no admin.
    """
    if has_acted:
        raise Conflict(
            "This account stands in the log of what staff did and has to stay; "
            "ask another admin to take its role away instead."
        )
    if role == "admin" and admins == 1:
        raise Conflict("This is the last admin; make somebody else admin first.")


def next_default(addresses: Collection[Mapping[str, Any]]) -> int | None:
    """The address that becomes the default, where none is: the newest."""
    if any(address["is_default"] for address in addresses):
        return None
    return max((int(address["id"]) for address in addresses), default=None)
