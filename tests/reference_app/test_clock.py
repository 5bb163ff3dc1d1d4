from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reference_app.clock import (
    DatasetClock,
    FixedClock,
    WallClock,
    clock_from,
    days_before,
    hours_before,
    text_of,
)

NEWEST = "2025-10-04 23:59:59"


def test_the_dataset_clock_counts_on_from_the_newest_event() -> None:
    passed_ns = [5_000_000_000]
    clock = DatasetClock(datetime(2025, 10, 4, 23, 59, 59), lambda: passed_ns[0])
    assert text_of(clock.now()) == NEWEST
    passed_ns[0] += 2_500_000_000
    assert clock.now() == datetime(2025, 10, 5, 0, 0, 1, 500_000)


def test_an_empty_shop_falls_back_to_the_machine() -> None:
    assert isinstance(clock_from(None), WallClock)
    now = clock_from(None).now()
    assert now.tzinfo is None
    assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=1)
    assert text_of(clock_from(NEWEST).now()).startswith("2025-10-0")


def test_windows_count_back_in_the_databases_format() -> None:
    now = FixedClock(NEWEST).now()
    assert days_before(now, 7) == "2025-09-27 23:59:59"
    assert hours_before(now, 1) == "2025-10-04 22:59:59"
