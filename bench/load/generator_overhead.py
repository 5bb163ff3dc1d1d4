"""The generator's own cost: what it takes to send requests to a server that does nothing.

    python -m bench.load.generator_overhead --rate 500 [--seconds 5]

No latency that is measured against a service can be shorter than this, and what the generator uses
of its processor here is its own share of a load.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from bench.judge.stats import quantiles
from bench.load.arrivals import InvalidSchedule, Step, arrival_times
from bench.load.generator import GeneratorFailed, run_open
from bench.load.null_server import null_server
from bench.load.schedule import Schedule, ScheduledRequest
from bench.load.servers import placement
from bench.measure.scratch import temporary
from bench.study.service import Request

_SECONDS = 3.0
_WARM_UP_NS = 500_000_000
_REQUEST = Request("GET", "/")


def generator_overhead(
    rate_per_second: float, work: Path, *, seconds: float = _SECONDS, seed: int = 1
) -> dict[str, float]:
    """Send requests to a null server at this rate, in Poisson arrivals, placed as for a load.

    Returns nanoseconds since requests were due (`p50_ns`, `p99_ns`), since they were sent
    (`service_p50_ns`, `service_p99_ns`) and from due to sent (`behind_p50_ns`, `behind_p99_ns`),
    all without the first half second; the generator's processor time for each request
    (`cpu_ns_per_request`) and its share of a core (`cpu_share`); and `rate_per_second`.

    Raises:
        GeneratorFailed: see bench.load.generator.
        InvalidSchedule: the rate or the time is no load.
    """
    where = placement()
    whole_s = seconds + _WARM_UP_NS / 1e9
    due_ns = arrival_times([Step(rate_per_second, whole_s)], "poisson", np.random.default_rng(seed))
    if not len(due_ns) or due_ns[-1] < _WARM_UP_NS:
        raise InvalidSchedule(
            f"{rate_per_second:g} requests a second leave none to measure; ask more."
        )
    schedule = Schedule(
        tuple(ScheduledRequest(offset_ns, "null", _REQUEST) for offset_ns in due_ns.tolist())
    )
    with null_server(where.server_cores or ()) as url:
        result = run_open(schedule, url, work, core=where.player_core)
    answers = result.answers
    counted = answers.where(answers.good & (answers.due_ns >= _WARM_UP_NS))
    if not len(counted):
        raise GeneratorFailed("The null server gave no answer; start the load anew.")
    measured: dict[str, float] = {"rate_per_second": rate_per_second}
    for prefix, times_ns in (
        ("", counted.since_due_ns),
        ("service_", counted.service_ns),
        ("behind_", counted.behind_ns),
    ):
        for share in (50, 99):
            [value] = quantiles(times_ns, [share / 100], measured=True)
            measured[f"{prefix}p{share}_ns"] = int(value)
    measured["cpu_ns_per_request"] = round(result.cpu_s * 1e9 / len(answers))
    measured["cpu_share"] = round(result.cpu_share, 4)
    return measured


def to_text(measured: dict[str, float]) -> str:
    """The figures as lines."""
    share = measured["cpu_share"]

    def us(name: str) -> str:
        return f"{measured[name] / 1e3:,.0f} µs"

    return "\n".join(
        [
            f"at {measured['rate_per_second']:g} requests a second to a server that does nothing:",
            f"since due   p50 {us('p50_ns')}, p99 {us('p99_ns')}",
            f"since sent  p50 {us('service_p50_ns')}, p99 {us('service_p99_ns')}",
            f"sent late   p50 {us('behind_p50_ns')}, p99 {us('behind_p99_ns')}",
            f"processor   {us('cpu_ns_per_request')} a request, {share:.1%} of a core",
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
            measured = generator_overhead(given.rate, work, seconds=given.seconds)
    except (InvalidSchedule, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(measured) if given.json else to_text(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
