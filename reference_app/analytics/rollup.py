"""The daily rollup and the retention of events: work inside a write transaction.

Invariant: the rollup of a day equals the count of its events, as long as these exist. So a write
of events deletes the rollup of their days in the same transaction, a rollup is counted and written
in one transaction, and events are deleted only after a recount.
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
    """The outcome for one day.

    `written` or `unchanged`: it is rolled up. `pruned`: its rollup counts events that were deleted,
    and stays. `deleted`: its events were deleted, and the rollup stays. `not rolled up` and
    `differs`: its events stay for this reason.
    """

    day: str
    outcome: Outcome
    events: int

    def to_json(self) -> dict[str, Any]:
        """The line that commands print."""
        return {"day": self.day, "outcome": self.outcome, "events": self.events}


def roll_up_day(transaction: Transaction, day: str) -> DayDone:
    """Count the events of a day and write its rollup; idempotent."""
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
    """Write events; with `forget`, delete the outdated rollup of their days.

    Raises:
        Conflict: the events of such a day were deleted, so that its rollup has to stay.
    """
    if forget:
        days = json.dumps(rules.days_of(row["timestamp"] for row in rows))
        outdated = transaction.read("rolled_up_among", {"days": days})
        for row in outdated:
            if not row["has_events"]:
                raise Conflict(
                    f"The day {row['day']} is closed, its events were cleared away; "
                    "send only events of later days."
                )
        if outdated:
            transaction.write("forget_rollup", {"days": days})
    return transaction.write("track_events", {"events": json.dumps(rows)})
