"""The micro-benchmarks as pytest sees them: one benchmark for each operation and lane.

Run by `resale-bench micro`, which gives pytest the session to measure with.
pytest-benchmark runs blocks one after another, which is the wrong order for a
comparison; here the first lane of an operation measures all of its lanes in
paired rounds, and each lane then hands its own rounds to pytest-benchmark
through the timer, so that its statistics, its JSON and its `compare` serve.
"""

from __future__ import annotations

from typing import Any

import pytest

from bench.micro.runner import ReplayTimer, Session

REPLAY = ReplayTimer()


@pytest.mark.benchmark(timer=REPLAY, disable_gc=False, warmup=False)
def test_operation(benchmark: Any, session: Session, operation: str, lane: str) -> None:
    """Hand the rounds of one lane to pytest-benchmark."""
    measured = session.measured(operation)
    rounds = session.round_medians_ns(operation, lane)
    if not rounds:
        # Said in comparison.json and in the report; the other operations go on.
        pytest.skip(f"{operation} has no times in the lane {lane}: {measured.difference}")
    benchmark.group = operation
    benchmark.extra_info.update(session.extra_info(operation, lane))
    REPLAY.load(rounds)
    benchmark.pedantic(lambda: None, rounds=len(rounds), iterations=1)
