from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from bench.gate import exact
from bench.gate.worker.counts import CounterWorker
from bench.gate.worker.custom_database import CustomDatabaseAdapter
from bench.gate.worker.timing import TimingWorker
from bench.gate.workload import WorkloadItem
from bench.judge.gate import Gated, GateOperation, gate_document
from bench.judge.gate_seen import Schema, Seen
from bench.judge.gate_times import Timed
from bench.report.sections.gate import gate_blocks, gate_markdown, ratio_text
from bench.report.terminal import blocks_text
from bench.results.gate import Gate, GateSide, GateSize, PlanGroup
from bench.study import load_study
from bench.study.gate_limits import GateLimits

SCAN, SEARCH = ("SCAN t",), ("SEARCH t USING INDEX t_k (k=?)",)
SIDE = GateSide(
    what="a database", commit=None, dirty=False, content_hash=None, sqlite_version="3.54.1",
    python="3.11.9", schema_hash=None, arm="",
)  # fmt: skip
SCHEMA = Schema({}, analysed=True)
VALUES = ({"k": 0}, {"k": 1}, {"k": 2}, {"k": 3})


def seen(draw: int, steps: int, plan: tuple[str, ...]) -> Seen:
    return Seen("sql", draw, steps, 0, 0, 0, 1, 1, "a", plan, {"SELECT 1": 1})


def timed(frequent: float, rare: float, generations: int = 3, rounds: int = 40) -> Timed:
    """Rounds of one frequent value, which is scanned for, and of three rare ones, in turn."""
    draws = tuple(place % 4 for place in range(rounds))
    heads = tuple(math.log(rare if draw else frequent) for draw in draws)
    twins = ((0.0,) * rounds,) * generations
    ns = (1_000_000,) * rounds * generations
    plans = ((SEARCH, SCAN), *[(SEARCH, SEARCH)] * 3)
    return Timed("some", (heads,) * generations, twins, ns, ns, (draws,) * generations, plans)


def document(rounds: Timed | None, **more: Any) -> Gate:
    base = tuple(seen(draw, 100, SEARCH) for draw in range(3))
    head = (seen(0, 90, SCAN), seen(1, 90, SEARCH), seen(2, 90, SEARCH))
    one = GateOperation("some", "Some", "read", True, True, base, head, rounds, **more)
    size = GateSize(bytes=1, seed=1)
    made = Gated("own", SIDE, SIDE, size, (SCHEMA, SCHEMA), (one,), GateLimits())
    return gate_document(made)


def groups(gate: Gate) -> tuple[PlanGroup, ...]:
    found = gate.operations[0].by_plan
    assert found is not None
    return found


def test_times_of_several_plans_are_told_by_plan_with_the_values() -> None:
    doc = document(timed(7.0, 0.25), parameters=VALUES)
    scanned, searched = groups(doc)
    assert (scanned.parameters, scanned.plans.head) == (("k = 0",), SCAN)
    assert scanned.ratio == pytest.approx(7.0)
    assert (searched.parameters, searched.draws) == (("k = 1", "k = 2", "k = 3"), 3)
    assert searched.ratio == pytest.approx(0.25)
    assert scanned.base is not None
    assert scanned.base.vm_steps == 100
    told = ratio_text(doc.operations[0])
    assert told == "7× / 0.25×, by plan"
    for text in (blocks_text(gate_blocks(doc), width=130), gate_markdown(doc)):
        assert "for k = 0: steps 100 → 90, head / base 7×" in text
        assert "for k = 1; k = 2; k = 3: steps 100 → 90, head / base 0.25×" in text
    assert Gate.model_validate_json(json.dumps(doc.json_values())) == doc


def test_each_plan_has_the_limit_of_its_own_times() -> None:
    """12 % of 5 µs is less than the nanoseconds that count for nothing."""
    rounds = timed(frequent=1.12, rare=1.0)
    drawn = [draw for generation in rounds.set_indexes for draw in generation]
    quick = tuple(100_000 if draw else 5_000 for draw in drawn)
    found = groups(document(replace(rounds, base_ns=quick), parameters=VALUES))
    assert [one.slower for one in found] == [False, False]
    slow = tuple(100_000 if draw else 5_000_000 for draw in drawn)
    found = groups(document(replace(rounds, base_ns=slow), parameters=VALUES))
    assert [one.slower for one in found] == [True, False]


class PlannedLane:
    """A lane that is asked for the plans of each draw."""

    def __init__(self, *plans: str) -> None:
        self._plans = [[plan] for plan in plans]

    def send(self, command: str, **_: object) -> None:
        assert command == "plans"

    def receive(self) -> list[list[str]]:
        return self._plans


def test_the_first_draw_of_each_pair_of_plans_is_counted() -> None:
    operation = load_study().operations[0]
    asked = WorkloadItem(operation, tuple({"k": draw} for draw in range(8)), ())
    base, head = PlannedLane(*"aaaaaaba"), PlannedLane(*"aaaaacba")
    assert exact._counted([base, head], asked) == [0, 1, 2, 5, 6]  # type: ignore[list-item]


def test_a_plan_that_is_slower_is_a_regression_though_most_values_are_faster() -> None:
    [entry] = document(timed(7.0, 0.25), parameters=VALUES).operations
    assert entry.verdict == "regression"
    assert "7 times as long for k = 0" in str(entry.message)
    assert "0.25 times as long for k = 1; k = 2; k = 3" in str(entry.message)
    [entry] = document(timed(0.5, 0.25), parameters=VALUES).operations
    assert entry.verdict == "improved"


def test_plans_of_what_was_not_timed_are_told_by_counters() -> None:
    found = groups(document(None, parameters=VALUES, time_wanted=False))
    assert [(one.draws, one.ratio) for one in found] == [(1, None), (2, None)]


def test_one_plan_for_all_parameters_is_no_group() -> None:
    same = replace(timed(1.0, 1.0), plans=((SEARCH, SCAN),) * 4)
    assert document(same, parameters=VALUES).operations[0].by_plan is None


def test_the_plan_of_each_draw_is_that_of_its_values(tmp_path: Path) -> None:
    database, queries = tmp_path / "t.db", tmp_path / "t.json"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE t(k INT, v INT)")
        connection.executemany(
            "INSERT INTO t VALUES(?, 1)", [(max(0, n),) for n in range(-9000, 40)]
        )
        connection.execute("CREATE INDEX t_k ON t(k)")
        connection.commit()
    # The analysis takes samples of values where SQLite is built for it, as apsw's is.
    with closing(apsw.Connection(str(database))) as analysed:
        analysed.execute("ANALYZE")
    statements = ["SELECT 1", "SELECT sum(v) FROM t WHERE k = :k"]
    told = {
        "some": {"statements": statements, "require": [None] * len(statements), "ordered": False}
    }
    queries.write_text(json.dumps({"foreign_keys": True, "operations": told}))
    side = CustomDatabaseAdapter(database, queries)
    turns = TimingWorker(side)
    turns.open(None)
    values = [{"k": 0}, {"k": 7}]
    plans = turns.prepare("some", "read", values, [])["plans"]
    assert plans[0] != plans[1]
    assert any("SEARCH" in line for line in plans[1])
    assert plans == [
        one["plan"] for one in CounterWorker(side).observe("some", "read", values, [], [0, 1], 60.0)
    ]
