"""Counters and times of every operation at several sizes of the data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from bench.engines.base import Connection, Engine
from bench.judge.growth import Grown, GrowthRecord
from bench.judge.sizes import short_size_text
from bench.measure import arms as building
from bench.measure.disk import need, require_free_space, spilling_into
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.paired import paired_rounds, without_gc
from bench.measure.scratch import scratch
from bench.measure.series import parts_of_arms
from bench.measure.timing import CLOCK
from bench.measure.writes import distinct_parameters
from bench.results.comparison import Comparison
from bench.results.growth import Size
from bench.study import Study, StudyError
from bench.study.hooks import PARAMETER_SEED, Generator, Parameters, ParameterSampler, hooks_of

# More sizes than the three that are asked about: an interval over three points says little.
SCALES = (0.001, 0.003, 0.01, 0.03, 0.1)
SAMPLES, LEAST_SAMPLES = 15, 7
# An operation that takes longer at one size gets fewer samples there, and no fewer than 7.
ENOUGH_S = 1.0
Say = Callable[[str], None]


def measure_growth(
    study: Study,
    scales: Sequence[float],
    work: Path,
    *,
    seed: int = PARAMETER_SEED,
    times: bool = True,
    samples: int = SAMPLES,
    full: Comparison | None = None,
    progress: Say = lambda _: None,
) -> GrowthRecord:
    """Build a database of each size in `work`, one after the other, and count every operation.

    `times` asks for latencies too; without, the counters alone take about half as long. `full`
    is the content of a run's comparison.json, whose size is then one point more if its data was
    generated. All arms of a size get the same parameters; files are removed.

    Raises:
        StudyError: no size, one twice, or `full` is of another study.
        BadScale, BadSeed, SeedError, BenchError: a database cannot be built.
        BenchError: an arm cannot run an operation.
    """
    generator = _checked(study, scales, full)
    largest = max(generator.size_estimate(scale, seed) for scale in scales)
    require_free_space(work, need(largest, copies=2).total_bytes, sized=True)
    names = study.arms_of("growth")
    narrow = replace(study, arms=tuple(arm for arm in study.arms if arm.name in names))
    sizes: list[Size] = []
    points: list[Grown] = []
    for scale in sorted(scales):
        progress(f"growth: building a database at scale {scale:g}")
        with scratch(work) as folder, spilling_into(folder):
            source = folder / "source.db"
            generator.seed(source, scale, seed)
            dataset = hooks_of(study).dataset(source)
            size = Size(scale=scale, rows=dataset.rows)
            with closing(building.build(source, folder, narrow)) as files:
                how = (seed, samples, times)
                points += _measure(narrow, files, dataset.sample_parameters, size, how, progress)
        sizes.append(size)
    if full is None or full.dataset.scale is None:
        # The largest came last.
        return GrowthRecord(study, names, tuple(sizes), tuple(points), dataset.summary)
    size, of_run = from_run(study, full, full.dataset.scale)
    sizes = [known for known in sizes if known.scale != size.scale] + [size]
    points = [point for point in points if point.scale != size.scale] + of_run
    return GrowthRecord(study, names, tuple(sizes), tuple(points), full.dataset, (size.scale,))


def _checked(study: Study, scales: Sequence[float], full: Comparison | None) -> Generator:
    """What makes the study's data, once it is known that growth can be measured."""
    generator = hooks_of(study).generator
    if generator is None:
        raise StudyError(
            f"The study {study.name} generates no data of other sizes; leave growth out with "
            "--parts."
        )
    if not scales:
        raise StudyError("Name a size to measure growth at, like 0.01.")
    if len(set(scales)) < len(scales):
        raise StudyError("Name each size to measure growth at once.")
    if full is not None and full.study != study.name:
        raise StudyError(
            f"The run is one of the study {full.study!r} and growth is asked of "
            f"{study.name!r}; give a run of that study."
        )
    return generator


