"""live.json: what a migration under load did to its users, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.engines.sqlite.migration_strategies import MigrationStrategy
from bench.engines.sqlite.online_migration import OnlineMigration, Step
from bench.judge.live import LEAST_DUE, OUTAGE_NS, Seen, Span, answer, faults, impact
from bench.load import servers
from bench.load.generator import GeneratorResult
from bench.load.invariants import Checked
from bench.load.online_migration_options import Options
from bench.load.records import Answers
from bench.load.schedule import RequestMix, Schedule
from bench.results import live as results
from bench.results.load import Placement

LIMITS = (
    "SQLite builds an index only with the write lock in hand: no order and no setting lets writes "
    "go on meanwhile. Building in a copy and switching files would, and would lose what is written "
    "in between; it is not done here.",
    "A write that waits looks for the lock again after pauses that grow to 0.1 s (SQLite's busy "
    "handler), so without pauses between statements waiting writes seldom get their turn.",
    "What makes the low-impact strategy so: the pauses let waiting writes through, the longer "
    "busy timeout of the server lets them wait instead of being refused, a cache of 64 MiB and "
    "reading through a map of the file shorten the building, and a checkpoint in each pause keeps "
    "the log short. More sorter threads, and temporary files in memory, shortened nothing.",
    "Each statement is a transaction of its own. The whole file is not read for damage, but every "
    "new index is counted against its table.",
    "Server, migration and generator share one machine: the generator has the last core and the "
    "server all others; the migration goes where the system lets it. The network is the loopback.",
    f"An outage is counted from {OUTAGE_NS / 1e9:g} s on, one of reads only if "
    f"{LEAST_DUE['reads']} became due in it; it begins when a request became due after the last "
    "acknowledgement, so that it is never given too long.",
    "How late requests were sent is in their times: where the migration ran on the generator's "
    "core it made some later by milliseconds (behind_p99_ns).",
)


@dataclass(frozen=True)
class Outcome:
    """One strategy, as it was measured; `environment` is what the server was started with."""

    strategy: MigrationStrategy
    result: GeneratorResult
    migration: OnlineMigration
    environment: dict[str, str]
    invariants: Checked
    file_bytes_before: int
    file_bytes_after: int
    wal_peak_bytes: int


def live_document(
    outcomes: Sequence[Outcome], schedule: Schedule, seconds: float, options: Options,
    placed: servers.Placement, mix: RequestMix, without: Sequence[str],
) -> results.OnlineMigration:  # fmt: skip
    """Return live.json; `seconds` is how long the schedule was before it was cut.

    `without` are operations that were left out of it.
    """
    rng = np.random.default_rng(options.seed)
    writes = frozenset(
        scheduled.name for scheduled in schedule.requests if scheduled.request.method != "GET"
    )
    strategies = tuple(_strategy(outcome, writes, rng) for outcome in outcomes)
    return results.OnlineMigration(
        plan=results.Plan(
            rate_per_second=options.rate_per_second,
            spacing=options.spacing,
            write_probe=results.WriteProbe(
                operation=mix.service.write_probe,
                rate_per_second=options.probes_per_second,
                spacing="even",
            ),
            seconds_before=options.before_s,
            seconds_after=options.after_s,
            seconds_of_tape=seconds,
            seed=options.seed,
            slots=len(schedule.requests),
            tape_digest=schedule.digest,
            families=options.families,
            connections=options.connections,
            timeout_s=options.timeout_s,
            shares=dict(mix.shares),
            without=tuple(without),
        ),
        placement=Placement(player_core=placed.player_core, server_cores=placed.server_cores),
        ways=strategies,
        answer=answer(strategies),
        valid=all(strategy.valid for strategy in strategies),
        invalid_because=tuple(
            f"{strategy.name}: {why}" for strategy in strategies for why in strategy.invalid_because
        ),
        held=all(strategy.invariants.held for strategy in strategies),
        limits=(*LIMITS, *mix.service.migration_limits),
    )


def _strategy(
    outcome: Outcome, writes: frozenset[str], rng: np.random.Generator
) -> results.Strategy:
    strategy, result, migration = outcome.strategy, outcome.result, outcome.migration
    zero = result.begun_ns
    ran = Span(migration.begun_ns - zero, migration.ended_ns - zero)
    scheduled = len(result.answers)
    invalid = faults(
        scheduled=scheduled, late=result.late, missed=result.missed, cpu_share=result.cpu_share
    )
    checked = outcome.invariants
    return results.Strategy(
        name=strategy.name,
        title=strategy.title,
        settings={
            **migration.settings,
            "order": strategy.order,
            "pause_s": strategy.pause_s,
            "checkpoint_between": strategy.checkpoint_between,
            "server": outcome.environment,
        },
        statements=tuple(_statement(step, zero) for step in migration.steps),
        begun_s=_seconds(ran.begun_ns),
        ended_s=_seconds(ran.ended_ns),
        **dict(impact(seen_of(result.answers, writes), ran, rng)),
        wal_peak_bytes=outcome.wal_peak_bytes,
        file_bytes_before=outcome.file_bytes_before,
        file_bytes_after=outcome.file_bytes_after,
        sizes=tuple(_sizes(outcome, zero)),
        generator=results.Generator(
            slots=scheduled, late=result.late, missed=result.missed, cpu_share=result.cpu_share,
            behind_p99_ns=result.behind_p99_ns, connections=result.connections,
        ),
        valid=not invalid,
        invalid_because=tuple(invalid),
        invariants=results.Invariants(
            held=not checked.violations, violations=checked.violations, checked=checked.rules
        ),
    )  # fmt: skip


def _statement(step: Step, zero_ns: int) -> results.Statement:
    return results.Statement(
        object=step.object,
        kind=step.kind,
        sql=step.sql,
        asked_s=_seconds(step.requested_ns - zero_ns),
        begun_s=_seconds(step.begun_ns - zero_ns),
        ended_s=_seconds(step.ended_ns - zero_ns),
        file_growth_bytes=step.file_growth_bytes,
        wal_peak_bytes=step.wal_peak_bytes,
    )


def _sizes(outcome: Outcome, zero_ns: int) -> Iterator[results.FileSizes]:
    """Yield log and file where one of them changed its length."""
    last: tuple[int, int] | None = None
    for size in sorted(outcome.migration.sizes.seen, key=lambda size: size.at_ns):
        lengths = (size.wal_bytes, size.file_bytes)
        if size.at_ns < zero_ns or lengths == last:
            continue
        last = lengths
        yield results.FileSizes(
            at_s=_seconds(size.at_ns - zero_ns), wal_bytes=lengths[0], file_bytes=lengths[1]
        )


def _seconds(value_ns: int) -> float:
    return round(value_ns / 1e9, 6)


def seen_of(answers: Answers, writes: frozenset[str]) -> Seen:
    """The record as it is judged; `writes` are the names that are no GET.

    An expected refusal is counted under `NAME: 409` in the record. A request that was never sent
    was given up when the load ended.
    """
    parts = [str(name).partition(": ") for name in answers.name]
    name: npt.NDArray[np.object_] = np.array([part[0] for part in parts], dtype=object)
    never = answers.unsent
    last = int(answers.ended_ns.max(initial=0))
    return Seen(
        name,
        np.array([called in writes for called in name], dtype=np.bool_),
        answers.due_ns,
        np.where(never, np.maximum(last, answers.due_ns), answers.ended_ns),
        answers.error,
        np.array([bool(part[1]) for part in parts], dtype=np.bool_),
        np.asarray(answers.status > 0, dtype=np.bool_),
    )
