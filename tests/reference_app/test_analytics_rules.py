from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.analytics import rules
from reference_app.clock import text_of
from reference_app.errors import Conflict

NOW = datetime(2025, 10, 5, 10, 0, 0)


def row(kind: str, events: int, revenue_cents: int = 0) -> dict[str, Any]:
    return {
        "event_type": kind,
        "events": events,
        "sessions": 1,
        "users": 1,
        "revenue_cents": revenue_cents,
    }


@given(st.integers(-10, 5 * 86_400))
def test_an_event_may_be_three_days_late_and_never_early(age_s: int) -> None:
    occurred_at = text_of(NOW - timedelta(seconds=age_s))
    if 0 <= age_s <= 3 * 86_400:
        assert rules.time_of_event(occurred_at, NOW) == occurred_at
    else:
        with pytest.raises(Conflict):
            rules.time_of_event(occurred_at, NOW)


def test_an_event_without_a_time_occurs_now() -> None:
    assert rules.time_of_event(None, NOW) == "2025-10-05 10:00:00"


def test_a_day_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(Conflict):
        rules.time_of_event("2025-02-29 10:00:00", datetime(2025, 3, 1, 10, 0, 0))
    assert rules.time_of_event("2024-02-29 10:00:00", datetime(2024, 3, 1, 10, 0, 0))


def test_a_span_holds_today_and_the_days_before() -> None:
    assert rules.span(NOW, 1) == {"from_date": "2025-10-05", "to_date": "2025-10-05"}
    assert rules.span(NOW, 30) == {"from_date": "2025-09-06", "to_date": "2025-10-05"}


@pytest.mark.parametrize(
    ("days", "first"), [(7, "2025-09-28"), (90, "2025-07-07"), (10**6, "0001-01-01")]
)
def test_retention_counts_back_from_the_newest_event(days: int, first: str) -> None:
    assert rules.kept_from("2025-10-05 10:00:00", days) == first


def test_a_rollup_is_the_count_or_it_is_not() -> None:
    counted = [row("login", 2), row("search", 3)]
    assert rules.is_same(counted, list(reversed(counted)))
    assert not rules.is_same(counted, counted[:1])
    assert not rules.is_same(counted, [*counted, row("search", 3)])
    assert not rules.is_same(counted, [row("login", 2, 5), row("search", 3)])


def test_a_rollup_that_knows_more_than_is_left_is_told_apart() -> None:
    left = [row("login", 2)]
    assert rules.has_lost_events(left, [row("login", 3)])
    assert rules.has_lost_events(left, [row("login", 1), row("search", 1)])
    assert rules.has_lost_events([], [row("login", 1)])
    assert not rules.has_lost_events(left, [row("login", 2)])
    assert not rules.has_lost_events(left, [row("login", 1)])
    assert not rules.has_lost_events(left, [])


def test_totals_add_events_by_type() -> None:
    """Revenue comes from orders: whoever tracks a purchase may name any amount."""
    rows = [row("search", 1), row("purchase", 2, 500), row("purchase", 3, 700)]
    assert rules.totals(rows) == [
        {"event_type": "purchase", "events": 5},
        {"event_type": "search", "events": 1},
    ]