def from_run(study: Study, comparison: Comparison, scale: float) -> tuple[Size, list[Grown]]:
    """The size of a finished run of generated data, and its medians as points."""
    size = Size(scale=scale, rows=comparison.dataset.rows)
    points = [
        Grown(
            entry.name, arm, size.scale, (measured.vm_steps,),
            (measured.median_ns,) if measured.median_ns and entry.kind == "read" else (),
            measured.ci95_ns if entry.kind == "read" else None,
        )
        for entry in comparison.operations
        for arm, measured in entry.arms.items()
        if arm in study.arms_of("growth") and measured.vm_steps
    ]  # fmt: skip
    return size, points


def _measure(
    study: Study,
    files: ArmFiles,
    sample_parameters: ParameterSampler,
    size: Size,
    how: tuple[int, int, bool],
    progress: Say,
) -> list[Grown]:
    seed, samples, times = how
    parts = parts_of_arms(files)
    where = short_size_text(study.size, size.rows)
    grown: list[Grown] = []
    for operation in study.operations:
        progress(f"growth at {where}: {operation.name}")
        able = [arm for arm in files.arms if set(operation.needs) <= parts[arm]]
        rng = np.random.default_rng([seed, *operation.name.encode()])
        values = distinct_parameters(sample_parameters, operation, samples, rng)
        if not able or not values:
            continue
        reads = operation.kind == "read"
        bound = {arm: hooks_of(study).bind(operation.name, parts[arm]) for arm in able}
        what = f"An arm cannot run {operation.name} at {where}"
        with ExitStack() as stack:
            connections = {
                arm: stack.enter_context(closing(files.open(arm, query_only=reads))) for arm in able
            }
            with explained(files.engine, what, "the query against the arms' migrations"):
                if reads:
                    run = {arm: partial(bound[arm].read, connections[arm]) for arm in able}
                    steps, latencies = _reads(files.engine, connections, run, values, times=times)
                else:
                    write = {arm: partial(bound[arm].run, connections[arm]) for arm in able}
                    steps, latencies = _writes(files.engine, connections, write, values), {}
        grown += [
            Grown(operation.name, arm, size.scale, tuple(steps[arm]),
                  tuple(latencies.get(arm, ())))
            for arm in able
        ]  # fmt: skip
    return grown


Run = Callable[[Parameters], object]


def _reads(
    engine: Engine,
    connections: Mapping[str, Connection],
    run: Mapping[str, Run],
    parameters: Sequence[Parameters],
    *,
    times: bool,
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Steps and latencies by arm, each of the same parameters."""

    def measure(arm: str, values: Parameters) -> tuple[int, int]:
        counters, _ = engine.count(connections[arm], partial(run[arm], values))
        if not times:
            return counters.work, 0
        # The counted execution has warmed the caches up for this one.
        CLOCK.begin()
        begun = CLOCK.start()
        run[arm](values)
        return counters.work, CLOCK.since(begun)

    there = tuple(run)
    series = {arm: partial(measure, arm) for arm in run}
    with without_gc():
        [measured] = paired_rounds(
            [_within_time(parameters)], lambda: nullcontext(series), cycle((there, there[::-1]))
        )
    steps = {arm: [work for work, _ in each] for arm, each in measured.items()}
    latencies = {arm: [taken_ns for _, taken_ns in each] for arm, each in measured.items()}
    return steps, latencies if times else {}


def _within_time(parameters: Sequence[Parameters]) -> Iterator[Parameters]:
    begun = time.monotonic()
    for number, values in enumerate(parameters):
        if number >= LEAST_SAMPLES and time.monotonic() - begun > ENOUGH_S:
            return
        yield values


def _writes(
    engine: Engine,
    connections: Mapping[str, Connection],
    run: Mapping[str, Run],
    values: Sequence[Parameters],
) -> dict[str, list[int]]:
    """Steps by arm, each write in a transaction that is rolled back."""
    steps: dict[str, list[int]] = {arm: [] for arm in run}
    for each in values:
        for arm, execute in run.items():
            with engine.rolled_back(connections[arm]):
                counters, _ = engine.count(connections[arm], partial(execute, each))
                steps[arm].append(counters.work)
    return steps
