"""Runs of two sides: what changed in the arms' speedups, counters and plans from base to head.

Times of two runs were taken at different hours and are not compared. What is compared is each
arm's speedup over another arm, measured in pairs within its run, and the counters, which no hour
can change: what slows all arms alike shows in these alone. Two single runs cannot tell what runs
differ by, so with one run a side only counters decide. With several a side speedups are judged by
the spread between runs (`bench.judge.run_spread`), from their raw samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE
from bench.judge import stats
from bench.judge.run_spread import LEAST_RUNS, Change, Logs, changes
from bench.results.comparison import ArmFigures, Comparison, Pair, Verdict
from bench.results.run import Run
from bench.results.run_changes import PairChange, RunChanges, Work
from bench.results.samples import Latencies


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run of a side; `samples` are its raw latencies, needed with several runs a side."""

    run: Run
    comparison: Comparison
    samples: Latencies


# Smaller differences are no change of the work that is done: 50 steps take some microseconds, and
# a page that is full splits, which writes its two neighbours, a new page, their parent and the
# first page of the file besides.
_LEAST = {"vm_steps": 50, "pages_read": 6, "pages_written": 6, "log_bytes": 24_000}
_COUNTERS = ("vm_steps", "fullscan_steps", "sorts", "pages_read", "pages_written", "log_bytes")
_CONDITIONS: Mapping[str, Callable[[ComparedRun], Any]] = {
    "study": lambda compared: compared.run.study,
    "dataset": lambda compared: compared.run.dataset.content_hash,
    "SQLite": lambda compared: compared.run.environment["sqlite"],
    "CPU": lambda compared: compared.run.environment["cpu"],
    "pragmas": lambda compared: sorted(compared.run.pragmas.items()),
    "minimum effect": lambda compared: compared.run.minimum_effect,
}
_Key = tuple[str, str, str]
"""An operation and two arms."""


def require_study(name: str, run: Run) -> None:
    """Raise BenchError for a run of another study than the one of this name."""
    if run.study != name:
        raise BenchError(
            f"The run is of the study {run.study!r} and not of {name!r}; "
            "name its study file with --study.",
            INCOMPARABLE,
        )


def between(base: Sequence[ComparedRun], head: Sequence[ComparedRun]) -> RunChanges:
    """What changed from the runs of `base` to those of `head`.

    One entry for each operation and pair of arms. `times` is the verdict of the speedups, `work`
    that of the arm's SQLite steps and, of a write, its pages and bytes of the log: "more" ("less")
    where every run of the head has more (fewer) than every run of the base by the minimum effect
    and by 50 steps, 6 pages or 24 kB; "mixed" where some are more and some fewer. The `verdict`
    is that of the times; where they decide nothing, more work is "slower" and less is "faster".
    `speedup` holds the sides' medians, `speedups` those of all runs.

    Raises:
        BenchError: dataset, SQLite, CPU, settings or study differ, two of several runs are one
            and the same, or no operation and pair of arms is in all runs.
    """
    _require_comparable([*base, *head])
    old, new = [_pairs(run) for run in base], [_pairs(run) for run in head]
    shared = [key for key in old[0] if all(key in run for run in (*old, *new))]
    if not shared:
        raise BenchError(
            "The runs have no operation and pair of arms in common; "
            "measure the same operations in all.",
            INCOMPARABLE,
        )
    several = min(len(base), len(head)) >= LEAST_RUNS
    timed = _timed(base, head, shared) if several else {}
    effect = base[0].run.minimum_effect
    entries = [
        _entry(key, [run[key] for run in old], [run[key] for run in new], timed.get(key), effect)
        for key in shared
    ]
    in_old, in_new = set[_Key]().union(*old), set[_Key]().union(*new)
    return RunChanges(
        base=tuple(run.run.name for run in base),
        head=tuple(run.run.name for run in head),
        changes=tuple(entries),
        missing=_names(in_old - in_new),
        new=_names(in_new - in_old),
        slower=tuple(entry.name for entry in entries if entry.verdict == "slower"),
        inconclusive=tuple(entry.name for entry in entries if entry.times == "inconclusive"),
        # With one run a side counters alone decide.
        undecided=all(
            entry.verdict == "inconclusive" and (several or entry.work != "same")
            for entry in entries
        ),
    )


def _names(keys: Collection[_Key]) -> tuple[str, ...]:
    return tuple(sorted(f"{name} ({base} → {arm})" for name, base, arm in keys))


def _require_comparable(runs: Sequence[ComparedRun]) -> None:
    """Refuse runs under unlike conditions, and one of several that is given twice."""
    for run in runs[1:]:
        unlike = [
            f"{name}: {of(runs[0])} against {of(run)}"
            for name, of in _CONDITIONS.items()
            if of(runs[0]) != of(run)
        ]
        if unlike:
            raise BenchError(
                f"The runs cannot be compared, {runs[0].run.name} and "
                f"{run.run.name} differ in {'; '.join(unlike)}; "
                "run all on one machine and one dataset.",
                INCOMPARABLE,
            )
    for other, run in combinations(runs, 2) if len(runs) > 2 else ():
        if run.comparison == other.comparison:
            raise BenchError(
                f"The runs {other.run.name} and {run.run.name} hold the same "
                "measurement; name each run once, and make others with `resale-bench run`.",
                INCOMPARABLE,
            )


