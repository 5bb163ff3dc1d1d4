"""All of accounts in one value, for the routes. No SQL and no HTTP may enter."""

from __future__ import annotations

from dataclasses import dataclass

from reference_app.accounts.book import BookStore
from reference_app.accounts.passwords import Passwords
from reference_app.accounts.resets import ResetStore
from reference_app.accounts.staff import StaffStore
from reference_app.accounts.store import AccountStore
from reference_app.accounts.tries import Tries
from reference_app.clock import Clock
from reference_app.port import Database


@dataclass(frozen=True, slots=True)
class Desk:
    """The stores of accounts, and the limits on tries before them."""

    people: AccountStore
    resets: ResetStore
    book: BookStore
    staff: StaffStore
    tries: Tries


def desk_of(database: Database, clock: Clock, passwords: Passwords, tries: Tries) -> Desk:
    """The desk of one shop."""
    return Desk(
        AccountStore(database, clock, passwords),
        ResetStore(database, clock, passwords),
        BookStore(database, clock),
        StaffStore(database, clock),
        tries,
    )
