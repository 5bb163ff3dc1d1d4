"""Runs of two sides: what changed in the arms' speedups, counters and plans from base to head.

Times of two runs were taken at different hours and are not compared. What is compared is each
arm's speedup over another arm, measured in pairs within its run, and the counters, which no hour
can change: what slows all arms alike shows in these alone.
Two single runs cannot tell what runs differ by, so with one run a side only counters
decide. With several a side speedups are judged by the spread between runs
(`bench.judge.run_spread`), from their raw samples. Unlike runs are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE
from bench.judge import stats
from bench.judge.run_spread import LEAST_RUNS, Change, Logs, changes
from bench.results.comparison import ArmFigures, Pair, Verdict
from bench.results.run_changes import PairChange, RunChanges, Work

Run = Mapping[str, Any]
# Smaller differences are no change of the work that is done: 50 steps take some microseconds, and
# a page that is full splits, which writes its two neighbours, a new page, their parent and the
# first page of the file besides.
_LEAST = {"vm_steps": 50, "pages_read": 6, "pages_written": 6, "log_bytes": 24_000}
_COUNTERS = ("vm_steps", "fullscan_steps", "sorts", "pages_read", "pages_written", "log_bytes")


def demand_study(name: str, run: Run) -> None:
    """Refuse the documents of a run of another study than the one of this name.

    Raises:
        BenchError: they are.
    """
    if run["run"].study != name:
        raise BenchError(
            f"The run is of the study {run['run'].study!r} and not of {name!r}; "
            "name its study file with --study.",
            INCOMPARABLE,
        )


def differences(base: Run, head: Run) -> list[str]:
    """In which conditions two runs differ, as "name: one against other"."""
    conditions: dict[str, Callable[[Run], Any]] = {
        "study": lambda run: run["run"].study,
        "dataset": lambda run: run["run"].dataset["content_hash"],
        "SQLite": lambda run: run["run"].environment["sqlite"],
        "CPU": lambda run: run["run"].environment["cpu"],
        "pragmas": lambda run: sorted(run["run"].pragmas.items()),
        "minimum effect": lambda run: run["run"].minimum_effect,
    }
    return [
        f"{name}: {of(base)} against {of(head)}"
        for name, of in conditions.items()
        if of(base) != of(head)
    ]


def between(base: Sequence[Run], head: Sequence[Run]) -> RunChanges:
    """What changed from the runs of `base` to those of `head`, each given as its documents by name.

    With several runs a side each also has its `samples`, as `bench.results.samples` reads them.
    One entry for each operation and pair of arms. `times` is the verdict of the speedups, `work`
    that of the arm's SQLite steps and, of a write, its pages and bytes of the log: "more" ("less")
    where every run of the head has more (fewer) than every run of the base by the minimum effect
    and by 50 steps, 6 pages or 24 kB; "mixed" where some are more and some fewer. The `verdict`
    is that of the times; where they decide nothing, more work is "slower" and less is "faster".
    `speedup` holds the sides' medians, `speedups` those of all runs.

    `missing` and `new` name what only one side has, `inconclusive` the entries whose times were
    not decided.

    Raises:
        BenchError: dataset, SQLite, CPU, settings or study differ, two of several runs are one
            and the same, or no operation and pair of arms is in all runs.
    """
    _refuse_unlike([*base, *head])
    if len(base) + len(head) > 2:
        _refuse_twice([*base, *head])
    effect = base[0]["run"].minimum_effect
    old, new = [_figures(run) for run in base], [_figures(run) for run in head]
    shared = [key for key in old[0] if all(key in run for run in (*old, *new))]
    if not shared:
        raise BenchError(
            "The runs have no operation and pair of arms in common; "
            "measure the same operations in all.",
            INCOMPARABLE,
        )
    study = base[0]["comparison"]
    timed: dict[_Key, Change] = {}
    if min(len(base), len(head)) >= LEAST_RUNS:
        _refuse_other_parameters([*base, *head])
        keys = [
            key
            for key in shared
            if all(run[key].pair.speedup for run in (*old, *new))
            and all(_measurable(run["samples"], key) for run in (*base, *head))
        ]
        timed = _timed(base, head, keys, effect, (study.base, study.judged))
    entries = [
        _entry(key, [run[key] for run in old], [run[key] for run in new], timed.get(key), effect)
        for key in shared
    ]
    in_old, in_new = set[_Key]().union(*old), set[_Key]().union(*new)
    return RunChanges(
        base=tuple(run["run"].name for run in base),
        head=tuple(run["run"].name for run in head),
        changes=tuple(entries),
        missing=_names(in_old - in_new),
        new=_names(in_new - in_old),
        slower=tuple(entry.name for entry in entries if entry.verdict == "slower"),
        inconclusive=tuple(entry.name for entry in entries if entry.times == "inconclusive"),
        undecided=_undecided(entries, alone=min(len(old), len(new)) < LEAST_RUNS),
    )


_Key = tuple[str, str, str]


def _names(keys: Collection[_Key]) -> tuple[str, ...]:
    return tuple(sorted(f"{name} ({base} → {arm})" for name, base, arm in keys))


def _undecided(entries: Sequence[PairChange], *, alone: bool) -> bool:
    """Whether nothing is known of any entry; with one run a side counters alone decide."""
    return all(
        entry.verdict == "inconclusive" and not (alone and entry.work == "same")
        for entry in entries
    )


def _refuse_unlike(runs: Sequence[Run]) -> None:
    for run in runs[1:]:
        unlike = differences(runs[0], run)
        if unlike:
            raise BenchError(
                f"The runs cannot be compared, {runs[0]['run'].name} and "
                f"{run['run'].name} differ in {'; '.join(unlike)}; "
                "run all on one machine and one dataset.",
                INCOMPARABLE,
            )


def _refuse_other_parameters(runs: Sequence[Run]) -> None:
    """Refuse to hold times of runs against each other that answered other parameters."""
    schemes = {run["run"].name: run["run"].parameter_scheme for run in runs}
    if len(set(schemes.values())) > 1:
        newest = max(schemes.values())
        older = ", ".join(name for name, scheme in schemes.items() if scheme < newest)
        raise BenchError(
            f"The runs of {older} drew their parameters in an older way than the others; "
            "make them again with this version.",
            INCOMPARABLE,
        )


def _measurable(samples: Mapping[str, Mapping[str, Any]], key: _Key) -> bool:
    """Whether both arms have samples, and none that a coarse clock made 0."""
    operation, *arms = key
    return all(arm in samples.get(operation, {}) for arm in arms) and all(
        (samples[operation][arm] > 0).all() for arm in arms
    )


def _refuse_twice(runs: Sequence[Run]) -> None:
    """Refuse one run given as two: it would have no spread."""
    for place, run in enumerate(runs):
        for other in runs[:place]:
            if run["comparison"] == other["comparison"]:
                raise BenchError(
                    f"The runs {other['run'].name} and {run['run'].name} hold the same "
                    "measurement; name each run once, and make others with `resale-bench run`.",
                    INCOMPARABLE,
                )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A pair of arms in one run, with the arm's counters and plan where it was measured."""

    pair: Pair
    arm: ArmFigures | None

    def counter(self, name: str) -> int | None:
        """A counter of the arm, None where it is not known."""
        found: int | None = getattr(self.arm, name, None)
        return found


