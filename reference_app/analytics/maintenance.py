"""Rollup and retention over many days, for the server's jobs and for commands.

Each day is a transaction of its own, so that others can write in between.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reference_app.analytics import rules
from reference_app.analytics.rollup import DayDone, prune_day, roll_up_day
from reference_app.clock import Clock, clock_from
from reference_app.database import DatabaseError
from reference_app.jobs import Job
from reference_app.offline import OfflineShop
from reference_app.outbox import kept_time
from reference_app.port import Database, Row, Transaction

MOST_DAYS_PER_RUN = 20
"""Rolls up a whole year in a few hours without delaying other writes for long."""
ROLL_UP_EVERY_S = 600
PRUNE_EVERY_S = 3600
"""Several times a day, for servers that are restarted daily."""
_FIRST_DAY = "0000-01-01"

Work = Callable[[Transaction, str], DayDone]


class NoRollup(DatabaseError):
    """The database has no rollup."""


class DayRefused(DatabaseError):
    """A day cannot be rolled up."""


class AnalyticsMaintenance:
    """The jobs of the event log."""

    def __init__(self, database: Database, clock: Clock, retention_days: int) -> None:
        self._database = database
        self._clock = clock
        self._retention_days = retention_days

    def jobs(self) -> list[Job]:
        """The jobs of a database with a rollup; none without."""
        if not self._database.can("write_rollup"):
            return []
        jobs = [Job("roll-up-days", ROLL_UP_EVERY_S, self.roll_up)]
        if self._retention_days:
            jobs.append(Job("prune-events", PRUNE_EVERY_S, self.prune))
        return jobs

    async def roll_up(self) -> list[DayDone]:
        """Roll up ended days that are not rolled up, the newest first."""
        missing = await self._database.read(
            "days_with_events", _span(_FIRST_DAY, rules.ended_before(self._clock.now()), missing=1)
        )
        newest_first = sorted((row["day"] for row in missing), reverse=True)
        return await self._each(roll_up_day, newest_first[:MOST_DAYS_PER_RUN])

    async def prune(self) -> list[DayDone]:
        """Delete the events of days that are older than the retention and rolled up."""
        newest = await self._database.read("newest_event_of_all", {})
        if not newest:
            return []
        kept_from = rules.kept_from(newest[0]["timestamp"], self._retention_days)
        old = await self._database.read("days_with_events", _span(_FIRST_DAY, kept_from))
        return await self._each(prune_day, [row["day"] for row in old[:MOST_DAYS_PER_RUN]])

    async def _each(self, work: Work, days: list[str]) -> list[DayDone]:
        done = []
        for day in days:
            done.append(await self._database.transact(_on(day, work)))
        return done


def roll_up(path: Path, from_day: str, *, missing_only: bool) -> list[DayDone]:
    """Roll up the ended days from one on, all of them or only those that are not rolled up.

    Raises:
        NoRollup: the database has no table for it.
    """
    with OfflineShop(path) as shop:
        newest = _newest(shop)
        before = rules.ended_before(clock_from(newest, kept_time(path)).now())
        span = _span(from_day, before, missing=1 if missing_only else None)
        return _each(shop, roll_up_day, shop.read("days_with_events", span))


def roll_up_one(path: Path, day: str) -> DayDone:
    """Roll up one day that has ended.

    Raises:
        NoRollup: the database has no table for it.
        DayRefused: the day has not ended, or its events were deleted.
    """
    with OfflineShop(path) as shop:
        before = rules.ended_before(clock_from(_newest(shop), kept_time(path)).now())
        if day >= before:
            raise DayRefused(
                f"The day {day} has not ended by the shop's clock; name one before {before}."
            )
        [done] = _each(shop, roll_up_day, [{"day": day}])
    if done.outcome == "pruned":
        raise DayRefused(
            f"Events of {day} were deleted, and its rollup is all there is of them; it stays."
        )
    return done


def prune(path: Path, retention_days: int) -> list[DayDone]:
    """Delete the events of days older than so many that are rolled up exactly; oldest first.

    Raises:
        NoRollup: the database has no table for it.
    """
    with OfflineShop(path) as shop:
        newest = _newest(shop)
        if newest is None:
            return []
        kept_from = rules.kept_from(newest, retention_days)
        return _each(shop, prune_day, shop.read("days_with_events", _span(_FIRST_DAY, kept_from)))


def _newest(shop: OfflineShop) -> str | None:
    if not shop.can("write_rollup"):
        raise NoRollup(
            "This database has no daily rollup; bring it to the arm after with "
            "`resale-bench migrate --arm after` first."
        )
    rows = shop.read("newest_event_of_all", {})
    return str(rows[0]["timestamp"]) if rows else None


def _each(shop: OfflineShop, work: Work, days: list[Row]) -> list[DayDone]:
    return [shop.transact(_on(row["day"], work)) for row in days]


def _on(day: str, work: Work) -> Callable[[Transaction], DayDone]:
    return lambda transaction: work(transaction, day)


def _span(
    from_day: str, before_day: str, missing: int | None = None
) -> dict[str, str | int | None]:
    return {"from_date": from_day, "before_date": before_day, "missing": missing}
