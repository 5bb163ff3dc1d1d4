"""What the generator itself costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load import generator_overhead
from bench.load.arrivals import InvalidSchedule
from bench.load.generator import play_closed
from bench.load.null_server import nothing
from bench.load.schedule import ScheduledRequest
from bench.resale.http_requests import Request


def test_the_own_cost_is_measured_at_the_rate(tmp_path: Path) -> None:
    found = generator_overhead.own_cost(200, tmp_path, seconds=0.5)
    assert found["rate_per_second"] == 200
    for prefix in ("", "service_", "behind_"):
        assert 0 <= found[f"{prefix}p50_ns"] <= found[f"{prefix}p99_ns"]
    assert found["service_p50_ns"] <= found["p50_ns"]
    assert found["cpu_ns_per_request"] > 0
    assert list(tmp_path.iterdir()) == []
    text = generator_overhead.to_text(found)
    assert text.startswith("at 200 requests a second, asking for nothing:")
    assert "of a core" in text


def test_no_rate_has_no_cost(tmp_path: Path) -> None:
    for rate in (0, 0.1):
        with pytest.raises(InvalidSchedule):
            generator_overhead.own_cost(rate, tmp_path)
    assert generator_overhead.main(["--rate", "0"]) == 2


def test_nothing_answers_whatever_is_asked(tmp_path: Path) -> None:
    asked = [
        ScheduledRequest(0, "a", Request("GET", "/")),
        ScheduledRequest(0, "b", Request("POST", "/b", {"c": "é" * 99})),
    ]
    with nothing() as url:
        answers = play_closed(asked, url, tmp_path, connections=2, seconds=0.2).answers
    assert answers.good.all()
    assert set(answers.name) == {"a", "b"}