def _figures(run: Run) -> dict[_Key, _Measured]:
    return {
        (entry.name, pair.base, pair.arm): _Measured(pair, entry.arms.get(pair.arm))
        for entry in run["comparison"].operations
        for pair in entry.comparisons
    }


def _timed(
    base: Sequence[Run],
    head: Sequence[Run],
    keys: Sequence[_Key],
    effect: float,
    judged: tuple[str, str],
) -> dict[_Key, Change]:
    """The change of the speedups of `keys`, which every run has timed.

    `judged` names the two arms whose speedup is the study's question.
    """
    old, new = (
        [[_log_speedups(run["samples"], key) for key in keys] for run in side]
        for side in (base, head)
    )
    primary = [place for place, (_, *arms) in enumerate(keys) if tuple(arms) == judged]
    operations = len({name for name, *_ in keys})
    found = changes(old, new, effect, primary, operations=operations)
    return dict(zip(keys, found, strict=True))


def _log_speedups(samples: Mapping[str, Mapping[str, Any]], key: _Key) -> Logs:
    """log(base arm / arm) of each draw, of shape (rounds, draws).

    Of several executions the least counts, which had the processor at full pace. An arm that is
    so slow that it is executed once has a mean of the processor's paces, and so has the other then.
    """
    operation, *names = key
    arms = [samples[operation][name] for name in names]
    once = any(latencies.shape[2] == 1 for latencies in arms)
    base, arm = (np.log(one.mean(axis=2) if once else one.min(axis=2)) for one in arms)
    logs: Logs = base - arm
    return logs


def _entry(
    key: _Key,
    old: Sequence[_Measured],
    new: Sequence[_Measured],
    change: Change | None,
    effect: float,
) -> PairChange:
    operation, base_arm, arm = key
    times: Verdict = "inconclusive" if change is None else change.verdict
    work = _work(old, new, effect)
    by_work: dict[Work, Verdict] = {"more": "slower", "less": "faster"}
    plans = [[run.arm and run.arm.plan for run in side] for side in (old, new)]
    before, after = (tuple(run.pair.speedup for run in side) for side in (old, new))
    return PairChange(
        operation=operation,
        base=base_arm,
        arm=arm,
        speedup=(_median(before), _median(after)),
        speedups=(before, after),
        ratio=None if change is None else change.ratio,
        ci95=None if change is None else (change.low, change.high),
        counters=(_counters_of(old[0]), _counters_of(new[0])),
        plan_changed=None not in (*plans[0], *plans[1])
        and any(plan not in plans[0] for plan in plans[1]),
        times=times,
        work=work,
        verdict=by_work.get(work, times) if times == "inconclusive" else times,
    )


def _counters_of(run: _Measured) -> dict[str, int | None]:
    return {name: run.counter(name) for name in _COUNTERS}


def _median(speedups: Sequence[float | None]) -> float | None:
    known = [speedup for speedup in speedups if speedup is not None]
    return stats.median(known) if known else None


def _work(old: Sequence[_Measured], new: Sequence[_Measured], effect: float) -> Work:
    """How the counters of the head's runs lie to those of the base's, all that decide together.

    Runs of an older form have no pages: those decide nothing then.
    """
    found = {
        name: _moved(
            [run.counter(name) for run in old], [run.counter(name) for run in new], effect, least
        )
        for name, least in _LEAST.items()
    }
    if found["vm_steps"] == "unknown":
        return "unknown"
    moved = {work for work in found.values() if work in ("more", "less")}
    if len(moved) > 1:
        return "mixed"
    return moved.pop() if moved else "same"


def _moved(old: Sequence[int | None], new: Sequence[int | None], effect: float, least: int) -> Work:
    before = [value for value in old if value is not None]
    after = [value for value in new if value is not None]
    if len(before) < len(old) or len(after) < len(new):
        return "unknown"
    if _beyond(max(before), min(after), effect, least):
        return "more"
    if _beyond(max(after), min(before), effect, least):
        return "less"
    return "same"


def _beyond(bound: int, value: int, effect: float, least: int) -> bool:
    return value > bound * (1 + effect) and value - bound >= least
