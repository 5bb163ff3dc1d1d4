"""Both sides built in a scratch folder, and removed again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bench.gate.built_sides import BuiltSides
from bench.gate.custom_database import CustomSides
from bench.gate.databases import kept_open
from bench.gate.options import GateOptions
from bench.gate.study_sides import StudySides
from bench.measure.scratch import scratch
from bench.study import load_study

Say = Callable[[str], None]


@contextmanager
def build_sides(options: GateOptions, say: Say = lambda _: None) -> Iterator[BuiltSides]:
    """Build both sides in a scratch folder, which is removed with the block.

    Raises:
        BenchError, bench.study.StudyError: wrong use.
    """
    begun = time.perf_counter()
    # Before anything is built: what cannot be used is told at once.
    custom = options.queries is not None
    sides = CustomSides(options) if custom else StudySides(options, load_study())
    with scratch(options.work.resolve()) as folder, ExitStack() as stack:
        built = sides.build(folder, say)
        for database in {worker.database for worker in built.workers}:
            stack.enter_context(kept_open(database))
        yield replace(built, build_seconds=time.perf_counter() - begun)
