from __future__ import annotations

import pytest

from bench.resale.service import needed_per_second


def test_the_needed_rate_follows_from_the_events_of_the_busiest_hour() -> None:
    # An event a second in batches of ten is a batch each 10 s; one request in 20 is a batch.
    assert needed_per_second(3600, 0.05, 10) == pytest.approx(2.0)
    assert needed_per_second(0, 0.05, 10) == 0
