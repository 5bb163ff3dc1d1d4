"""What is offered to a service while its database is migrated: options, shares and schedule."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.engines.sqlite.connection import tables
from bench.engines.sqlite.files import reading
from bench.engines.sqlite.migration_strategies import STRATEGIES, MigrationStrategy
from bench.engines.sqlite.new_rows import newest_rowids
from bench.errors import BenchError
from bench.load.arrivals import Offsets, Spacing, Step, arrival_times
from bench.load.schedule import (
    RequestMix,
    Schedule,
    ScheduleExhausted,
    merged,
    sample_schedule,
)
from bench.study import Study
from bench.study.hooks import service_of

# On a quiet machine an index takes 0.6 µs a row (6 s of 10 million). A schedule that is too long
# costs nothing, as it is cut when the migration is through; one that is too short costs the run.
_NS_OF_A_ROW = 600
_PATIENCE = 6
_LEAST_S = 20.0
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What is offered. Rates are requests a second, times seconds.

    Writes come seldom, so that an even train of the service's `write_probe` is sent besides at
    `probes_per_second`: an outage can be told to a tenth of a second then. `keep` is where the
    raw record of each strategy is written, if anywhere.
    """

    rate_per_second: float = 10.0
    probes_per_second: float = 10.0
    before_s: float = 10.0
    after_s: float = 10.0
    strategies: tuple[MigrationStrategy, ...] = tuple(STRATEGIES.values())
    spacing: Spacing = "poisson"
    families: tuple[str, ...] = ()
    seed: int = 1
    connections: int = 1024
    timeout_s: float = 40.0
    keep: Path | None = None


def strategies_of(names: Sequence[str]) -> tuple[MigrationStrategy, ...]:
    """The strategies of these names, in this order.

    Raises:
        BenchError: one is not known, or named twice.
    """
    known = ", ".join(STRATEGIES)
    for name in names:
        if name not in STRATEGIES:
            raise BenchError(f"There is no strategy {name!r}; choose of: {known}.")
    if not names or len(set(names)) < len(names):
        raise BenchError(f"Name each strategy once, separated by commas; choose of: {known}.")
    return tuple(STRATEGIES[name] for name in names)


def shares_of(
    study: Study, source: Path, families: Sequence[str], without: Collection[str] = ()
) -> Mapping[str, float]:
    """The share of each request that the base arm's file can answer.

    Raises:
        BenchError: none is left.
        DatabaseError: the file cannot be read.
    """
    with reading(source) as connection:
        have = tables(connection)
    lacking = {entry.name for entry in study.operations if set(entry.needs) - have}
    return _shares(study, families, {*lacking, *without})


def used_up(mix: RequestMix, count: int) -> tuple[str, ...]:
    """Operations that use rows up and of which so many requests would find too few.

    The schedule outlasts the migration by far, so a small dataset may not have rows for all of it
    although it has for what will be sent; these few operations are then left out.
    """
    short = []
    for name in mix.service.exclusive:
        expected = count * mix.shares.get(name, 0.0)
        if not expected:
            continue
        # Four standard deviations of a Poisson count above its mean.
        most = int(expected + 4 * expected**0.5) + 1
        try:
            sample_schedule(mix.only({name: 1.0}), np.arange(most, dtype=np.int64), 1)
        except ScheduleExhausted:
            short.append(name)
    return tuple(short)


def _shares(
    study: Study, families: Sequence[str], without: Collection[str] = ()
) -> Mapping[str, float]:
    service = service_of(study)
    try:
        return service.shares(families=families, without=without)
    except ValueError as error:
        known = ", ".join(sorted(service.families))
        raise BenchError(
            f"No request is left of {', '.join(families)}; choose of: {known}."
        ) from error


def validate(options: Options, study: Study) -> None:
    """Refuse what cannot be offered, before anything is built.

    Raises:
        BenchError, InvalidSchedule: each says what to change.
    """
    for name, seconds in (("--before", options.before_s), ("--after", options.after_s)):
        if not 0 < seconds <= _LONGEST_S:
            raise BenchError(f"{name} is above 0 s and at most {_LONGEST_S:g} s, not {seconds:g}.")
    _shares(study, options.families)
    _due_times(options, options.before_s + options.after_s, np.random.default_rng(1))


def schedule_seconds(source: Path, options: Options) -> float:
    """How long a schedule has to be so that it surely outlasts the migration; seconds.

    Rows times what an index takes for each, with patience for a machine that serves meanwhile.
    """
    rows = sum(newest_rowids(source).values())
    # A migration may index the largest tables several times: four times all rows is above it.
    building_s = 4 * rows * _NS_OF_A_ROW / 1e9
    pauses_s = 30 * max(strategy.pause_s for strategy in options.strategies)
    return options.before_s + _LEAST_S + _PATIENCE * building_s + pauses_s + options.after_s


def migration_schedule(mix: RequestMix, options: Options, seconds: float) -> Schedule:
    """The schedule of all strategies: users, and the even train of writes besides.

    Raises:
        ScheduleExhausted: the dataset has too few rows for so many writes.
        InvalidSchedule: a rate or a time is not above 0.
    """
    rng = np.random.default_rng([mix.dataset.seed or 0, options.seed])
    users, train = _due_times(options, seconds, rng)
    probes = mix.only({mix.service.write_probe: 1.0})
    return merged(
        (
            sample_schedule(mix, users, options.seed),
            sample_schedule(probes, train, options.seed + 1),
        )
    )


def _due_times(
    options: Options, seconds: float, rng: np.random.Generator
) -> tuple[Offsets, Offsets]:
    """When users' requests are due, and when the writes besides."""
    users = arrival_times([Step(options.rate_per_second, seconds)], options.spacing, rng)
    return users, arrival_times([Step(options.probes_per_second, seconds)], "even", rng)
