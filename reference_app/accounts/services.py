"""The stores of accounts and the rate limits before them, as one value for the routes."""

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
    """What the routes of accounts call."""

    accounts: AccountStore
    resets: ResetStore
    profile: ProfileStore
    staff: StaffStore
    rate_limits: RateLimits


def account_services(
    database: Database, clock: Clock, passwords: Passwords, rate_limits: RateLimits
) -> AccountServices:
    """The services of one shop."""
    return AccountServices(
        AccountStore(database, clock, passwords),
        ResetStore(database, clock, passwords),
        ProfileStore(database, clock),
        StaffStore(database, clock),
        rate_limits,
    )
