"""Two runs side by side: what changed in the arms' speedups, counters and plans.

Times of two runs were taken at different hours and are not compared. What is
compared is each arm's speedup over its own base, which was measured in pairs
within its run, and the counters, which no hour can change. Unlike runs are
refused. Judging room: no file, no clock, no database may enter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from bench.judge.records import JudgementError


class Incomparable(JudgementError):
    """Two runs that measured different things; the text names the difference."""


def demand_study(name: str, run: Mapping[str, Any]) -> None:
    """Refuse the documents of a run of another study than the one of this name.

    Raises:
        Incomparable: they are.
    """
    if run["run"]["study"] != name:
        raise Incomparable(
            f"The run is of the study {run['run']['study']!r} and not of {name!r}; "
            "name its study file with --study."
        )


def differences(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    """In which conditions two runs differ, as "name: one against other"."""
    conditions: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        "study": lambda run: run["run"]["study"],
        "dataset": lambda run: run["run"]["dataset"]["content_hash"],
        "SQLite": lambda run: run["run"]["environment"]["sqlite"],
        "CPU": lambda run: run["run"]["environment"]["cpu"],
        "pragmas": lambda run: sorted(run["run"]["pragmas"].items()),
        "minimum effect": lambda run: run["run"]["minimum_effect"],
    }
    return [
        f"{name}: {of(base)} against {of(head)}"
        for name, of in conditions.items()
        if of(base) != of(head)
    ]


def between(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, Any]:
    """What changed from run `base` to run `head`, each given as its documents by name.

    The change of a speedup is bounded by the extremes of its two intervals: "slower"
    ("faster") when even the mildest change is beyond the minimum effect, "same" when even the
    largest is within it, "inconclusive" otherwise.

    An operation that a run could not measure is "inconclusive" too. `missing` and `new` name
    what only one of the runs has, `inconclusive` the operations of which nothing is known.

    Raises:
        Incomparable: dataset, SQLite, CPU, settings or study differ, or no operation and pair of
            arms is in both runs.
    """
    unlike = differences(base, head)
    if unlike:
        raise Incomparable(
            f"The runs cannot be compared, they differ in {'; '.join(unlike)}; "
            "run both on one machine and one dataset."
        )
    effect = float(base["run"]["minimum_effect"])
    old, new = _pairs(base["comparison"]), _pairs(head["comparison"])
    changes = [_change(key, old[key], new[key], effect) for key in old if key in new]
    if not changes:
        raise Incomparable(
            "The runs have no operation and pair of arms in common; "
            "measure the same operations in both."
        )
    return {
        "schema_version": 1,
        "base": base["run"]["name"],
        "head": head["run"]["name"],
        "changes": changes,
        "missing": _names(old.keys() - new.keys()),
        "new": _names(new.keys() - old.keys()),
        "slower": [entry["operation"] for entry in changes if entry["verdict"] == "slower"],
        "inconclusive": [
            entry["operation"] for entry in changes if entry["verdict"] == "inconclusive"
        ],
    }


_Key = tuple[str, str, str]


def _names(keys: Collection[_Key]) -> list[str]:
    return sorted(f"{name} ({base} → {arm})" for name, base, arm in keys)


def _pairs(comparison: Mapping[str, Any]) -> dict[_Key, dict[str, Any]]:
    return {
        (entry["name"], pair["base"], pair["arm"]): {**pair, **_exact(entry, pair["arm"])}
        for entry in comparison["operations"]
        for pair in entry["comparisons"]
    }


def _exact(entry: Mapping[str, Any], arm: str) -> dict[str, Any]:
    """The arm's counters and plan; without values where it was not measured."""
    figures: Mapping[str, Any] = entry["arms"].get(arm, {})
    return {
        "counters": {name: figures.get(name) for name in ("vm_steps", "fullscan_steps", "sorts")},
        "plan": figures.get("plan"),
    }


def _change(
    key: _Key, old: Mapping[str, Any], new: Mapping[str, Any], effect: float
) -> dict[str, Any]:
    operation, base_arm, arm = key
    return {
        "operation": operation,
        "base": base_arm,
        "arm": arm,
        "speedup": [old["speedup"], new["speedup"]],
        "ci95": [old["ci95"], new["ci95"]],
        "counters": [old["counters"], new["counters"]],
        "plan_changed": None not in (old["plan"], new["plan"]) and old["plan"] != new["plan"],
        "verdict": _verdict(old["ci95"], new["ci95"], effect),
    }


def _verdict(
    old: tuple[float, float] | None, new: tuple[float, float] | None, effect: float
) -> str:
    if old is None or new is None:
        return "inconclusive"
    low, high = new[0] / old[1], new[1] / old[0]
    if high < 1 / (1 + effect):
        return "slower"
    if low > 1 + effect:
        return "faster"
    if low >= 1 / (1 + effect) and high <= 1 + effect:
        return "same"
    return "inconclusive"
