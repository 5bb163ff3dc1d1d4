"""What is asked of a shop that is migrated while it is open, and the tape that asks it.

It draws from the seeded plan and looks up sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.engines.sqlite.connection import tables
from bench.engines.sqlite.files import reading
from bench.errors import BenchError
from bench.load.arrivals import Offsets, Spacing, Step, schedule
from bench.load.migration_strategies import WAYS, MigrationStrategy
from bench.load.schedule import EXCLUSIVE, Schedule, ScheduleExhausted, record
from bench.resale.online_migration_checks import greatest_id
from bench.resale.user_profiles import KINDS, shares
from bench.study import Study
from seeds.plan import Plan

PROBE = "track_events"
"""Writes come seldom (a tenth of all requests), so an even train of these is added: a standstill
can be told to a tenth of a second then."""
# On a quiet machine an index takes 0.6 µs a row (6 s of 10 million). A tape that is too long
# costs nothing, as it is cut when the migration is through; one that is too short costs the run.
_NS_OF_A_ROW = 600
_PATIENCE = 6
_LEAST_S = 20.0
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. Rates are requests a second, times seconds.

    `rate_per_second` are visitors, `probes_per_second` the writes beside them. `keep` is where
    the raw record of each way is written, if anywhere.
    """

    rate_per_second: float = 10.0
    probes_per_second: float = 10.0
    before_s: float = 10.0
    after_s: float = 10.0
    ways: tuple[MigrationStrategy, ...] = tuple(WAYS.values())
    spacing: Spacing = "poisson"
    families: tuple[str, ...] = ()
    seed: int = 1
    connections: int = 1024
    timeout_s: float = 40.0
    keep: Path | None = None


def ways_of(names: Sequence[str]) -> tuple[MigrationStrategy, ...]:
    """The ways of these names, in this order.

    Raises:
        BenchError: one is not known, or named twice.
    """
    known = ", ".join(WAYS)
    for name in names:
        if name not in WAYS:
            raise BenchError(f"There is no way {name!r}; choose of: {known}.")
    if not names or len(set(names)) < len(names):
        raise BenchError(f"Name each way once, separated by commas; choose of: {known}.")
    return tuple(WAYS[name] for name in names)


def asked(
    study: Study, source: Path, families: Sequence[str], short: Collection[str] = ()
) -> Mapping[str, float]:
    """The share of each request that can be asked of the base arm's file, without the `short`.

    Raises:
        BenchError: nothing is left to ask.
        DatabaseError: the file cannot be read.
    """
    with reading(source) as connection:
        have = tables(connection)
    lacking = {entry.name for entry in study.operations if set(entry.needs) - have}
    return _shares(families, {*lacking, *short})


def used_up(plan: Plan, asked_for: Mapping[str, float], slots: int) -> tuple[str, ...]:
    """Requests that use rows up and of which a tape of so many slots would find too few.

    The tape outlasts the migration by far, so a small shop may not have rows for all of it
    although it has for what will be played; these few requests are then left out.
    """
    short = []
    for name in EXCLUSIVE:
        due = slots * asked_for.get(name, 0.0)
        if not due:
            continue
        # Four standard deviations of a Poisson count above its mean.
        most = int(due + 4 * due**0.5) + 1
        try:
            record(plan, {name: 1.0}, np.arange(most, dtype=np.int64), 1)
        except ScheduleExhausted:
            short.append(name)
    return tuple(short)


def _shares(families: Sequence[str], without: Collection[str] = ()) -> Mapping[str, float]:
    try:
        return shares(families=families, without=without)
    except ValueError as error:
        known = sorted({task.family for kind in KINDS for task in kind.tasks})
        raise BenchError(
            f"No request is left of {', '.join(families)}; choose of: {', '.join(known)}."
        ) from error


def refuse(options: Options) -> None:
    """Refuse what cannot be offered, before anything is built.

    Raises:
        BenchError, InvalidSchedule: each says what to change.
    """
    for name, seconds in (("--before", options.before_s), ("--after", options.after_s)):
        if not 0 < seconds <= _LONGEST_S:
            raise BenchError(f"{name} is above 0 s and at most {_LONGEST_S:g} s, not {seconds:g}.")
    _shares(options.families)
    _due(options, options.before_s + options.after_s, np.random.default_rng(1))


def tape_seconds(source: Path, options: Options) -> float:
    """How long a tape has to be so that it surely outlasts the migration; seconds.

    Rows times what an index takes for each, with patience for a machine that serves meanwhile.
    """
    with reading(source) as connection:
        rows = sum(greatest_id(connection, name) for name in tables(connection))
    # The migration indexes the largest tables several times: four times all rows is above it.
    building_s = 4 * rows * _NS_OF_A_ROW / 1e9
    pauses_s = 30 * max(way.pause_s for way in options.ways)
    return options.before_s + _LEAST_S + _PATIENCE * building_s + pauses_s + options.after_s


def tape_of(
    plan: Plan, asked_for: Mapping[str, float], options: Options, seconds: float
) -> Schedule:
    """The tape of all ways: visitors, and the even train of writes beside them.

    Raises:
        ScheduleExhausted: the shop has too few rows for so many writes.
        InvalidSchedule: a rate or a time is not above 0.
    """
    rng = np.random.default_rng([plan.seed, options.seed])
    coming, train = _due(options, seconds, rng)
    slots = (
        *record(plan, asked_for, coming, options.seed).slots,
        *record(plan, {PROBE: 1.0}, train, options.seed + 1).slots,
    )
    return Schedule(tuple(sorted(slots, key=lambda slot: slot.due_ns)))


def _due(options: Options, seconds: float, rng: np.random.Generator) -> tuple[Offsets, Offsets]:
    """When visitors are due, and when the writes beside them."""
    coming = schedule([Step(options.rate_per_second, seconds)], options.spacing, rng)
    return coming, schedule([Step(options.probes_per_second, seconds)], "even", rng)
