"""The daily rollup and the retention that rests on it: work inside a write transaction.

What holds at every moment: a day that is rolled up equals the count of its events, as long as
these are there. So whoever writes events takes the rollup of their days away in the same
transaction, a rollup is counted and written in one, and events go only after a recount. The
server's jobs and the commands beside it both call these functions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reference_app.analytics import rules
from reference_app.errors import Conflict
from reference_app.port import Transaction

Outcome = Literal["written", "unchanged", "pruned", "deleted", "not rolled up", "differs"]


@dataclass(frozen=True, slots=True)
class DayDone:
    """What was done with one day.

    `written` or `unchanged`: it is rolled up; `pruned`: its rollup knows of events that
    are gone, and stays as it is. `deleted`: its events are gone, the rollup has them;
    `not rolled up` and `differs`: its events stay, and why.
    """

    day: str
    outcome: Outcome
    events: int

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {"day": self.day, "outcome": self.outcome, "events": self.events}


def roll_up_day(transaction: Transaction, day: str) -> DayDone:
    """Count the events of a day and make its rollup say so; doing it twice is doing it once."""
    counted = transaction.read("day_counted", {"day": day})
    rolled_up = transaction.read("day_rolled_up", {"day": day})
    events = sum(row["events"] for row in counted)
    if rules.has_lost_events(counted, rolled_up):
        return DayDone(day, "pruned", events)
    if rules.is_same(counted, rolled_up):
        return DayDone(day, "unchanged", events)
    transaction.write("forget_rollup", {"days": json.dumps([day])})
    transaction.write("write_rollup", {"day": day, "rows": json.dumps(counted)})
    return DayDone(day, "written", events)


def prune_day(transaction: Transaction, day: str) -> DayDone:
    """Delete the events of a day if, and only if, its rollup equals their count."""
    counted = transaction.read("day_counted", {"day": day})
    rolled_up = transaction.read("day_rolled_up", {"day": day})
    events = sum(row["events"] for row in counted)
    if not rolled_up:
        return DayDone(day, "not rolled up", events)
    if not rules.is_same(counted, rolled_up):
        return DayDone(day, "differs", events)
    transaction.write("delete_events_of_day", {"day": day})
    return DayDone(day, "deleted", events)


def write_events(transaction: Transaction, rows: Sequence[dict[str, Any]], *, forget: bool) -> int:
    """Write events; with `forget`, take away the rollup of their days, which they outdate.

    Raises:
        Conflict: one is of a day whose events were deleted: its rollup is all there is of it.
    """
    if forget:
        days = json.dumps(rules.days_of(row["timestamp"] for row in rows))
        outdated = transaction.read("rolled_up_among", {"days": days})
        for found in outdated:
            if not found["has_events"]:
                raise Conflict(
                    f"The day {found['day']} is closed, its events were cleared away; "
                    "send only events of later days."
                )
        if outdated:
            transaction.write("forget_rollup", {"days": days})
    return transaction.write("track_events", {"events": json.dumps(rows)})
