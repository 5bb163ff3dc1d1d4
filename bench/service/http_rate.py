"""Requests per second on one core, beside a FastAPI hello world on the same server.

    python -m bench.service.http_rate --db before.db recommended.db

Each database is served by one process, hello world by another: same server, same
settings, no log of requests, all on the first core. The load comes from a process of its
own on the second core, raw sockets over kept-alive connections. In each round every target
is measured twice, there and back (ABBA), so that a slow drift falls on all alike; a ratio is
taken within a round, and the median of rounds is given with its 95 % interval.

Then, with both cores free for the server, one client loops a scan (by default the slowest
of `before`) while others ask for product details: their p50 and p99 beside those without
the scan. Prints figures; judges nothing. Exit code 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from bench import progress
from bench.judge.stats import StatisticsError, median, median_interval, quantile
from bench.service.generator import Generator, LoadFailed, request
from bench.service.ground import NotSeeded, let_staff_in, product_ids
from bench.service.processes import NotServed, Served, copied, served
from reference_app.database import DatabaseError

HELLO = "hello world"
_DRAWN = 512
_WARM_UP_S = 0.3
_SCAN = "/admin/analytics/events"
_SCAN_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to ask for: a name, its server, and the requests."""

    name: str
    url: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second of one target, and their share of hello world's with its interval."""

    target: str
    per_second: float
    ratio: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stall:
    """Product details while a scan loops, and without."""

    database: str
    scans: int
    scan_median_ns: int
    quiet_p50_ns: int
    quiet_p99_ns: int
    p50_ns: int
    p99_ns: int
    max_ns: int


def targets_of(name: str, url: str, ids: Sequence[int]) -> list[Target]:
    """What is asked of the shop: details of drawn products, and the listing."""
    details = tuple(request("GET", url, f"/products/{product_id}") for product_id in ids)
    return [
        Target(f"{name}: product detail", url, details),
        Target(f"{name}: listing of 24", url, (request("GET", url, "/products"),)),
    ]


def rates(
    targets: Sequence[Target],
    generator: Generator,
    *,
    rounds: int,
    seconds: float,
    connections: int,
    report: Callable[[str, int, int], None],
) -> list[dict[str, float]]:
    """Requests per second of each target, by round.

    Raises:
        LoadFailed: a server closed a connection, or answered something else than 200.
    """

    def once(target: Target, for_s: float) -> float:
        found = generator.send(target.url, target.requests, connections=connections, seconds=for_s)
        if set(found.statuses) != {"200"}:
            raise LoadFailed(f"{target.name} was answered {found.statuses}, not 200 throughout.")
        return found.per_second

    for target in targets:
        once(target, _WARM_UP_S)
    measured = []
    for number in range(rounds):
        report("requests per second", number, rounds)
        seen: dict[str, list[float]] = {target.name: [] for target in targets}
        for target in (*targets, *reversed(targets)):
            seen[target.name].append(once(target, seconds))
        measured.append({name: sum(values) / len(values) for name, values in seen.items()})
    report("requests per second", rounds, rounds)
    return measured


def ratios(measured: Sequence[Mapping[str, float]]) -> list[Rate]:
    """Each target beside hello world: the median of the rounds' ratios, with its interval.

    Raises:
        TooFewRounds: an interval needs more.
    """
    found = []
    for name in measured[0]:
        shares = [values[name] / values[HELLO] for values in measured]
        interval = median_interval(shares)
        found.append(
            Rate(
                name,
                round(median([values[name] for values in measured]), 1),
                round(median(shares), 4),
                (round(interval.low, 4), round(interval.high, 4)),
            )
        )
    return found


def stall(
    name: str,
    server: Served,
    generator: Generator,
    token: str,
    ids: Sequence[int],
    *,
    path: str,
    seconds: float,
    connections: int,
) -> Stall:
    """Details without and with a scan that one client loops.

    Raises:
        LoadFailed: a server closed a connection, or refused the scan.
    """
    details = [request("GET", server.url, f"/products/{product_id}") for product_id in ids]

    def details_for(for_s: float) -> Sequence[int]:
        found = generator.send(server.url, details, connections=connections, seconds=for_s)
        return found.latencies_ns

    details_for(_WARM_UP_S)
    quiet = details_for(seconds)
    scans_ns: list[int] = []
    refused: list[str] = []
    begun, enough = threading.Event(), threading.Event()

    def loop() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=_SCAN_TIMEOUT_S) as client:
            begun.set()
            # At least one is seen to its end, however long it takes.
            while not scans_ns or not enough.is_set():
                begun_ns = time.perf_counter_ns()
                try:
                    answer = client.get(path)
                except httpx.HTTPError as error:
                    refused.append(f"{path} was not answered ({error!r}); look at the server.")
                    return
                if answer.status_code != 200:
                    refused.append(f"{path} was answered {answer.status_code}: {answer.text[:200]}")
                    return
                scans_ns.append(time.perf_counter_ns() - begun_ns)

    scanner = threading.Thread(target=loop)
    scanner.start()
    begun.wait(_SCAN_TIMEOUT_S)
    try:
        busy = details_for(seconds)
    finally:
        enough.set()
        scanner.join()
    if refused:
        raise LoadFailed(refused[0])
    return Stall(
        name,
        len(scans_ns),
        round(median(scans_ns)),
        quiet_p50_ns=round(quantile(quiet, 0.5)),
        quiet_p99_ns=round(quantile(quiet, 0.99)),
        p50_ns=round(quantile(busy, 0.5)),
        p99_ns=round(quantile(busy, 0.99)),
        max_ns=max(busy),
    )


