"""All of accounts in one value, for the routes."""

from __future__ import annotations

from dataclasses import dataclass

from reference_app.accounts.passwords import Passwords
from reference_app.accounts.profile import ProfileStore
from reference_app.accounts.rate_limits import RateLimits
from reference_app.accounts.resets import ResetStore
from reference_app.accounts.staff import StaffStore
from reference_app.accounts.store import AccountStore
from reference_app.clock import Clock
from reference_app.port import Database


@dataclass(frozen=True, slots=True)
class AccountServices:
    """The stores of accounts, and the limits on tries before them."""

    people: AccountStore
    resets: ResetStore
    book: ProfileStore
    staff: StaffStore
    tries: RateLimits


def account_services(
    database: Database, clock: Clock, passwords: Passwords, tries: RateLimits
) -> AccountServices:
    """The services of one shop."""
    return AccountServices(
        AccountStore(database, clock, passwords),
        ResetStore(database, clock, passwords),
        ProfileStore(database, clock),
        StaffStore(database, clock),
        tries,
    )
