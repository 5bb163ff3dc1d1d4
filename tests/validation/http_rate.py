"""Requests per second on one core, beside a FastAPI hello world on the same server.

    python -m tests.validation.http_rate --db before.db recommended.db

Each database is served by one process, hello world by another: same server, same
settings, no log of requests, all on the first core. The load comes from a process of its
own on the second core, raw sockets over kept-alive connections. In each round every target
is measured twice, there and back (ABBA), so that a slow drift falls on all alike; a ratio is
taken within a round, and the median of rounds is given with its 95 % interval. So is the
processor time that the server spent on an answer, which a busy machine disturbs less.

Then, with both cores free for the server, one client loops a scan (by default the slowest
of `before`) while others ask for product details: their p50 and p99 beside those without
the scan. Prints figures; judges nothing. Exit code 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import progress
from bench.errors import BenchError
from bench.judge.stats import StatisticsError
from bench.load.server_process import NotServed, served
from bench.resale.service import MODULE
from reference_app.database import DatabaseError
from tests.validation.http_generator import Generator, LoadFailed, request
from tests.validation.rates import HELLO, Rate, Target, rates, ratios, targets_of
from tests.validation.seeded_shop import NotSeeded, let_staff_in, product_ids
from tests.validation.served_copy import copied
from tests.validation.stalls import Stall, stall

HELLO_WORLD = "tests.validation.hello_process"
_DRAWN = 512
_SCAN = "/admin/analytics/events"


def to_text(found: Sequence[Rate], stalls: Sequence[Stall]) -> str:
    """Both parts, as lines."""
    width = max(len(rate.target) for rate in found)
    lines = [
        f"{rate.target:<{width}} {rate.per_second:>9,.0f}/s  {rate.ratio:6.1%} of hello world "
        f"({rate.ci95[0]:.1%} to {rate.ci95[1]:.1%}), "
        f"{rate.cpu_ns / 1e3:,.0f} µs of processor each: {rate.cpu_ratio:.1%} "
        f"({rate.cpu_ci95[0]:.1%} to {rate.cpu_ci95[1]:.1%})"
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
            hello = serving.enter_context(served(HELLO_WORLD, cores=[server_core]))
            targets = [Target(HELLO, hello, (request("GET", hello.url, "/"),))]
            for name, copy, _ in shops:
                ids = product_ids(copy, given.products, given.seed)
                shop = serving.enter_context(served(MODULE, str(copy), cores=[server_core]))
                targets += targets_of(name, shop, ids)
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
            with served(MODULE, str(copy)) as shop, Generator() as generator:
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
        prog="python -m tests.validation.http_rate",
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
    except (BenchError, DatabaseError, NotSeeded, NotServed, LoadFailed, StatisticsError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(found, default=asdict))
    else:
        print(to_text(found["rates"], found["stalls"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
