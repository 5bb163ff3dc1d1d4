"""How often the gate is wrong: many runs of it on what is alike and on what is slowed.

    python -m tests.validation.gate_trials alike --times 100 [--busy 1]
    python -m tests.validation.gate_trials slowed --share 0.10 --times 100 [--busy 1]
    python -m tests.validation.gate_trials pytest-benchmark --times 100 [--busy 1]

`alike` gates a tree against itself: whatever it calls a regression is a false alarm. `slowed`
makes one route last 1 ms, gives the head's more work, and counts how often that is found.
`pytest-benchmark` compares the same operations of a tree with itself by that tool's own means.
Databases are built once, measuring is repeated; each trial is added to the log as soon as it
is done, and a later call goes on where the log ends. `--busy` keeps so many cores busy with
something else.

Exit codes: 0 done, 2 wrong use, 3 a side could not be measured; 70 a fault of this
program; ended by a signal, 128 and its number.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.exit_handling import run_script
from bench.gate.built_sides import BuiltSides
from bench.gate.job import measure_sides
from bench.gate.options import GateOptions
from bench.gate.sides import build_sides
from bench.gate.verdict_input import judge_sides
from bench.measure.scratch import scratch
from bench.resale.gate.sides import DEFAULT_SCALE
from bench.results.gate import Gate
from bench.spawn import kill, spawn
from tests.validation import pytest_benchmark_baseline
from tests.validation.clones import clone
from tests.validation.mutations import Mutation, mutate
from tests.validation.trial_log import Trial, count, table, until

SLOWED = "rollup_range"
"""The operation that is slowed."""
OPERATION_NS = 1_000_000
"""How long it takes in the base, where loops make up what it lacks of that."""
_ROUTE = "reference_app/analytics/store.py"
_READ = '            return await self._database.read("rollup_range", span)\n'
_TRY_LOOPS = 40_000
_CALIBRATE_SECONDS = 12.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Context:
    """What all trials of one call share: built sides, how they were asked for, the head's tree."""

    built: BuiltSides
    options: GateOptions
    tree: Path


@contextmanager
def busy(cores: int) -> Iterator[tuple[int, ...]]:
    """Keep so many cores busy, each with a process that counts; ended with the block."""
    chosen = tuple(sorted(os.sched_getaffinity(0))[:cores])
    with ExitStack() as stack:
        for core in chosen:
            process = spawn([sys.executable, "-c", "while True: pass"])
            stack.callback(kill, process)
            os.sched_setaffinity(process.pid, {core})
        yield chosen


def slowing(loops: int) -> Mutation:
    """The head's fault: so many empty turns of a loop before the read."""
    more = f"            for _ in range({loops}):\n                pass\n"
    return Mutation(f"{loops} loops", _ROUTE, _READ, more + _READ, "recommended", SLOWED)


def measured(ground: Context) -> Gate:
    """Measure and judge once."""
    return judge_sides(ground.built, measure_sides(ground.built, ground.options))


def trial_of(gate: Gate, settings: Mapping[str, Any], seconds: float, who: str = "gate") -> Trial:
    """What counts of one gate: its verdict, alarms, what it left open, and ratios."""
    ratios = {one.name: one.time.ratio for one in gate.operations if one.time is not None}
    return Trial(
        settings,
        gate.verdict,
        seconds,
        {who: [one.name for one in gate.with_verdict("regression")]},
        [one.name for one in gate.with_verdict("inconclusive")],
        {"ratios": ratios, "floor": gate.noise_floor.floor},
    )


def alike(ground: Context, settings: Mapping[str, Any]) -> Trial:
    """Gate the tree against itself."""
    begun = time.perf_counter()
    return trial_of(measured(ground), settings, time.perf_counter() - begun)


def by_theirs(ground: Context, settings: Mapping[str, Any]) -> Trial:
    """Compare the tree with itself by pytest-benchmark."""
    begun = time.perf_counter()
    alarms = pytest_benchmark_baseline.compared(ground.built)
    verdict = "regression" if any(alarms.values()) else "pass"
    return Trial(settings, verdict, time.perf_counter() - begun, alarms)


