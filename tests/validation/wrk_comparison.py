"""Our player beside wrk: same endpoint, same connections, same minute.

    python -m tests.validation.wrk_comparison --db shop.db

A copy of the database is served on all cores but the last, and asked from the last by wrk
(https://github.com/wg/wrk) and by bench.load's generator in turn, both in a closed loop over as
many kept-alive connections. A round is four turns in ABBA order, so that a drift of the machine
falls on both: the two are compared within each round, and the median over the rounds of difference
and ratio is what counts. They agree if p50 and p90 lie within 5 % or 0.2 ms and p99 within 20 %
or 0.5 ms. Beside it stands the median of each one's turns.

wrk mends its own histogram before it prints it: a latency of twice the mean or more gets company,
those that requests would have had which it kept from being sent (`stats_correct` in its
stats.c). The same is done to ours before they are compared; ours as they were measured stand
beside. Exit code 1: they disagree; 2: wrong use.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench import progress
from bench.errors import BenchError
from bench.load.generator import GeneratorFailed, run_closed
from bench.load.schedule import Schedule, ScheduledRequest
from bench.load.server_process import NotServed, served
from bench.measure.scratch import temporary
from bench.resale.service import MODULE
from bench.study.service import Request
from reference_app.database import DatabaseError
from tests.validation.seeded_shop import NotSeeded, product_ids
from tests.validation.served_copy import copied
from tests.validation.wrk import SHARES, Quantiles, WrkFailed, as_wrk_corrects, quantiles, wrk

TOLERANCES: Mapping[int, tuple[float, int]] = {
    50: (0.05, 200_000),
    90: (0.05, 200_000),
    99: (0.2, 500_000),
}
"""By percentile: the share of wrk's, or the nanoseconds, by which ours may differ."""

_PRODUCT = "/products/{product}"
_WARM_UP_S = 1
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Apart:
    """How far ours lies from wrk's at one percentile: medians over rounds; ratio is ours / wrk."""

    percentile: int
    difference_ns: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Beside:
    """One endpoint at one number of connections; `ours_raw` is without wrk's correction."""

    path: str
    connections: int
    wrk: Quantiles
    ours: Quantiles
    ours_raw: Quantiles
    apart: tuple[Apart, ...]
    agree: bool


def typical(turns: Sequence[Quantiles]) -> Quantiles:
    """The median of each figure."""
    p50_ns, p90_ns, p99_ns = (round(median(turn.at(share) for turn in turns)) for share in SHARES)
    return Quantiles(p50_ns, p90_ns, p99_ns, round(median(turn.per_second for turn in turns), 1))


def apart(wrks: Sequence[Quantiles], ours: Sequence[Quantiles]) -> tuple[Apart, ...]:
    """By percentile, what lies between the two within a round, in the median of the rounds.

    Both hold two turns of each round, in order.
    """

    def of_rounds(turns: Sequence[Quantiles], share: int) -> list[float]:
        pairs = zip(turns[::2], turns[1::2], strict=True)
        return [(first.at(share) + second.at(share)) / 2 for first, second in pairs]

    found = []
    for share in SHARES:
        rounds = list(zip(of_rounds(wrks, share), of_rounds(ours, share), strict=True))
        difference_ns = round(median(own - theirs for theirs, own in rounds))
        found.append(Apart(share, difference_ns, median(own / theirs for theirs, own in rounds)))
    return tuple(found)


def agree(found: Sequence[Apart]) -> bool:
    """Whether every percentile lies within its tolerance."""

    def within(one: Apart) -> bool:
        relative, absolute_ns = TOLERANCES[one.percentile]
        return abs(one.ratio - 1) <= relative or abs(one.difference_ns) <= absolute_ns

    return all(within(one) for one in found)


def our_turn(
    url: str, path: str, *, connections: int, seconds: float, core: int, work: Path
) -> tuple[Quantiles, Quantiles]:
    """Let the generator send for so long: corrected as wrk's, and as measured.

    Raises:
        GeneratorFailed: as bench.load.generator does, or requests failed.
    """
    schedule = Schedule((ScheduledRequest(0, path, Request("GET", path)),))
    played = run_closed(
        schedule, url, work, connections=connections,
        seconds=seconds, timeout_s=_TIMEOUT_S, core=core,
    )  # fmt: skip
    answers = played.answers
    if not answers.good.all() or not len(answers):
        raise GeneratorFailed(
            f"{np.count_nonzero(~answers.good)} of {len(answers)} requests of {path} failed; "
            "check --path."
        )
    latencies_us = answers.service_ns // 1000
    interval_us = round(played.seconds * 1e6) // max(1, len(answers) // connections)
    per_second = round(len(answers) / played.seconds, 1)
    corrected = as_wrk_corrects(latencies_us, interval_us)
    return quantiles(corrected, per_second), quantiles(latencies_us, per_second)


