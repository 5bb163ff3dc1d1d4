"""The gate strung together: build both sides, count, time, judge.

    with build_sides(options) as built:
        document = judge_sides(built, measure_sides(built, options))

`run_gate` does that. No statistics and no formatting stand here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from bench.errors import BenchError
from bench.gate import save_baseline
from bench.gate.built_sides import BuiltSides, Measurements
from bench.gate.exact import SideFacts, observe
from bench.gate.options import GateOptions
from bench.gate.processes import SideFailed
from bench.gate.sides import build_sides
from bench.gate.timing import BASE, HEAD, Timings, time_operations
from bench.gate.timing_plan import affordable
from bench.gate.verdict_input import judge_sides, unlike
from bench.gate.workload import WorkloadItem
from bench.judge.gate_exact import judge_exact
from bench.judge.gate_seen import Seen
from bench.results.gate import Gate
from bench.results.store import check_name

Say = Callable[[str], None]


def run_gate(
    options: GateOptions, say: Say = lambda _: None, progress: Say = lambda _: None
) -> Gate:
    """Gate head against base.

    Raises:
        BenchError, bench.study.StudyError: wrong use.
        bench.gate.processes.SideFailed: a side's code cannot be measured.
    """
    if options.save is not None:
        validate_baseline(options)
        check_name(options.save.parent, options.save.name)
    with build_sides(options, say) as built:
        if built.content[0] != built.content[1]:
            return unlike(built)
        say(f"measuring {len(built.workload_items)} operations")
        measured = measure_sides(built, options, progress)
        progress("")
        document = judge_sides(built, measured)
        if options.save is not None:
            say(save_baseline.keep(built, measured, document, options.save))
        return document


def validate_baseline(options: GateOptions) -> None:
    """Refuse a baseline that would not hold what its name says.

    Raises:
        BenchError: only some operations, or a database of unknown state, would be kept.
    """
    if options.operations:
        raise BenchError("A baseline holds every operation; leave out --operation beside --save.")
    if options.migration is not None or options.queries is not None:
        raise BenchError(
            "Only an arm that the gate built itself can be saved, not a database; leave out --save."
        )


def measure_sides(
    built: BuiltSides, options: GateOptions, progress: Say = lambda _: None
) -> Measurements:
    """Count and time both sides once; may be called again and again on what was built once.

    Raises:
        bench.gate.processes.SideFailed: a side could not be counted: its process ended, or its tree
            cannot be imported. What fails only when times are taken is told in `untimed`.
    """
    begun = time.perf_counter()
    load_average = os.getloadavg()
    sides = [built.head] if built.base is None else [built.base, built.head]
    budget = options.budget_seconds or built.limits.seconds
    about, seen = observe(sides, built.workload_items, progress, seconds=budget)
    timings, untimed = Timings((), {}, 0), None
    too_slow: dict[str, float] = {}
    if built.base is not None and built.control is not None:
        names = [item.name for item in built.workload_items]
        decided, taxed = _by_counters(built, about, seen)
        both = {n for n in names if built.on_base(about, n) and built.on_head(about, n)}
        wanted = [
            item
            for item in built.workload_items
            if item.name in both
            and (item.judged_by_time or item.name in taxed)
            and _ran(seen, item)
        ]
        # What is only told comes last, and gets what the others leave.
        wanted.sort(key=lambda item: not item.judged_by_time)
        left_s = max(0.0, budget - (time.perf_counter() - begun))
        took_ns = {item.name: _took_ns(seen, item) for item in wanted}
        too_slow = affordable(took_ns, left_s, last=taxed)
        try:
            timings = time_operations(
                [built.base, built.head, built.control],
                [item for item in wanted if item.name not in too_slow],
                built.limits,
                seconds=left_s,
                seed=built.size.seed,
                pinned=options.pinned,
                progress=progress,
                decided=decided | taxed,
            )
        except SideFailed as error:
            # What was counted stands: a head that cannot even start is judged by that.
            untimed = str(error)
    seconds = time.perf_counter() - begun
    too_slow |= timings.too_slow
    return Measurements(about, seen, timings, seconds, load_average, untimed, too_slow)


def _by_counters(
    built: BuiltSides,
    about: Mapping[str, SideFacts],
    seen: Mapping[str, Mapping[str, tuple[Seen, ...]]],
) -> tuple[set[str], set[str]]:
    """The operations that counters or answers alone call regressions; writes that pay a tax."""
    schemas = (about[BASE].schema, about[HEAD].schema)
    regressions, taxed = set[str](), set[str]()
    for name in seen[BASE].keys() & seen[HEAD].keys():
        exact = judge_exact(seen[BASE][name], seen[HEAD][name], built.limits.of(name), schemas)
        if exact is not None and exact.verdict == "regression":
            regressions.add(name)
        if exact is not None and exact.cost is not None:
            taxed.add(name)
    return regressions, taxed


def _took_ns(
    seen: Mapping[str, Mapping[str, tuple[Seen, ...]]], item: WorkloadItem
) -> tuple[int, int, int]:
    """What an execution takes at most of the sets that were counted: base, head, base again."""
    base, head = (
        max(entry.took_ns for entry in seen[side][item.name] if entry.driver == item.driver)
        for side in (BASE, HEAD)
    )
    return base, head, base


def _ran(seen: dict[str, dict[str, tuple[Seen, ...]]], item: WorkloadItem) -> bool:
    """Whether each side was seen to finish what is timed: the request, or the query without one."""
    ends = [
        [entry for entry in executions.get(item.name, ()) if entry.driver == item.driver]
        for executions in seen.values()
    ]
    return all(ends) and all(
        entry.refused is None and entry.unfinished_s is None
        for executions in ends
        for entry in executions
    )