def to_text(found: Sequence[Rate], stalls: Sequence[Stall]) -> str:
    """Both parts, as lines."""
    width = max(len(rate.target) for rate in found)
    lines = [
        f"{rate.target:<{width}} {rate.per_second:>9,.0f}/s  {rate.ratio:6.1%} of hello world "
        f"({rate.ci95[0]:.1%} to {rate.ci95[1]:.1%})"
        for rate in found
    ]
    for one in stalls:
        lines.append(
            f"{one.database}: product detail p50 {one.p50_ns / 1e6:.2f} ms, "
            f"p99 {one.p99_ns / 1e6:.2f} ms, max {one.max_ns / 1e6:.2f} ms while a scan loops "
            f"({one.scans} scans of {one.scan_median_ns / 1e6:,.1f} ms); without "
            f"p50 {one.quiet_p50_ns / 1e6:.2f} ms, p99 {one.quiet_p99_ns / 1e6:.2f} ms"
        )
    return "\n".join(lines)


def run(given: argparse.Namespace, report: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Both parts for all databases: plain values, as JSON takes them."""
    cores = sorted(os.sched_getaffinity(0))
    server_core, generator_core = cores[0], cores[-1]
    stalls = []
    with ExitStack() as stack:
        shops = []
        for database in given.db:
            copy = stack.enter_context(copied(database, given.work))
            # The token goes in while nobody serves the copy.
            shops.append((database.stem, copy, let_staff_in(copy)))
        with ExitStack() as serving:
            hello = serving.enter_context(served("hello", cores=[server_core]))
            targets = [Target(HELLO, hello.url, (request("GET", hello.url, "/"),))]
            for name, copy, _ in shops:
                ids = product_ids(copy, given.products, given.seed)
                shop = serving.enter_context(served("shop", str(copy), cores=[server_core]))
                targets += targets_of(name, shop.url, ids)
            measured = rates(
                targets,
                serving.enter_context(Generator(cores=[generator_core])),
                rounds=given.rounds,
                seconds=given.seconds,
                connections=given.connections,
                report=report,
            )
        for number, (name, copy, token) in enumerate(shops):
            report("beside a scan", number, len(shops))
            ids = product_ids(copy, given.products, given.seed)
            with served("shop", str(copy)) as shop, Generator() as generator:
                stalls.append(
                    stall(
                        name,
                        shop,
                        generator,
                        token,
                        ids,
                        path=given.scan,
                        seconds=given.scan_seconds,
                        connections=given.scan_connections,
                    )
                )
            report("beside a scan", number + 1, len(shops))
    return {
        "schema_version": 1,
        "cores": {"server": server_core, "generator": generator_core, "of_the_machine": len(cores)},
        "connections": given.connections,
        "scan": given.scan,
        "rounds": measured,
        "rates": ratios(measured),
        "stalls": stalls,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.service.http_rate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--db", required=True, type=Path, nargs="+", help="databases; they are left as they are"
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds (9)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (1)")
    parser.add_argument("--connections", type=int, default=16, help="kept alive (16)")
    parser.add_argument("--products", type=int, default=_DRAWN, help=f"drawn ids ({_DRAWN})")
    parser.add_argument("--scan", default=_SCAN, help=f"the path that one client loops ({_SCAN})")
    parser.add_argument("--scan-seconds", type=float, default=10.0, help="beside the scan (10)")
    parser.add_argument(
        "--scan-connections", type=int, default=1, help="that ask for details beside it (1)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the drawn products (1)")
    parser.add_argument("--work", type=Path, help="where copies are made (beside the databases)")
    parser.add_argument("--json", action="store_true", help="print JSON, times in nanoseconds")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if min(given.rounds, given.connections, given.products, given.scan_connections) < 1:
        parser.error("--rounds, --connections, --products and --scan-connections are at least 1")
    try:
        with progress.bars(hidden=given.json) as bar:
            found = run(given, bar)
    except (DatabaseError, NotSeeded, NotServed, LoadFailed, StatisticsError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(found, default=asdict))
    else:
        print(to_text(found["rates"], found["stalls"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
