"""Requests per second and processor time for an answer, in rounds beside hello world."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.judge.stats import median, median_interval
from bench.load.server_process import ServerProcess
from tests.validation.http_generator import Generator, LoadFailed, request

HELLO = "hello world"
_WARM_UP_S = 0.3


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to ask for: a name, its server, and the requests."""

    name: str
    server: ServerProcess
    requests: tuple[str, ...]

    def cpu_ns(self) -> int:
        """The processor time that its server has used so far."""
        # The clock of another process, as clock_getcpuclockid(3) of Linux makes its number;
        # /proc counts in hundredths of a second, too coarse for a short load.
        return time.clock_gettime_ns((~self.server.process.pid << 3) | 2)


@dataclass(frozen=True, slots=True)
class Speed:
    """What one measurement saw: answers in a second, and processor time for each."""

    per_second: float
    cpu_ns: float


@dataclass(frozen=True, slots=True)
class Rate:
    """One target's median speed, and its shares of hello world's with their intervals.

    `cpu_ratio` is hello world's processor time for an answer over this target's.
    """

    target: str
    per_second: float
    ratio: float
    ci95: tuple[float, float]
    cpu_ns: int
    cpu_ratio: float
    cpu_ci95: tuple[float, float]


def targets_of(name: str, server: ServerProcess, ids: Sequence[int]) -> list[Target]:
    """What is asked of the shop: details of drawn products, and the listing."""
    details = tuple(request("GET", server.url, f"/products/{product_id}") for product_id in ids)
    return [
        Target(f"{name}: product detail", server, details),
        Target(f"{name}: listing of 24", server, (request("GET", server.url, "/products"),)),
    ]


def rates(
    targets: Sequence[Target],
    generator: Generator,
    *,
    rounds: int,
    seconds: float,
    connections: int,
    report: Callable[[str, int, int], None],
) -> list[dict[str, Speed]]:
    """The speed of each target, by round.

    Raises:
        LoadFailed: a server closed a connection, or answered something else than 200.
    """

    def once(target: Target, for_s: float) -> Speed:
        before_ns = target.cpu_ns()
        found = generator.send(
            target.server.url, target.requests, connections=connections, seconds=for_s
        )
        if set(found.statuses) != {"200"}:
            raise LoadFailed(f"{target.name} was answered {found.statuses}, not 200 throughout.")
        return Speed(found.per_second, (target.cpu_ns() - before_ns) / len(found.latencies_ns))

    for target in targets:
        once(target, _WARM_UP_S)
    measured = []
    for number in range(rounds):
        report("requests per second", number, rounds)
        seen: dict[str, list[Speed]] = {target.name: [] for target in targets}
        for target in (*targets, *reversed(targets)):
            seen[target.name].append(once(target, seconds))
        measured.append({name: _mean(speeds) for name, speeds in seen.items()})
    report("requests per second", rounds, rounds)
    return measured


def _mean(speeds: Sequence[Speed]) -> Speed:
    return Speed(
        sum(speed.per_second for speed in speeds) / len(speeds),
        sum(speed.cpu_ns for speed in speeds) / len(speeds),
    )


def ratios(measured: Sequence[Mapping[str, Speed]]) -> list[Rate]:
    """Each target beside hello world: the median of the rounds' ratios, with its interval.

    Raises:
        TooFewRounds: an interval needs more.
    """
    found = []
    for name in measured[0]:
        seen = [speeds[name] for speeds in measured]
        hello = [speeds[HELLO] for speeds in measured]
        pairs = list(zip(seen, hello, strict=True))
        ratio, ci95 = _share([speed.per_second / base.per_second for speed, base in pairs])
        cpu_ratio, cpu_ci95 = _share([base.cpu_ns / speed.cpu_ns for speed, base in pairs])
        found.append(
            Rate(
                target=name,
                per_second=round(median([speed.per_second for speed in seen]), 1),
                ratio=ratio,
                ci95=ci95,
                cpu_ns=round(median([speed.cpu_ns for speed in seen])),
                cpu_ratio=cpu_ratio,
                cpu_ci95=cpu_ci95,
            )
        )
    return found


def _share(shares: Sequence[float]) -> tuple[float, tuple[float, float]]:
    interval = median_interval(shares)
    return round(median(shares), 4), (round(interval.low, 4), round(interval.high, 4))
