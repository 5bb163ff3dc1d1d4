"""One probe of capacity: one rate offered to one arm's file, which is then as it was.

Sends, counts and checks; what a probe means is judged by bench.judge.capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.judge.capacity import Load, Offered, judge_probe
from bench.judge.generator_limits import MOST_CPU_SHARE, fell_behind, was_busy
from bench.load import records
from bench.load.ab_test import ArmFile
from bench.load.arrivals import Offsets, Step, arrival_times
from bench.load.generator import GeneratorResult, run_open
from bench.load.invariants import Checked
from bench.load.schedule import (
    RequestMix,
    Schedule,
    ScheduledRequest,
    ScheduleExhausted,
    sample_schedule,
)
from bench.load.sending import RunGenerator, Sender
from bench.load.servers import Placement
from bench.results.capacity import Probe, ServiceLevel

WARM_UP_S = 2.0
CONNECTIONS = 1024
TIMEOUT_S = 40.0
"""Longer than a read may take (30 s, as D1 allows a query): the server answers first."""


@dataclass(frozen=True)
class ProbeContext:
    """What all probes of one size share; `keep` is a folder for raw records, if any."""

    mix: RequestMix
    level: ServiceLevel
    seed: int
    work: Path
    where: Placement
    keep: Path | None = None
    generate: RunGenerator = run_open


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A probe, and what was checked after it."""

    probe: Probe
    invariants: Checked


def probe(
    context: ProbeContext, file: ArmFile, rate: float, seconds: float, nth: int
) -> ProbeResult:
    """Offer a rate for so long, after a warm-up; `nth` counts the probes of this rate.

    The schedule depends on seed, rate and `nth` alone, so that all arms get the same requests.

    Raises:
        NotServed, BenchError, ServerUnfit, GeneratorFailed, NotRewindable: the probe was
            cut short; server and generator are ended then.
    """
    sender = Sender(
        context.mix, context.work, context.where, CONNECTIONS, TIMEOUT_S, "lower --ceiling",
        context.generate,
    )  # fmt: skip
    schedule = probe_schedule(context, rate, seconds, nth)
    file.prepare()
    sent = sender.send(schedule, file.path, file.arm)
    if context.keep is not None:
        name = f"{file.arm}-{context.mix.dataset.scale or 1:g}-{rate:g}-{nth}.parquet"
        records.write(context.keep / name, sent.result.answers)
    probed = _judged(context.level, rate, seconds, sent.result, sent.server_cpu_s)
    return ProbeResult(probed, sent.invariants)


def _judged(
    level: ServiceLevel, rate: float, seconds: float, result: GeneratorResult, server_cpu_s: float
) -> Probe:
    answers = result.answers
    counted = answers.where(answers.due_ns >= round(WARM_UP_S * 1e9))
    late, missed = int(counted.late.sum()), int(counted.unsent.sum())
    return judge_probe(
        level,
        Offered(rate, seconds, late + missed, result.cpu_share, server_cpu_s),
        Load(counted.due_ns, counted.since_due_ns, counted.good),
        spoilt_by(level, rate, (len(counted), late, missed), result),
    )


def spoilt_by(
    level: ServiceLevel, rate: float, sent: tuple[int, int, int], result: GeneratorResult
) -> str | None:
    """Why the generator did not offer what it should have, if it did not.

    `sent` counts the requests that were due, and of them those sent late and never.

    Requests are late as well when all connections wait for the server. That many unanswered
    requests mean a wait of connections / rate each (Little's law); where this is beyond the
    level, the server is what is too slow, and the probe counts.
    """
    if was_busy(result.cpu_share):
        used = f"{result.cpu_share:.0%} of its core"
        return f"The generator used {used}, more than {MOST_CPU_SHARE:.0%}."
    waited_for = result.connections >= CONNECTIONS >= rate * level.within_ns / 1e9
    if fell_behind(*sent) and not waited_for:
        scheduled, late, missed = sent
        share = (late + missed) / scheduled
        return f"The generator sent {share:.1%} of the requests late or not at all."
    return None


def probe_schedule(context: ProbeContext, rate: float, seconds: float, nth: int) -> Schedule:
    """The schedule of a probe: Poisson arrivals, warm-up first, operations in proportion.

    Raises:
        ScheduleExhausted: the dataset has no row at all for some write.
    """
    mix = context.mix
    sequence = np.random.SeedSequence([context.seed, round(1000 * rate), nth])
    rng = np.random.default_rng(sequence)
    counted_ns = arrival_times([Step(rate, seconds)], "poisson", rng) + round(WARM_UP_S * 1e9)
    # The warm-up is shared out by itself, so that what is counted has the mix's proportions.
    parts = [
        _assigned(mix.shares, due_ns, rng)
        for due_ns in (arrival_times([Step(rate, WARM_UP_S)], "poisson", rng), counted_ns)
    ]
    requests: list[ScheduledRequest] = []
    for group in _groups(mix):
        times = {name: np.concatenate([part[name] for part in parts]) for name in group}
        due_ns = np.sort(np.concatenate(list(times.values())))
        if len(due_ns):
            counts = {name: len(name_times) / len(due_ns) for name, name_times in times.items()}
            requests += _sampled_requests(mix.only(counts), due_ns, int(rng.integers(2**31)))
    return Schedule(
        tuple(sorted(requests, key=lambda request: request.due_ns)), mix.service.refusals
    )


def _sampled_requests(mix: RequestMix, due_ns: Offsets, seed: int) -> list[ScheduledRequest]:
    """Requests of these operations.

    Where a small dataset has too few rows, each half of the time uses them up by itself: what
    the first half has had is refused to the second, in order.
    """
    try:
        return list(sample_schedule(mix, due_ns, seed).requests)
    except ScheduleExhausted:
        half = len(due_ns) // 2
        if not half:
            raise
        return [
            *_sampled_requests(mix, due_ns[:half], seed),
            *_sampled_requests(mix, due_ns[half:], seed + 1),
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


def _groups(mix: RequestMix) -> list[list[str]]:
    """Operations drawn together: those that use up the same rows must know of each other."""
    groups: dict[str, list[str]] = {}
    for name in mix.shares:
        groups.setdefault(mix.service.exclusive.get(name, name), []).append(name)
    return list(groups.values())
