"""bench.gate.timing: turns, rounds and looks, of lanes that take what a test says."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.gate import timing, timing_plan
from bench.gate.processes import staying_on
from bench.measure import page_cache
from bench.resale.gate.workload import workload_item
from bench.study import load_study
from bench.study.gate_limits import GateLimits

STUDY = load_study()


class FakeLane:
    """A side whose executions take what `times` says, by lane; counts what it was asked."""

    def __init__(
        self, taken_ns: int, answers: tuple[str, ...] = ("a", "b"), disturbed: int = 2
    ) -> None:
        self.taken_ns, self.answers, self.turns = taken_ns, answers, 0
        self.disturbed = disturbed

    def send(self, do: str, **given: Any) -> None:
        assert do == "prepare"

    def receive(self) -> dict[str, Any]:
        return {
            "answers": list(self.answers),
            "plans": [[] for _ in self.answers],
            "typical_ns": self.taken_ns,
            "refused": None,
        }

    def ask(self, do: str, **given: Any) -> Any:
        if do == "answer":
            return {"columns": ["size"], "rows": [[self.answers[-1]]], "total": 1}
        return self._turn(**given)

    def _turn(self, set_index: int, executions: int, warm: bool) -> list[int]:
        self.turns += 1
        # All executions of a turn but one are disturbed, on each lane otherwise.
        disturbed = self.taken_ns * self.disturbed
        return [*[disturbed] * (executions - 1), self.taken_ns + set_index]


def look(base: FakeLane, head: FakeLane, twin: FakeLane, *, alike: bool = True) -> Any:
    asked = workload_item(STUDY.operation("products_by_size"), 0.01, 1)
    assert asked is not None
    rounds = timing._Rounds(asked)
    running: Any = {timing.BASE: base, timing.HEAD: head, timing.CONTROL: twin}
    plan = timing_plan.Share(20, 60.0)
    limits = GateLimits(answers=alike)
    timer = timing._Timer(limits, np.random.default_rng(1), time.monotonic() + 60.0)
    timer.add_rounds(running, rounds, plan)
    return rounds


def test_a_look_adds_one_generation_of_paired_rounds() -> None:
    lanes = FakeLane(100_000), FakeLane(110_000, disturbed=3), FakeLane(100_000, disturbed=5)
    found = look(*lanes).timed()
    assert found.rounds == 20
    assert found.controls == ((0.0,) * 20,)
    assert np.exp(found.heads[0]) == pytest.approx(1.1, abs=1e-4)
    assert {lane.turns for lane in lanes} == {40}


def test_sides_that_answer_differently_are_not_timed() -> None:
    rounds = look(FakeLane(1_000), FakeLane(1_000, ("a", "c")), FakeLane(1_000))
    assert rounds.differs is not None
    assert rounds.differs.set_index == 1
    assert rounds.differs.base != rounds.differs.head
    assert rounds.heads == []
    allowed = look(FakeLane(1_000), FakeLane(1_000, ("a", "c")), FakeLane(1_000), alike=False)
    assert allowed.differs is None
    assert allowed.timed().rounds == 20


@pytest.mark.parametrize(
    ("typical_ns", "extent"),
    [(5_000, (20, True, 2)), (400_000, (10, True, 2)), (2_000_000, (5, True, 2)),
     (9_000_000, (1, False, 2)), (50_000_000, (1, False, 1))],
)  # fmt: skip
def test_quick_operations_are_executed_more_often(
    typical_ns: int, extent: tuple[int, bool, int]
) -> None:
    assert timing_plan.extent(typical_ns, timing_plan.Share(16, 60.0), 3) == extent


class Recorded(FakeLane):
    """A lane that tells what it was asked: (its name, the operation, executions) of each turn."""

    def __init__(self, name: str, taken: Mapping[str, int], told: list[tuple[str, str, int]]):
        super().__init__(0)
        self.name, self.taken, self.told = name, taken, told

    def send(self, do: str, **given: Any) -> None:
        super().send(do, **given)
        self.operation = given["name"]
        self.taken_ns = self.taken[self.operation]

    def ask(self, do: str, *, set_index: int, executions: int, warm: bool) -> list[int]:
        self.told.append((self.name, self.operation, executions))
        return super().ask(do, set_index=set_index, executions=executions, warm=warm)


Told = list[tuple[str, str, int]]


def clocked(
    monkeypatch: pytest.MonkeyPatch,
    heads: Mapping[str, int],
    decided: Collection[str] = (),
    seconds: float = 600.0,
) -> tuple[timing.Timings, list[Told]]:
    """Looks, and what each one asked, of operations whose base takes 400 us and their head so."""
    looks: list[Told] = []
    taken = {
        timing.BASE: dict.fromkeys(heads, 400_000),
        timing.CONTROL: dict.fromkeys(heads, 400_000),
        timing.HEAD: heads,
    }

    @contextlib.contextmanager
    def fakes(_: Any) -> Iterator[dict[str, Recorded]]:
        looks.append([])
        yield {name: Recorded(name, times, looks[-1]) for name, times in taken.items()}

    monkeypatch.setattr(timing, "worker_processes", fakes)
    monkeypatch.setattr(timing, "open_all", lambda running, cpu: None)
    reloads: list[int] = []
    # Files are read anew before a look's processes start.
    monkeypatch.setattr(page_cache, "reload", lambda _: reloads.append(len(looks)))
    asked = [workload_item(STUDY.operation(name), 0.01, 1) for name in heads]
    found = timing.time_operations(
        [],
        [one for one in asked if one is not None],
        GateLimits(),
        seconds=seconds,
        seed=1,
        pinned=False,
        progress=lambda _: None,
        decided=decided,
    )
    assert reloads == list(range(found.analyses))
    return found, looks


def test_what_a_look_leaves_open_is_timed_again_in_new_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, told = clocked(monkeypatch, {"products_by_size": 480_000})
    # One generation never calls anything slower; two that agree do, and nothing more is asked.
    assert found.analyses == len(told) == 2
    lanes = {timing.BASE, timing.HEAD, timing.CONTROL}
    for turns in told:
        assert {(name, count) for name, _, count in turns} == {
            (name, timing_plan.EXECUTIONS) for name in lanes
        }


def test_what_looks_slower_is_looked_at_first_and_for_more_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quicker, slower, alike = "products_by_size", "product_detail", "order_history"
    _, (first, second) = clocked(monkeypatch, {alike: 400_000, quicker: 320_000, slower: 480_000})
    turns = 2 * 3
    assert list(dict.fromkeys(name for _, name, _ in first)) == [alike, quicker, slower]
    asked = [name for _, name, _ in second]
    assert asked == [slower] * turns * timing_plan.ROUNDS[1 + timing_plan.SUSPECT_AHEAD] + (
        [quicker] * turns * timing_plan.ROUNDS[1]
    )


def test_no_look_adds_more_rounds_than_the_last() -> None:
    planned = [timing_plan.planned_rounds(look, suspect=True) for look in range(6)]
    assert planned == [*timing_plan.ROUNDS[2:], timing_plan.ROUNDS[-1], timing_plan.ROUNDS[-1]]


def test_no_more_is_executed_than_the_time_allows() -> None:
    # 16 rounds of two turns of three lanes, each of five executions of 0.4 ms, the untimed one
    # included: 0.19 s; six would take 0.2304 s.
    short = timing_plan.Share(32, 0.23)
    assert timing_plan.extent(400_000, short, 3) == (4, True, 2)
    assert timing_plan.extent(400_000, replace(short, seconds=0.0), 3) == (2, True, 2)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_the_harness_stays_on_the_lanes_core_and_leaves_it_again() -> None:
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    with pytest.raises(RuntimeError), staying_on(core):
        assert os.sched_getaffinity(0) == {core}
        raise RuntimeError
    assert os.sched_getaffinity(0) == allowed
    with staying_on(None):
        assert os.sched_getaffinity(0) == allowed
    with staying_on(max(allowed) + 4_096):
        assert os.sched_getaffinity(0) == allowed


def test_quick_operations_are_timed_before_slow_ones_that_the_budget_has_no_room_for() -> None:
    took = {
        "scan": (1_000_000_000, 1_000_000_000, 1_000_000_000),
        "quick": (1_000, 2_000, 1_000),
        "slow": (100_000_000, 50_000_000, 100_000_000),
    }
    assert timing_plan.least_seconds(took["slow"]) == pytest.approx(16 * 0.25)
    refused = timing_plan.affordable(took, 10.0)
    assert refused == {"scan": pytest.approx(48.0)}
    assert timing_plan.affordable(took, 110.0) == {}
    assert set(timing_plan.affordable(took, 1.0)) == {"scan", "slow"}


def test_what_counters_decided_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = {"products_by_size": 480_000}
    found, _ = clocked(monkeypatch, heads, decided=heads)
    assert found.analyses == 1


def test_what_a_quick_operation_takes_is_known_by_its_look(monkeypatch: pytest.MonkeyPatch) -> None:
    # While it was counted a request took several times what it takes when it is timed.
    assert (
        timing_plan.affordable({str(place): (5_000_000,) * 3 for place in range(100)}, 45.0) == {}
    )
    heads = {"products_by_size": 400_000, "product_detail": 400_000}
    found, [first] = clocked(monkeypatch, heads, seconds=0.1)
    assert found.too_slow == dict.fromkeys(heads, pytest.approx(16 * 6 * 3 * 400e-6))
    assert (found.timed, first) == ((), [])
