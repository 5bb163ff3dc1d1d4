"""Two runs: unlike ones are refused, and only what lies apart is called changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from bench.judge import across


def documents(name: str = "base", low: float = 2.0, high: float = 2.2) -> dict[str, Any]:
    pair = {"base": "before", "arm": "after", "speedup": (low + high) / 2, "ci95": [low, high]}
    arm = {"vm_steps": 10, "fullscan_steps": 0, "sorts": 0, "plan": ["SCAN t"]}
    return {
        "run": {
            "name": name, "study": "resale", "minimum_effect": 0.05, "pragmas": {"threads": 0},
            "dataset": {"content_hash": "abc"}, "environment": {"sqlite": "3.54.1", "cpu": "x"},
        },
        "comparison": {
            "operations": [
                {"name": "one", "arms": {"before": arm, "after": arm}, "comparisons": [pair]}
            ]
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (2.0, 2.2, "inconclusive"),
        (2.0, 2.1, "inconclusive"),
        (1.5, 1.91, "inconclusive"),
        (1.5, 1.90, "slower"),
        (2.3, 2.5, "inconclusive"),
        (2.32, 2.5, "faster"),
    ],
)
def test_only_intervals_that_lie_apart_are_a_change(low: float, high: float, verdict: str) -> None:
    change = across.between(documents(), documents("head", low, high))
    assert [entry["verdict"] for entry in change["changes"]] == [verdict]
    assert change["slower"] == (["one"] if verdict == "slower" else [])


def test_narrow_intervals_that_agree_are_the_same() -> None:
    base, head = documents("base", 2.0, 2.02), documents("head", 2.01, 2.04)
    assert [entry["verdict"] for entry in across.between(base, head)["changes"]] == ["same"]


def test_what_has_no_interval_is_inconclusive() -> None:
    head = documents("head")
    head["comparison"]["operations"][0]["comparisons"][0].update(ci95=None, speedup=None)
    assert across.between(documents(), head)["changes"][0]["verdict"] == "inconclusive"


def test_what_only_one_run_has_is_said() -> None:
    base, head = documents(), documents("head")
    for run, name in ((base, "old"), (head, "later")):
        entry = {**run["comparison"]["operations"][0], "name": name}
        run["comparison"]["operations"].append(entry)
    change = across.between(base, head)
    assert (change["missing"], change["new"]) == (
        ["old (before → after)"],
        ["later (before → after)"],
    )
    assert [entry["operation"] for entry in change["changes"]] == ["one"]


def test_runs_with_nothing_in_common_are_refused() -> None:
    head = documents("head")
    head["comparison"]["operations"][0]["name"] = "other"
    with pytest.raises(across.Incomparable, match="in common"):
        across.between(documents(), head)


def test_an_operation_that_could_not_be_measured_is_undecided() -> None:
    head = documents("head")
    entry = head["comparison"]["operations"][0]
    entry["arms"] = {}
    entry["comparisons"][0].update(ci95=None, speedup=None)
    change = across.between(documents(), head)
    assert change["inconclusive"] == ["one"]
    assert change["changes"][0]["counters"][1]["vm_steps"] is None
    assert not change["changes"][0]["plan_changed"]


def test_a_changed_plan_is_said() -> None:
    head = deepcopy(documents("head"))
    head["comparison"]["operations"][0]["arms"]["after"] = {
        "vm_steps": 5, "fullscan_steps": 0, "sorts": 1, "plan": ["SEARCH t"]
    }  # fmt: skip
    entry = across.between(documents(), head)["changes"][0]
    assert entry["plan_changed"]
    assert [counters["sorts"] for counters in entry["counters"]] == [0, 1]


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
    with pytest.raises(across.Incomparable, match=named):
        across.between(documents(), head)