def calibrate(ground: Context, share: float, say: Say) -> tuple[int, int]:
    """Loops of the base, which make the operation last OPERATION_NS, and of the slower head."""
    only = [one for one in ground.built.workload_items if one.operation.name == SLOWED]
    quick = Context(
        replace(ground.built, workload_items=tuple(only)),
        replace(ground.options, budget_seconds=_CALIBRATE_SECONDS),
        ground.tree,
    )
    with slowed_by(ground.tree, _TRY_LOOPS):
        [operation] = measured(quick).operations
    assert operation.time is not None
    base_ns = operation.time.base_median_ns
    each_ns = (operation.time.ratio - 1) * base_ns / _TRY_LOOPS
    padding = max(0, int((OPERATION_NS - base_ns) / each_ns))
    more = int(share * max(base_ns, OPERATION_NS) / each_ns)
    say(
        f"{SLOWED} takes {base_ns / 1e6:.3f} ms; {padding} loops on both sides make up for 1 ms, "
        f"{more} more on the head are {share:.1%} of it"
    )
    return padding, padding + more


@contextmanager
def slowed_by(tree: Path, loops: int) -> Iterator[None]:
    """Put the fault into the tree; taken out again with the block."""
    file = tree / _ROUTE
    before = file.read_bytes()
    mutate(tree, slowing(loops))
    try:
        yield
    finally:
        file.write_bytes(before)


def run(given: argparse.Namespace, log: Path, say: Say) -> list[Trial]:
    """All trials of one experiment, those of the log included."""
    settings = {"experiment": given.experiment, "scale": given.scale, "busy": given.busy}
    if given.experiment == "slowed":
        settings["share"] = given.share
    with scratch(given.work.resolve()) as folder, busy(given.busy) as cores:
        tree = folder / "alike"
        clone(given.repo, tree)
        options = GateOptions(
            base="HEAD",
            head=tree,
            work=given.work,
            scale=given.scale,
            operations=tuple(given.operation),
            budget_seconds=given.budget_seconds,
        )
        settings |= {"operations": sorted(given.operation), "budget": given.budget_seconds}
        say(f"building once{f', core {cores[0]} busy' if cores else ''}")
        with build_sides(options, say) as built, ExitStack() as stack:
            ground = Context(built, options, tree)
            if given.experiment == "slowed":
                assert built.base is not None
                for side, loops in zip(
                    (built.base.source, tree), calibrate(ground, given.share, say), strict=True
                ):
                    stack.enter_context(slowed_by(side, loops))
            one = by_theirs if given.experiment == "pytest-benchmark" else alike
            return until(log, settings, given.times, lambda _: one(ground, settings), say)


def injected(trials: list[Trial]) -> str:
    """What the trials measured of the slowed operation, in one line."""
    ratios = sorted(trial.measured["ratios"][SLOWED] for trial in trials)
    middle = ratios[len(ratios) // 2]
    return (
        f"  {SLOWED}: slowed by {middle - 1:.1%} as measured "
        f"(median of {len(ratios)} trials, {ratios[0] - 1:.1%} to {ratios[-1] - 1:.1%})"
    )


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(
        prog="python -m tests.validation.gate_trials",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("experiment", choices=("alike", "slowed", "pytest-benchmark"))
    made.add_argument("--times", type=int, default=100, help="Trials, those of the log included.")
    made.add_argument("--busy", type=int, default=0, help="Cores that are kept busy.")
    made.add_argument("--share", type=float, default=0.10, help="By how much `slowed` slows.")
    made.add_argument("--operation", action="append", default=[], help="Only this one, for all.")
    made.add_argument("--budget-seconds", type=float, help="As of `resale-bench gate`.")
    made.add_argument("--scale", type=float, default=DEFAULT_SCALE, help="Size of the data.")
    made.add_argument("--repo", type=Path, default=Path(), help="The repository that is gated.")
    made.add_argument("--work", type=Path, default=Path("data"), help="Where sides are built.")
    made.add_argument("--log", type=Path, help="The file of trials, one line each.")
    made.add_argument("--json", action="store_true", help="Print the counts as JSON.")
    return made


def main() -> int:
    """Parse, run, print."""
    given = parser().parse_args()
    return run_script(lambda: _told(given), "stopped; the same call goes on where the log ends")


def _told(given: argparse.Namespace) -> int:
    name = (
        f"{given.experiment}-{given.share:g}" if given.experiment == "slowed" else given.experiment
    )
    log = given.log or Path("results", f"trials-{name}.jsonl")
    trials = run(given, log, lambda text: print(text, file=sys.stderr, flush=True))
    found = count(trials)
    lines = [injected(trials)] if given.experiment == "slowed" else []
    print(json.dumps(asdict(found)) if given.json else table(name, found, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
