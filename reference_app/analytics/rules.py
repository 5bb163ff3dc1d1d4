"""The rules of the event log and its daily rollup.

A day is ten characters, '2025-10-04', in UTC. A row of a day has an event type with its events,
sessions, users and revenue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from reference_app.clock import TEXT, text_of
from reference_app.errors import Conflict

LATE_DAYS = 3
"""How late an event may be sent."""

DayRow = Mapping[str, Any]


def time_of_event(occurred_at: str | None, now: datetime) -> str:
    """The time text of an event: the present, or `occurred_at` of one that is sent late.

    Raises:
        Conflict: it is in the future, too long ago, or no date of the calendar.
    """
    if occurred_at is None:
        return text_of(now)
    earliest = text_of(now - timedelta(days=LATE_DAYS))
    try:
        moment = text_of(datetime.strptime(occurred_at, TEXT))
    except ValueError:
        moment = ""
    if not earliest <= moment <= text_of(now):
        raise Conflict(
            f"An event occurred between {earliest} and {text_of(now)} by the shop's clock, "
            f"not at {occurred_at}; leave occurred_at out for one that occurs now."
        )
    return moment


def days_of(times: Iterable[str]) -> list[str]:
    """The days of these times, each once."""
    return sorted({time[:10] for time in times})


def span(now: datetime, days: int) -> dict[str, str]:
    """The first and the last of so many days, today included."""
    today = now.date()
    return {
        "from_date": (today - timedelta(days=days - 1)).isoformat(),
        "to_date": today.isoformat(),
    }


def ended_before(now: datetime) -> str:
    """The current day: all days before it have ended."""
    return now.date().isoformat()


def kept_from(newest_event: str, retention_days: int) -> str:
    """The first day whose events are kept, counted back from the day of the newest event.

    Not from the present: a shop without new events keeps its last days.
    """
    newest = date.fromisoformat(newest_event[:10])
    back = min(retention_days, (newest - date.min).days)
    return (newest - timedelta(days=back)).isoformat()


def is_same(counted: Sequence[DayRow], rolled_up: Sequence[DayRow]) -> bool:
    """Whether a rollup equals the count of its day."""
    return sorted(map(_values, counted)) == sorted(map(_values, rolled_up))


def has_lost_events(counted: Sequence[DayRow], rolled_up: Sequence[DayRow]) -> bool:
    """Whether a rollup counts more events than are left."""
    left = {row["event_type"]: row["events"] for row in counted}
    return any(row["events"] > left.get(row["event_type"], 0) for row in rolled_up)


def totals(rows: Iterable[DayRow]) -> list[dict[str, Any]]:
    """Events by type over all days; sessions and users do not add up over days."""
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        kind = row["event_type"]
        total = sums.setdefault(kind, {"event_type": kind, "events": 0})
        total["events"] += row["events"]
    return [sums[kind] for kind in sorted(sums)]


def _values(row: DayRow) -> tuple[str, int, int, int, int]:
    return (row["event_type"], row["events"], row["sessions"], row["users"], row["revenue_cents"])