def _require_same_parameters(runs: Sequence[ComparedRun]) -> None:
    """Refuse to hold times of runs against each other that answered other parameters."""
    schemes = {run.run.name: run.run.parameter_scheme for run in runs}
    if len(set(schemes.values())) > 1:
        newest = max(schemes.values())
        older = ", ".join(name for name, scheme in schemes.items() if scheme < newest)
        raise BenchError(
            f"The runs of {older} drew their parameters in an older way than the others; "
            "make them again with this version.",
            INCOMPARABLE,
        )


_Measured = tuple[Pair, ArmFigures | None]
"""A pair of arms in one run, with the arm's counters and plan where it was measured."""


def _pairs(run: ComparedRun) -> dict[_Key, _Measured]:
    return {
        (entry.name, pair.base, pair.arm): (pair, entry.arms.get(pair.arm))
        for entry in run.comparison.operations
        for pair in entry.comparisons
    }


def _timed(
    base: Sequence[ComparedRun], head: Sequence[ComparedRun], keys: Sequence[_Key]
) -> dict[_Key, Change]:
    """The change of the speedups of those `keys` that every run has timed."""
    _require_same_parameters([*base, *head])
    keys = [key for key in keys if all(_measurable(run, key) for run in (*base, *head))]
    by_key = [_log_speedups([*base, *head], key) for key in keys]
    logs = [[of_runs[number] for of_runs in by_key] for number in range(len(base) + len(head))]
    old, new = logs[: len(base)], logs[len(base) :]
    study = base[0].comparison
    primary = [
        position for position, (_, *arms) in enumerate(keys) if arms == [study.base, study.judged]
    ]
    operations = len({name for name, *_ in keys})
    changed = changes(old, new, base[0].run.minimum_effect, primary, operations=operations)
    return dict(zip(keys, changed, strict=True))


def _measurable(run: ComparedRun, key: _Key) -> bool:
    """Whether both arms have a speedup and samples, and none that a coarse clock made 0."""
    operation, *arms = key
    entry = run.comparison.operation(operation)
    pair = None if entry is None else entry.pair(*arms)
    samples = run.samples.get(operation, {})
    if pair is None or not pair.speedup:
        return False
    return all(arm in samples and (samples[arm] > 0).all() for arm in arms)


def _log_speedups(runs: Sequence[ComparedRun], key: _Key) -> list[Logs]:
    """log(base arm / arm) of each draw, of shape (rounds, draws), for each run.

    Of several executions the least counts, which had the processor at full pace. An arm that is
    so slow that it is executed once has a mean of the processor's paces, and so has the other then.
    How often one is executed depends on what it took at first. The least of nine is less than that
    of seven: of each arm as many executions count as all runs have.
    """
    operation, *names = key
    by_arm = [[run.samples[operation][name] for run in runs] for name in names]
    counts = [min(times.shape[2] for times in of_runs) for of_runs in by_arm]
    reduced = np.mean if 1 in counts else np.min
    base, arm = (
        [np.log(reduced(times[:, :, :count], axis=2)) for times in of_runs]
        for of_runs, count in zip(by_arm, counts, strict=True)
    )
    return [before - after for before, after in zip(base, arm, strict=True)]


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
    plans = [[of_arm and of_arm.plan for _, of_arm in side] for side in (old, new)]
    before, after = (tuple(pair.speedup for pair, _ in side) for side in (old, new))
    counters = {name: (_counter(old, name)[0], _counter(new, name)[0]) for name in _COUNTERS}
    return PairChange(
        operation=operation,
        base=base_arm,
        arm=arm,
        speedup=(_median(before), _median(after)),
        speedups=(before, after),
        ratio=None if change is None else change.ratio,
        ci95=None if change is None else (change.low, change.high),
        counters=(
            {name: first for name, (first, _) in counters.items()},
            {name: last for name, (_, last) in counters.items()},
        ),
        plan_changed=None not in (*plans[0], *plans[1])
        and any(plan not in plans[0] for plan in plans[1]),
        times=times,
        work=work,
        verdict=by_work.get(work, times) if times == "inconclusive" else times,
    )


def _counter(runs: Sequence[_Measured], name: str) -> list[int | None]:
    """A counter of the arm in each run, None where it is not known."""
    return [getattr(of_arm, name, None) for _, of_arm in runs]


def _median(speedups: Sequence[float | None]) -> float | None:
    known = [speedup for speedup in speedups if speedup is not None]
    return stats.median(known) if known else None


def _work(old: Sequence[_Measured], new: Sequence[_Measured], effect: float) -> Work:
    """How the counters of the head's runs lie to those of the base's, all that decide together.

    Runs of an older form have no pages: those decide nothing then.
    """
    moves: set[Work] = set()
    for name, least in _LEAST.items():
        before, after = _counter(old, name), _counter(new, name)
        known = [value for value in before if value is not None]
        latest = [value for value in after if value is not None]
        if None in before or None in after:
            if name == "vm_steps":
                return "unknown"
        elif _beyond(max(known), min(latest), effect, least):
            moves.add("more")
        elif _beyond(max(latest), min(known), effect, least):
            moves.add("less")
    if len(moves) > 1:
        return "mixed"
    return moves.pop() if moves else "same"


def _beyond(bound: int, value: int, effect: float, least: int) -> bool:
    return value > bound * (1 + effect) and value - bound >= least
