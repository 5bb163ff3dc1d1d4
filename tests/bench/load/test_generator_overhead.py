"""What the generator itself costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load import generator_overhead
from bench.load.arrivals import InvalidSchedule
from bench.load.generator import run_closed
from bench.load.null_server import null_server
from bench.load.schedule import Schedule, ScheduledRequest
from bench.study.service import Request


def test_the_own_cost_is_measured_at_the_rate(tmp_path: Path) -> None:
    found = generator_overhead.generator_overhead(200, tmp_path, seconds=0.5)
    assert found["rate_per_second"] == 200
    for prefix in ("", "service_", "behind_"):
        assert 0 <= found[f"{prefix}p50_ns"] <= found[f"{prefix}p99_ns"]
    assert found["service_p50_ns"] <= found["p50_ns"]
    assert found["cpu_ns_per_request"] > 0
    assert list(tmp_path.iterdir()) == []
    text = generator_overhead.to_text(found)
    assert text.startswith("at 200 requests a second to a server that does nothing:")
    assert "of a core" in text


def test_no_rate_has_no_cost(tmp_path: Path) -> None:
    for rate in (0, 0.1):
        with pytest.raises(InvalidSchedule):
            generator_overhead.generator_overhead(rate, tmp_path)
    assert generator_overhead.main(["--rate", "0"]) == 2


def test_nothing_answers_whatever_is_asked(tmp_path: Path) -> None:
    schedule = Schedule(
        (
            ScheduledRequest(0, "a", Request("GET", "/")),
            ScheduledRequest(0, "b", Request("POST", "/b", {"c": "é" * 99})),
        )
    )
    with null_server() as url:
        answers = run_closed(schedule, url, tmp_path, connections=2, seconds=0.2).answers
    assert answers.good.all()
    assert set(answers.name) == {"a", "b"}
