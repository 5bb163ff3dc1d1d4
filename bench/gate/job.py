"""Room: bench.gate, the gate strung together: build both sides, count, time, judge.

    with build_sides(options) as built:
        document = judge_sides(built, measure_sides(built, options))

`run_gate` does that. This room holds no statistics and no formatting of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from bench.gate import saving
from bench.gate.built import Built, Measurements, is_timed
from bench.gate.drawing import Asked
from bench.gate.exact import observe
from bench.gate.gating import judge_sides, unlike
from bench.gate.lanes import SideFailed
from bench.gate.options import GateError, GateOptions
from bench.gate.sides import build_sides
from bench.gate.timing import Clocked, clock
from bench.judge.gate_seen import Seen
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
        refuse_to_save(options)
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


def refuse_to_save(options: GateOptions) -> None:
    """Refuse a baseline that would not hold what its name says.

    Raises:
        GateError: only some operations, or a database of unknown state, would be kept.
    """
    if options.operations:
        raise GateError("A baseline holds every operation; leave out --operation beside --save.")
    if options.migration is not None or options.queries is not None:
        raise GateError(
            "Only an arm that the gate built itself can be saved, not a database; leave out --save."
        )


def measure_sides(
    built: Built, options: GateOptions, progress: Say = lambda _: None
) -> Measurements:
    """Count and time both sides once; may be called again and again on what was built once.

    Raises:
        bench.gate.lanes.SideFailed: a side could not be counted: its process ended, or its tree
            cannot be imported. What fails only when times are taken is told in `untimed`.
    """
    begun = time.perf_counter()
    load_average = os.getloadavg()
    sides = [built.head] if built.base is None else [built.base, built.head]
    about, seen = observe(sides, built.asked, progress)
    clocked, untimed = Clocked((), (), 0), None
    if built.base is not None and built.control is not None:
        names = [one.operation.name for one in built.asked]
        both = {n for n in names if built.on_base(about, n) and built.on_head(about, n)}
        wanted = [
            one
            for one in built.asked
            if one.operation.name in both and is_timed(one) and _ran(seen, one)
        ]
        budget = options.budget_seconds or built.limits.seconds
        try:
            clocked = clock(
                [built.base, built.head, built.control],
                wanted,
                built.limits,
                seconds=max(0.0, budget - (time.perf_counter() - begun)),
                seed=int(built.size["seed"]),
                pinned=options.pinned,
                progress=progress,
            )
        except SideFailed as error:
            # What was counted stands: a head that cannot even start is judged by that.
            untimed = str(error)
    return Measurements(about, seen, clocked, time.perf_counter() - begun, load_average, untimed)


def _ran(seen: dict[str, dict[str, tuple[Seen, ...]]], one: Asked) -> bool:
    """Whether each side could do what is timed: the request, or the query without one."""
    driver = "http" if one.requests else "sql"
    return all(
        entry.refused is None
        for lane in seen.values()
        for entry in lane.get(one.operation.name, ())
        if entry.driver == driver
    )
