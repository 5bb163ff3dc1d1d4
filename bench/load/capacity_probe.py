"""One probe of capacity: one rate offered to one arm's file, which is then as it was.

Plays, counts and audits; what a probe means is judged by bench.judge.capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.errors import BenchError
from bench.judge.capacity import Load, Offered, judge_probe
from bench.load import records, servers
from bench.load.ab_test import ArmFile, Player
from bench.load.arrivals import Offsets, Step, schedule
from bench.load.generator import GeneratorResult, play
from bench.load.records import LATE_NS, MOST_CPU_SHARE, MOST_LATE_SHARE, UNSENT
from bench.load.rewind import Rewound, audit
from bench.load.schedule import EXCLUSIVE, Schedule, ScheduledRequest, ScheduleExhausted, record
from bench.load.servers import Placement
from bench.resale.http_requests import Keys
from bench.results.capacity import Probe, ServiceLevel
from seeds.plan import Plan, staff

WARM_UP_S = 2.0
CONNECTIONS = 1024
TIMEOUT_S = 40.0
"""Longer than a read may take in the shop (30 s, as D1 allows a query): the server speaks first."""
_FULL = 507
_SETTINGS: Mapping[str, str] = {**servers.SETTINGS, "RESALE_COUNTERS": "false"}


@dataclass(frozen=True)
class Stage:
    """What all probes of one size share.

    `shares` are those of bench.resale.user_profiles; `keep` is a folder for raw records, where they
    are wanted.
    """

    plan: Plan
    shares: Mapping[str, float]
    level: ServiceLevel
    seed: int
    work: Path
    where: Placement
    keep: Path | None = None
    player: Player = play


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A probe, and sentences about rules of the shop that were broken after it."""

    probe: Probe
    violations: tuple[str, ...] = ()


def probe(stage: Stage, file: ArmFile, rate: float, seconds: float, nth: int) -> ProbeResult:
    """Offer a rate for so long, after a warm-up; `nth` counts the probes of this rate.

    The tape depends on seed, rate and `nth` alone, so that all arms are asked the same.

    Raises:
        NotServed, BenchError, ServerUnfit, GeneratorFailed, NotRewindable: the probe was
            cut short; server and player are ended then.
    """
    tape = tape_of(stage, rate, seconds, nth)
    file.prepare()
    asking = Keys(stage.plan, staff_id=staff(stage.plan)[0]).of_staff()
    with (
        Rewound(file.path),
        servers.serving(
            file.path, asking, name=file.arm, cores=stage.where.server_cores, settings=_SETTINGS
        ) as server,
    ):
        spent_s = server.cpu_s()
        played = stage.player(
            tape, server.url, stage.work,
            connections=CONNECTIONS, timeout_s=TIMEOUT_S,
            core=stage.where.player_core, on_second=lambda *_: server.refuse_dead(),
        )  # fmt: skip
        spent_s = server.cpu_s() - spent_s
        if (played.answers.status == _FULL).any():
            raise BenchError(
                f"The disk of {stage.work} became full under load, so that the shop refused "
                "writes; free some of it, name another --work, or lower --ceiling."
            )
        if stage.keep is not None:
            name = f"{file.arm}-{stage.plan.scale:g}-{rate:g}-{nth}.parquet"
            records.write(stage.keep / name, played.answers)
        violations = audit(file.path)
    return ProbeResult(_judged(stage.level, rate, seconds, played, spent_s), violations)


def _judged(
    level: ServiceLevel, rate: float, seconds: float, played: GeneratorResult, server_cpu_s: float
) -> Probe:
    answers = played.answers
    counted = answers.where(answers.due_ns >= round(WARM_UP_S * 1e9))
    unsent = counted.error == UNSENT
    late = int(np.count_nonzero(unsent | (counted.behind_ns > LATE_NS)))
    return judge_probe(
        level,
        Offered(rate, seconds, late, played.cpu_share, server_cpu_s),
        Load(counted.due_ns, counted.since_due_ns, counted.good),
        spoilt_by(level, rate, late / max(1, len(counted)), played),
    )


