"""Two runs: unlike ones are refused, and only what lies apart is called changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from bench.errors import BenchError
from bench.judge import compare_runs
from bench.judge.compare_runs import ComparedRun
from bench.results.comparison import ArmFigures, Comparison, OperationComparison, Pair
from bench.results.model import DatasetSummary
from bench.results.run import Run


def documents(name: str = "base", low: float = 2.0, high: float = 2.2) -> dict[str, Any]:
    speedup = (low + high) / 2
    pair = {"base": "before", "arm": "after", "speedup": speedup, "ci95": [low, high]}
    arm = {"vm_steps": 10, "fullscan_steps": 0, "sorts": 0, "plan": ["SCAN t"]}
    return {
        "run": {
            "name": name, "study": "resale", "minimum_effect": 0.05, "pragmas": {"threads": 0},
            "dataset": {"content_hash": "abc"}, "environment": {"sqlite": "3.54.1", "cpu": "x"},
        },
        "comparison": {
            "base": "before",
            "judged": "after",
            "operations": [
                {"name": "one", "arms": {"before": arm, "after": arm}, "comparisons": [pair]}
            ],
        },
        "samples": {
            "one": {
                "before": np.full((7, 2, 3), 1e6 * speedup), "after": np.full((7, 2, 1), 1e6)
            }
        },
    }  # fmt: skip


def runs(side: str, *speedups: float) -> list[dict[str, Any]]:
    return [
        documents(f"{side}{place}", speedup * 0.99, speedup * 1.01)
        for place, speedup in enumerate(speedups)
    ]


def typed(run: dict[str, Any]) -> ComparedRun:
    """A run as it was read, as far as it is given here."""
    comparison = run["comparison"]
    operations = [
        OperationComparison.model_construct(
            name=entry["name"],
            arms={name: ArmFigures.model_construct(**arm) for name, arm in entry["arms"].items()},
            comparisons=tuple(Pair.model_construct(**pair) for pair in entry["comparisons"]),
        )
        for entry in comparison["operations"]
    ]
    dataset = DatasetSummary.model_construct(**run["run"]["dataset"])
    return ComparedRun(
        Run.model_construct(**{**run["run"], "dataset": dataset}),
        Comparison.model_construct(**{**comparison, "operations": operations}),
        run["samples"],
    )


def compare(base: list[dict[str, Any]], head: list[dict[str, Any]]) -> dict[str, Any]:
    return compare_runs.between([typed(run) for run in base], [typed(run) for run in head])


def between(base: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    return compare([base], [head])


def test_one_run_a_side_says_nothing_of_times() -> None:
    change = between(documents(), documents("head", 0.1, 0.11))
    assert [(entry.times, entry.verdict) for entry in change.changes] == [
        ("inconclusive", "inconclusive")
    ]
    assert (change.slower, change.undecided) == ((), False)
    unknown = documents("head")
    unknown["comparison"]["operations"][0]["arms"] = {}
    assert between(documents(), unknown).undecided


@pytest.mark.parametrize(
    ("base_counters", "head_counters", "work", "verdict"),
    [
        ({"vm_steps": 1000}, {"vm_steps": 1051}, "more", "slower"),
        ({"vm_steps": 1051}, {"vm_steps": 1000}, "less", "faster"),
        ({"vm_steps": 1000}, {"vm_steps": 1050}, "same", "inconclusive"),
        ({"vm_steps": 20}, {"vm_steps": 40}, "same", "inconclusive"),
        ({"vm_steps": 1000}, {"vm_steps": None}, "unknown", "inconclusive"),
        # Of a write, its pages and its log as well.
        ({"log_bytes": 41_200}, {"log_bytes": 65_920}, "more", "slower"),
        ({"pages_written": 16}, {"pages_written": 10}, "less", "faster"),
        ({"pages_read": 9}, {"pages_read": 15}, "more", "slower"),
        # A page that was full splits.
        ({"pages_written": 5}, {"pages_written": 10}, "same", "inconclusive"),
        ({"pages_written": 200}, {"pages_written": 208}, "same", "inconclusive"),
        ({"pages_written": 16, "vm_steps": 100}, {"pages_written": 5, "vm_steps": 300},
         "mixed", "inconclusive"),
        # A run of the older form says nothing of pages.
        ({}, {"pages_written": 90, "log_bytes": 370_800}, "same", "inconclusive"),
        ({"log_bytes": None}, {"log_bytes": 370_800}, "same", "inconclusive"),
    ],
)  # fmt: skip
def test_without_times_the_counters_decide(
    base_counters: dict[str, int | None],
    head_counters: dict[str, int | None],
    work: str,
    verdict: str,
) -> None:
    base, head = documents(), documents("head")
    for run, counters in ((base, base_counters), (head, head_counters)):
        arms = run["comparison"]["operations"][0]["arms"]
        arms["after"] = {**arms["after"], **counters}
    [entry] = between(base, head).changes
    assert (entry.work, entry.verdict) == (work, verdict)


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        ((2.005, 2.015, 1.985), "same"),
        ((1.6, 1.61, 1.62), "slower"),
        ((2.5, 2.52, 2.48), "faster"),
        # Runs of one side that differ as much as the sides do.
        ((1.6, 2.1, 1.7), "inconclusive"),
    ],
)
def test_several_runs_a_side_are_judged_by_their_spread(
    head: tuple[float, ...], verdict: str
) -> None:
    change = compare(runs("a", 2.0, 2.01, 1.99), runs("b", *head))
    assert [entry.verdict for entry in change.changes] == [verdict]
    assert change.slower == (("one (before → after)",) if verdict == "slower" else ())
    assert change.undecided == (verdict == "inconclusive")


def test_runs_that_drew_other_parameters_are_refused_where_times_are_judged() -> None:
    newer = runs("b", 2.02, 2.03)
    for run in newer:
        run["run"]["parameter_scheme"] = 2
    with pytest.raises(BenchError, match="a0, a1 drew their parameters in an older way"):
        compare(runs("a", 2.0, 2.01), newer)
    assert compare(runs("a", 2.0), newer[:1]).slower == ()


def test_a_time_of_nothing_is_no_time() -> None:
    head = runs("b", 1.0, 1.01)
    head[1]["samples"]["one"]["after"][3, 1, 0] = 0
    [entry] = compare(runs("a", 2.0, 2.01), head).changes
    assert (entry.times, entry.ratio) == ("inconclusive", None)


def test_how_often_an_arm_was_executed_in_a_run_is_no_change() -> None:
    """Executed once or three times as it happened to take 8 ms at first: the first is like any."""
    base, head = runs("a", 2.0, 2.01), runs("b", 2.005, 2.015)
    for run in base:
        series = run["samples"]["one"]
        series["after"] = series["after"] * np.array([1.0, 0.9, 0.8])
    [entry] = compare(base, head).changes
    assert entry.times == "same"
    assert entry.ratio == pytest.approx(1, abs=0.01)


def test_one_run_named_twice_is_refused() -> None:
    with pytest.raises(BenchError, match="a0 and b0 hold the same measurement"):
        compare(runs("a", 2.0, 2.01), runs("b", 2.0, 2.02))


def test_what_has_no_interval_is_inconclusive() -> None:
    head = runs("b", 1.0, 1.01)
    head[1]["comparison"]["operations"][0]["comparisons"][0].update(ci95=None, speedup=None)
    [entry] = compare(runs("a", 2.0, 2.01), head).changes
    assert (entry.times, entry.ratio) == ("inconclusive", None)


def test_what_only_one_run_has_is_said() -> None:
    base, head = documents(), documents("head")
    for run, name in ((base, "old"), (head, "later")):
        entry = {**run["comparison"]["operations"][0], "name": name}
        run["comparison"]["operations"].append(entry)
    change = between(base, head)
    assert (change.missing, change.new) == (
        ("old (before → after)",),
        ("later (before → after)",),
    )
    assert [entry.operation for entry in change.changes] == ["one"]


def test_runs_with_nothing_in_common_are_refused() -> None:
    head = documents("head")
    head["comparison"]["operations"][0]["name"] = "other"
    with pytest.raises(BenchError, match="in common"):
        between(documents(), head)


def test_an_operation_that_could_not_be_measured_is_undecided() -> None:
    head = documents("head")
    entry = head["comparison"]["operations"][0]
    entry["arms"] = {}
    entry["comparisons"][0].update(ci95=None, speedup=None)
    change = between(documents(), head)
    assert change.inconclusive == ("one (before → after)",)
    assert change.changes[0].counters[1]["vm_steps"] is None
    assert not change.changes[0].plan_changed


def test_a_changed_plan_is_said() -> None:
    head = deepcopy(documents("head"))
    head["comparison"]["operations"][0]["arms"]["after"] = {
        "vm_steps": 5, "fullscan_steps": 0, "sorts": 1, "plan": ["SEARCH t"]
    }  # fmt: skip
    entry = between(documents(), head).changes[0]
    assert entry.plan_changed
    assert [counters["sorts"] for counters in entry.counters] == [0, 1]


@pytest.mark.parametrize(
    ("room", "key", "value", "named"),
    [
        ("dataset", "content_hash", "zzz", "dataset: abc against zzz"),
        ("environment", "sqlite", "3.40.1", "SQLite"),
        ("environment", "cpu", "y", "CPU"),
        ("pragmas", "threads", 2, "pragmas"),
    ],
)
def test_unlike_runs_are_refused(room: str, key: str, value: object, named: str) -> None:
    head = documents("head")
    head["run"][room][key] = value
    with pytest.raises(BenchError, match=named):
        between(documents(), head)
