"""The generator's own cost: what it takes it to ask an endpoint that does nothing.

    python -m bench.load.generator_overhead --rate 500 [--seconds 5]

No latency that is measured against a shop can be shorter than this, and what the player uses of
its processor here is its own share of a load.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from bench.engines.sqlite.files import temporary
from bench.load.arrivals import InvalidSchedule, Step, schedule
from bench.load.generator import GeneratorFailed, play
from bench.load.null_server import nothing
from bench.load.schedule import Schedule, ScheduledRequest
from bench.load.servers import placement
from bench.resale.http_requests import Request

_SECONDS = 3.0
_WARM_UP_NS = 500_000_000
_REQUEST = Request("GET", "/nothing")


def own_cost(
    rate_per_second: float, work: Path, *, seconds: float = _SECONDS, seed: int = 1
) -> dict[str, float]:
    """Ask for nothing at this rate, in Poisson arrivals, placed as for a load.

    Returns nanoseconds since requests were due (`p50_ns`, `p99_ns`), since they were sent
    (`service_p50_ns`, `service_p99_ns`) and from due to sent (`behind_p50_ns`, `behind_p99_ns`),
    all without the first half second; the player's processor time for each request
    (`cpu_ns_per_request`) and its share of a core (`cpu_share`); and `rate_per_second`.

    Raises:
        GeneratorFailed: see bench.load.generator.
        InvalidSchedule: the rate or the time is no load.
    """
    where = placement()
    whole_s = seconds + _WARM_UP_NS / 1e9
    due_ns = schedule([Step(rate_per_second, whole_s)], "poisson", np.random.default_rng(seed))
    if not len(due_ns) or due_ns[-1] < _WARM_UP_NS:
        raise InvalidSchedule(
            f"{rate_per_second:g} requests a second leave none to measure; ask more."
        )
    tape = Schedule(tuple(ScheduledRequest(due, "nothing", _REQUEST) for due in due_ns.tolist()))
    with nothing(where.server_cores or ()) as url:
        played = play(tape, url, work, core=where.player_core)
    counted = played.answers.where(played.answers.good & (played.answers.due_ns >= _WARM_UP_NS))
    if not len(counted):
        raise GeneratorFailed("The endpoint that does nothing gave no answer; start the load anew.")
    found: dict[str, float] = {"rate_per_second": rate_per_second}
    for prefix, times_ns in (
        ("", counted.since_due_ns),
        ("service_", counted.service_ns),
        ("behind_", counted.behind_ns),
    ):
        for share in (50, 99):
            value = np.quantile(times_ns, share / 100, method="inverted_cdf")
            found[f"{prefix}p{share}_ns"] = int(value)
    found["cpu_ns_per_request"] = round(played.cpu_s * 1e9 / len(played.answers))
    found["cpu_share"] = round(played.cpu_share, 4)
    return found


def to_text(found: dict[str, float]) -> str:
    """The figures as lines."""

    def us(name: str) -> str:
        return f"{found[name] / 1e3:,.0f} µs"

    return "\n".join(
        [
            f"at {found['rate_per_second']:g} requests a second, asking for nothing:",
            f"since due   p50 {us('p50_ns')}, p99 {us('p99_ns')}",
            f"since sent  p50 {us('service_p50_ns')}, p99 {us('service_p99_ns')}",
            f"sent late   p50 {us('behind_p50_ns')}, p99 {us('behind_p99_ns')}",
            f"processor   {us('cpu_ns_per_request')} a request, {found['cpu_share']:.1%} of a core",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load.generator_overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help=f"({_SECONDS:g})")
    parser.add_argument("--json", action="store_true", help="print JSON, times in nanoseconds")
    given = parser.parse_args(arguments)
    try:
        with temporary() as work:
            found = own_cost(given.rate, work, seconds=given.seconds)
    except (InvalidSchedule, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found) if given.json else to_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