def spoilt_by(
    level: ServiceLevel, rate: float, late_share: float, played: GeneratorResult
) -> str | None:
    """Why the generator did not offer what it should have, if it did not.

    Requests are late as well when all connections wait for the server. That many unanswered
    requests mean a wait of connections / rate each (Little's law); where this is beyond the
    level, the server is what is too slow, and the probe counts.
    """
    if played.cpu_share > MOST_CPU_SHARE:
        return (
            f"The player used {played.cpu_share:.0%} of its core, more than {MOST_CPU_SHARE:.0%}."
        )
    waited_for = played.connections >= CONNECTIONS >= rate * level.within_ns / 1e9
    if late_share > MOST_LATE_SHARE and not waited_for:
        return f"The player sent {late_share:.1%} of the requests late or not at all."
    return None


def tape_of(stage: Stage, rate: float, seconds: float, nth: int) -> Schedule:
    """The tape of a probe: Poisson arrivals, warm-up first, operations in proportion.

    Raises:
        ScheduleExhausted: the seeded shop has no row at all for some write.
    """
    seeds = np.random.SeedSequence([stage.seed, round(1000 * rate), nth])
    rng = np.random.default_rng(seeds)
    counted_ns = schedule([Step(rate, seconds)], "poisson", rng) + round(WARM_UP_S * 1e9)
    # The warm-up is shared out by itself, so that what is counted has the mix's proportions.
    parts = [
        _assigned(stage.shares, due_ns, rng)
        for due_ns in (schedule([Step(rate, WARM_UP_S)], "poisson", rng), counted_ns)
    ]
    slots: list[ScheduledRequest] = []
    for group in _groups(stage.shares):
        times = {name: np.concatenate([part[name] for part in parts]) for name in group}
        due_ns = np.sort(np.concatenate(list(times.values())))
        if len(due_ns):
            counts = {name: len(own) / len(due_ns) for name, own in times.items()}
            slots += _recorded(stage.plan, counts, due_ns, int(rng.integers(2**31)))
    return Schedule(tuple(sorted(slots, key=lambda slot: slot.due_ns)))


def _recorded(
    plan: Plan, shares: Mapping[str, float], due_ns: Offsets, seed: int
) -> list[ScheduledRequest]:
    """Slots of these operations.

    Where a small shop has too few rows, each half of the time uses them up by itself: what
    the first half has had is refused to the second, in order (409).
    """
    try:
        return list(record(plan, shares, due_ns, seed).slots)
    except ScheduleExhausted:
        half = len(due_ns) // 2
        if not half:
            raise
        return [
            *_recorded(plan, shares, due_ns[:half], seed),
            *_recorded(plan, shares, due_ns[half:], seed + 1),
        ]


def _assigned(
    shares: Mapping[str, float], due_ns: Offsets, rng: np.random.Generator
) -> dict[str, Offsets]:
    """Which of the times belong to which operation: in proportion, in a random order.

    Systematic sampling (Madow and Madow 1944): each operation gets its share of the times to
    within one, on average exactly, and so does any run of neighbours. Drawn one by one, 300
    requests would hold anything from none to 8 of a kind that is one in a hundred, and whether
    the p99 is one of those would be chance.
    """
    edges = np.concatenate(([0.0], np.cumsum(list(shares.values())))) * len(due_ns)
    edges = np.floor(edges + rng.random()).astype(np.int64)
    # Rounding of the sum must not move the last edge.
    edges[-1] = len(due_ns)
    shuffled = rng.permutation(due_ns)
    return {name: shuffled[edges[nth] : edges[nth + 1]] for nth, name in enumerate(shares)}


def _groups(shares: Mapping[str, float]) -> list[list[str]]:
    """Operations recorded together: those that use up the same rows must know of each other."""
    found: dict[str, list[str]] = {}
    for name in shares:
        found.setdefault(EXCLUSIVE.get(name, name), []).append(name)
    return list(found.values())
