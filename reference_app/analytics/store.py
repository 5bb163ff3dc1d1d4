"""Reads and writes of the event log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

from reference_app.analytics import rollup, rules
from reference_app.analytics.models import TrackedEvent
from reference_app.clock import Clock, days_before
from reference_app.pool import Database, Row


class AnalyticsStore:
    """Events, counts and the rollup."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def track(
        self, events: Sequence[TrackedEvent], ip_address: str | None, user_agent: str | None
    ) -> int:
        """Write events, all in one transaction; how many.

        Raises:
            Conflict: one occurred in the future, or too long ago.
        """
        now = self._clock.now()
        rows = [
            {
                "event_type": event.event_type,
                "event_data": None if event.event_data is None else json.dumps(event.event_data),
                "user_id": event.user_id,
                "session_id": event.session_id,
                "ip_address": ip_address,
                "user_agent": user_agent,
                "path": event.path,
                "timestamp": rules.time_of_event(event.occurred_at, now),
            }
            for event in events
        ]
        forget = self._database.can("forget_rollup")
        return await self._database.transact(
            lambda transaction: rollup.write_events(transaction, rows, forget=forget)
        )

    async def recent(self) -> list[Row]:
        """Events, newest 100."""
        return await self._database.read("events_recent", {})

    async def of_type(self, event_type: str, days: int | None) -> list[Row]:
        """Events of one type: newest 20 of all time, or newest 50 of the last days."""
        if days is None:
            return await self._database.read("events_newest_of_type", {"event_type": event_type})
        return await self._database.read(
            "events_by_type_since", {"event_type": event_type, "since": self._since(days)}
        )

    async def by_type(self, days: int | None) -> list[Row]:
        """How many events of each type there are, of all time or of the last days."""
        if days is None:
            return await self._database.read("events_count_by_type", {})
        return await self._database.read("events_count_by_type_since", {"since": self._since(days)})

    async def of_user(self, user_id: int) -> list[Row]:
        """One user's events, newest 50."""
        return await self._database.read("events_for_user", {"user_id": user_id})

    async def of_day(self, day: date) -> list[Row]:
        """One day's events, sessions and users by type."""
        return await self._database.read(
            "events_of_day",
            {
                "day_start": f"{day.isoformat()} 00:00:00",
                "day_end": f"{(day + timedelta(days=1)).isoformat()} 00:00:00",
            },
        )

    async def funnel(self, days: int) -> Row:
        """The sessions of the last days that reached each step."""
        rows = await self._database.read("funnel_since", {"since": self._since(days)})
        return rows[0]

    async def rollup(self, event_type: str | None, days: int) -> list[Row]:
        """The rollup of the last days, today included, of one type or of all."""
        span = rules.span(self._clock.now(), days)
        if event_type is None:
            return await self._database.read("rollup_range", span)
        return await self._database.read("rollup_of_type", {"event_type": event_type, **span})

    async def dashboard(self, days: int) -> Row:
        """The last days by type, today included; days without a rollup are counted."""
        span = rules.span(self._clock.now(), days)
        if self._database.can("dashboard_rolled_up"):
            rolled_up, counted, sales = await self._database.read_together(
                ("dashboard_rolled_up", "dashboard_counted", "sales_by_day"), span
            )
        else:
            rolled_up = []
            counted, sales = await self._database.read_together(
                ("dashboard_without_rollup", "sales_by_day"), span
            )
        rows = [*rolled_up, *counted]
        # Of the same day and type there is one row: a day is either rolled up or counted.
        rows.sort(key=lambda row: row["event_type"])
        rows.sort(key=lambda row: row["date"], reverse=True)
        return {
            **span,
            "rolled_up_days": len({row["date"] for row in rolled_up}),
            "counted_days": len({row["date"] for row in counted}),
            "items": rows,
            "totals": rules.totals(rows),
            "sales": sorted(sales, key=lambda day: str(day["date"]), reverse=True),
            "revenue_cents": sum(day["revenue_cents"] for day in sales),
        }

    def _since(self, days: int) -> str:
        return days_before(self._clock.now(), days)
