"""Room: bench.gate, the gate strung together: build both sides, count, time, judge.

    with build_sides(options) as built:
        document = judge_sides(built, measure_sides(built, options))

`run_gate` does that. This room holds no statistics and no formatting of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.gate import saving
from bench.gate.built import Built, Measurements, is_timed
from bench.gate.drawing import Asked
from bench.gate.exact import observe
from bench.gate.gating import judge_sides, unlike
from bench.gate.lanes import LaneSpec
from bench.gate.options import GateError, GateOptions
from bench.gate.sides import build_sides
from bench.gate.timing import AGAIN, Clocked, clock, scratch_outbox
from bench.judge.gate_exact import Seen
from bench.store import check_name

__all__ = [
    "Built", "GateError", "GateOptions", "Measurements", "build_sides", "judge_sides",
    "measure_sides", "run_gate", "unlike",
]  # fmt: skip

Say = Callable[[str], None]


def run_gate(
    options: GateOptions, say: Say = lambda _: None, progress: Say = lambda _: None
) -> dict[str, Any]:
    """Gate head against base: the content of gate.json.

    Raises:
        GateError, bench.judge.gate_limits.BadLimits, bench.study.StudyError: wrong use.
        bench.gate.lanes.SideFailed: a side's code cannot be measured.
    """
    if options.save is not None:
        check_name(options.save.parent, options.save.name)
    with build_sides(options, say) as built:
        if built.content[0] != built.content[1]:
            return unlike(built)
        say(f"measuring {len(built.asked)} operations")
        measured = measure_sides(built, options, progress)
        progress("")
        document = judge_sides(built, measured)
        if options.save is not None:
            say(saving.keep(built, measured, document, options.save))
        return document


def measure_sides(
    built: Built, options: GateOptions, progress: Say = lambda _: None
) -> Measurements:
    """Count and time both sides once; may be called again and again on what was built once.

    Raises:
        bench.gate.lanes.SideFailed: a side's process ended, or its tree cannot be imported.
    """
    begun = time.perf_counter()
    load_average = os.getloadavg()
    sides = [built.head] if built.base is None else [built.base, built.head]
    about, seen = observe(sides, built.asked, progress)
    clocked = Clocked((), (), 0)
    if built.base is not None:
        names = [one.operation.name for one in built.asked]
        both = {n for n in names if built.on_base(about, n) and built.on_head(about, n)}
        wanted = [
            one
            for one in built.asked
            if one.operation.name in both and is_timed(one) and _ran(seen, one)
        ]
        budget = options.budget_seconds or built.limits.seconds
        clocked = clock(
            [built.base, built.head, _twin(built.base)],
            wanted,
            built.limits,
            seconds=max(0.0, budget - (time.perf_counter() - begun)),
            seed=int(built.size["seed"]),
            pinned=options.pinned,
            progress=progress,
        )
    return Measurements(about, seen, clocked, time.perf_counter() - begun, load_average)


def _twin(base: LaneSpec) -> LaneSpec:
    return replace(base, name=AGAIN, outbox=scratch_outbox(base.scratch, AGAIN))


def _ran(seen: dict[str, dict[str, tuple[Seen, ...]]], one: Asked) -> bool:
    """Whether each side could do what is timed: the request, or the query without one."""
    driver = "http" if one.requests else "sql"
    return all(
        entry.refused is None
        for lane in seen.values()
        for entry in lane.get(one.operation.name, ())
        if entry.driver == driver
    )
