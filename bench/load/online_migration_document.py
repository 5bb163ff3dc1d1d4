"""live.json: what a migration beside an open shop did to its visitors, put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bench.judge.live import LEAST_DUE, Seen, answer, faults, impact
from bench.judge.live_stalls import STANDSTILL_NS, Span
from bench.load import servers
from bench.load.migration_steps import Step
from bench.load.online_migration import SETTINGS, Outcome
from bench.load.online_migration_options import PROBE, Options
from bench.load.records import MOST_CPU_SHARE, MOST_LATE_SHARE, UNSENT, Answers
from bench.load.schedule import Schedule
from bench.results import live as results
from bench.results.load import Placement

LIMITS = (
    "SQLite builds an index only with the write lock in hand: no order and no setting lets writes "
    "go on meanwhile. Building in a copy and switching files would, and would lose what is written "
    "in between; it is not done here.",
    "A write that waits looks for the lock again after pauses that grow to 0.1 s (SQLite's busy "
    "handler), so without pauses between statements waiting writes seldom get their turn.",
    "What is kind about the kindest known way: the pauses let waiting writes through, the longer "
    "busy timeout of the server lets them wait instead of being refused, a cache of 64 MiB and "
    "reading through a map of the file shorten the building, and a checkpoint in each pause keeps "
    "the log short. More sorter threads, and temporary files in memory, shortened nothing.",
    "Each statement is a transaction of its own; the server is not restarted, so it goes on with "
    "the queries of the shop before the migration, and writes no ledger.",
    "The ledger that the migration makes is empty, so that the rule of its sums is not asked; nor "
    "is the whole file read for damage, but every new index is counted against its table.",
    "Server, migration and player share one machine: the player has the last core and the server "
    "all others; the migration goes where the system lets it. The network is the loopback.",
    "Limits on tries of one address are lifted, since all visitors share one.",
    f"A standstill is told from {STANDSTILL_NS / 1e9:g} s on, one of reads only if "
    f"{LEAST_DUE['reads']} became due in it; it begins when a request became due after the last "
    "acknowledgement, so that it is never told too long.",
    "How late visits were sent is in their times: where the migration ran on the player's core it "
    "made some later by milliseconds (behind_p99_ns).",
)


def live_document(
    outcomes: Sequence[Outcome], tape: Schedule, seconds: float, options: Options,
    placed: servers.Placement, shares: Mapping[str, float], without: Sequence[str],
) -> results.OnlineMigration:  # fmt: skip
    """Return live.json; `seconds` is how long the tape was before it was cut.

    `shares` are those of the operations on the tape, `without` those that were left out of it.
    """
    rng = np.random.default_rng(options.seed)
    writes = frozenset(slot.name for slot in tape.slots if slot.request.method != "GET")
    strategies = tuple(_strategy(outcome, writes, rng) for outcome in outcomes)
    return results.OnlineMigration(
        plan=results.Plan(
            rate_per_second=options.rate_per_second,
            spacing=options.spacing,
            write_probe=results.WriteProbe(
                operation=PROBE, rate_per_second=options.probes_per_second, spacing="even"
            ),
            seconds_before=options.before_s,
            seconds_after=options.after_s,
            seconds_of_tape=seconds,
            seed=options.seed,
            slots=len(tape.slots),
            tape_digest=tape.digest,
            families=options.families,
            connections=options.connections,
            timeout_s=options.timeout_s,
            shares=dict(shares),
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
        limits=LIMITS,
    )


def _strategy(
    outcome: Outcome, writes: frozenset[str], rng: np.random.Generator
) -> results.Strategy:
    way, played, migrating = outcome.way, outcome.played, outcome.migrating
    zero = played.begun_ns
    ran = Span(migrating.begun_ns - zero, migrating.ended_ns - zero)
    slots = len(played.answers)
    invalid = faults(
        slots=slots, late=played.late, missed=played.missed, cpu_share=played.cpu_share,
        most_late=MOST_LATE_SHARE, most_cpu=MOST_CPU_SHARE,
    )  # fmt: skip
    checked = outcome.checked
    return results.Strategy(
        name=way.name,
        title=way.title,
        settings={
            **migrating.settings,
            "order": way.order,
            "pause_s": way.pause_s,
            "checkpoint_between": way.checkpoint_between,
            "server": {**SETTINGS, **way.server},
        },
        statements=tuple(_statement(step, zero) for step in migrating.steps),
        begun_s=_seconds(ran.begun_ns),
        ended_s=_seconds(ran.ended_ns),
        **dict(impact(seen_of(played.answers, writes), ran, rng)),
        wal_peak_bytes=outcome.wal_peak_bytes,
        file_bytes_before=outcome.file_bytes_before,
        file_bytes_after=outcome.file_bytes_after,
        sizes=tuple(_sizes(outcome, zero)),
        generator=results.Generator(
            slots=slots, late=played.late, missed=played.missed, cpu_share=played.cpu_share,
            behind_p99_ns=played.behind_p99_ns, connections=played.connections,
        ),
        valid=not invalid,
        invalid_because=tuple(invalid),
        invariants=results.Invariants(
            held=not checked.violations, violations=checked.violations, checked=checked.checked
        ),
    )  # fmt: skip


def _statement(step: Step, zero_ns: int) -> results.Statement:
    return results.Statement(
        object=step.object,
        kind=step.kind,
        sql=step.sql,
        asked_s=_seconds(step.asked_ns - zero_ns),
        begun_s=_seconds(step.begun_ns - zero_ns),
        ended_s=_seconds(step.ended_ns - zero_ns),
        file_growth_bytes=step.file_growth_bytes,
        wal_peak_bytes=step.wal_peak_bytes,
    )


def _sizes(outcome: Outcome, zero_ns: int) -> Iterator[results.FileSizes]:
    """Yield log and file where one of them changed its length."""
    last: tuple[int, int] | None = None
    for size in sorted(outcome.migrating.sizes.seen, key=lambda size: size.at_ns):
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
    """The record as the judging room takes it; `writes` are the names that are no GET.

    A refusal in order is counted under `checkout: 409` in the record. A slot that was never sent
    was given up when the play ended.
    """
    parts = [str(name).partition(": ") for name in answers.name]
    name: npt.NDArray[np.object_] = np.array([part[0] for part in parts], dtype=object)
    never = answers.error == UNSENT
    last = int(answers.ended_ns.max(initial=0))
    return Seen(
        name,
        np.array([one in writes for one in name], dtype=np.bool_),
        answers.due_ns,
        np.where(never, np.maximum(last, answers.due_ns), answers.ended_ns),
        answers.error,
        np.array([bool(part[1]) for part in parts], dtype=np.bool_),
        np.asarray(answers.status > 0, dtype=np.bool_),
    )