def beside(
    url: str,
    path: str,
    connections: int,
    *,
    rounds: int,
    seconds: int,
    core: int,
    work: Path,
) -> Beside:
    """Rounds of turns of both in ABBA order."""
    wrks, ours, raws = [], [], []

    def of_wrk(for_s: int) -> Quantiles:
        return wrk(url, path, connections=connections, seconds=for_s, cores={core}, work=work)

    # The first answers fill the server's caches.
    of_wrk(_WARM_UP_S)
    for who in ("wrk", "ours", "ours", "wrk") * rounds:
        if who == "wrk":
            wrks.append(of_wrk(seconds))
        else:
            corrected, raw = our_turn(
                url, path, connections=connections, seconds=seconds, core=core, work=work
            )
            ours.append(corrected)
            raws.append(raw)
    between = apart(wrks, ours)
    return Beside(
        path, connections, typical(wrks), typical(ours), typical(raws), between, agree(between)
    )


def to_text(found: Sequence[Beside]) -> str:
    """A block of lines for each endpoint and number of connections."""

    def line(name: str, of: Quantiles) -> str:
        times = "  ".join(f"p{share} {of.at(share) / 1e6:8.3f} ms" for share in SHARES)
        return f"  {name:<10} {times}  {of.per_second:>9,.0f}/s"

    lines = []
    for one in found:
        between = "  ".join(
            f"p{by.percentile} {by.difference_ns / 1e6:+8.3f} ms ({by.ratio - 1:+.1%})"
            for by in one.apart
        )
        lines += [
            f"GET {one.path}, {one.connections} connections: "
            f"{'they agree' if one.agree else 'they DISAGREE'}",
            line("wrk", one.wrk),
            line("ours", one.ours),
            line("(measured)", one.ours_raw),
            f"  {'apart':<10} {between}",
        ]
    return "\n".join(lines)


def run(given: argparse.Namespace, report: Callable[[str, int, int], None]) -> list[Beside]:
    """Serve a copy and measure all: one entry for each path and number of connections."""
    cores = sorted(os.sched_getaffinity(0))
    found = []
    with copied(given.db, given.work) as copy, temporary() as folder:
        product = product_ids(copy, 1, seed=1)[0]
        paths = [path.replace("{product}", str(product)) for path in given.path or [_PRODUCT]]
        wanted = [(path, connections) for path in paths for connections in given.connections]
        with served(MODULE, str(copy), cores=cores[:-1] or cores) as server:
            for number, (path, connections) in enumerate(wanted):
                report("wrk and the player", number, len(wanted))
                found.append(
                    beside(
                        server.url, path, connections, rounds=given.rounds, seconds=given.seconds,
                        core=cores[-1], work=folder,
                    )
                )  # fmt: skip
            report("wrk and the player", len(wanted), len(wanted))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.wrk_comparison",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--db", required=True, type=Path, help="a database; it is left as it is")
    parser.add_argument(
        "--path", action="append", help=f"what is asked; may be repeated ({_PRODUCT})"
    )
    parser.add_argument(
        "--connections", type=int, nargs="+", default=[1, 4, 16], help="kept alive (1 4 16)"
    )
    parser.add_argument("--seconds", type=int, default=1, help="of each turn (1)")
    parser.add_argument("--rounds", type=int, default=30, help="of four turns each (30)")
    parser.add_argument("--work", type=Path, help="where the copy is made (beside the database)")
    parser.add_argument("--json", action="store_true", help="print JSON, times in nanoseconds")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if min(given.rounds, given.seconds, *given.connections) < 1:
        parser.error("--rounds, --seconds and --connections are at least 1")
    try:
        with progress.bars(hidden=given.json) as bar:
            found = run(given, bar)
    except (BenchError, DatabaseError, NotSeeded, NotServed, GeneratorFailed, WrkFailed) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        together: dict[str, Any] = {
            "schema_version": 1,
            "agree": all(one.agree for one in found),
            "endpoints": [asdict(one) for one in found],
        }
        print(json.dumps(together))
    else:
        print(to_text(found))
    return 0 if all(one.agree for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
