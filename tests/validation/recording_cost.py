"""What recording costs Locust: its requests per second with --shop-log, and without.

    python -m tests.validation.recording_cost

The shop's scenario in one Locust process, closed users without pauses, against a server that does
nothing, so that Locust itself is what limits. Runs alternate (with, without, without, with); a
ratio is taken within each pair, and the median of pairs is given with its 95 % interval. So is the
processor time that Locust spends on a request, which a busy machine disturbs less. Where there are
two cores or more, Locust has the last one and the server the first. Prints figures;
judges nothing. Exit codes: 0 measured, 2 wrong use.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import progress
from bench.judge.stats import StatisticsError, median, speedup_of
from bench.load.null_server import null_server
from bench.measure.scratch import temporary
from bench.spawn import run

# A locustfile: the shop's own, and a witness of the processor time from start to stop.
_WITNESS = """
import json, time
from locust import events
from bench.shop import *

begun_s = []
events.test_start.add_listener(lambda **_: begun_s.append(time.process_time()))

@events.test_stopping.add_listener
def told(environment, **_):
    count = environment.stats.total.num_requests
    with open("cpu.json", "w") as file:
        json.dump({"cpu_s": time.process_time() - begun_s[0], "requests": count}, file)
"""
# Locust's own: 0 good, 3 as --shop-log says of a generator that is kept busy, as it is here.
_EXPECTED = (0, 3)


class CostFailed(Exception):
    """Locust did not run; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One run: requests per second, and Locust's processor time for each."""

    per_second: float
    cpu_ns: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Each pair's runs; `ratio` is requests per second with / without recording.

    `cpu_ratio` is processor time of a request without / with: both are 1 where recording costs
    nothing, and below where it costs.
    """

    plain: tuple[Speed, ...]
    recorded: tuple[Speed, ...]
    ratio: float
    ci95: tuple[float, float]
    cpu_ratio: float
    cpu_ci95: tuple[float, float]


def per_second(told: Sequence[dict[str, Any]]) -> float:
    """Requests per second of Locust's own statistics, from its start to the last answer."""
    count = sum(entry["num_requests"] for entry in told)
    begun_s = min(entry["start_time"] for entry in told)
    ended_s = max(entry["last_request_timestamp"] for entry in told)
    return float(count / (ended_s - begun_s))


def once(
    url: str, folder: Path, *, users: int, seconds: int, record: bool, core: int | None
) -> Speed:
    """One run of Locust.

    Raises:
        CostFailed: Locust did not run.
    """
    words = [
        *(sys.executable, "-m", "locust", "-f", "witness.py", "--headless", "--only-summary"),
        *("--host", url, "--shop-scale", "0.01", "--shop-think", "0", "-u", str(users)),
        *("-r", str(users), "-t", f"{seconds}s", "--json-file", str(folder / "stats")),
        *(("--shop-log", str(folder / "log")) if record else ()),
    ]
    (folder / "witness.py").write_text(_WITNESS, "utf-8")
    pinned = ("taskset", "-c", str(core)) if core is not None else ()
    done = run([*pinned, *words], cwd=folder)
    if done.returncode not in _EXPECTED:
        raise CostFailed(f"Locust ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    stats = json.loads(next(folder.glob("stats*")).read_text("utf-8"))
    cpu = json.loads((folder / "cpu.json").read_text("utf-8"))
    return Speed(round(per_second(stats), 1), round(1e9 * cpu["cpu_s"] / cpu["requests"]))


def cost_of(plain: Sequence[Speed], recorded: Sequence[Speed]) -> Cost:
    """The median of the pairs' ratios, with its interval, of rates and of processor time.

    Raises:
        TooFewRounds: an interval needs more pairs.
    """
    pairs = list(zip(recorded, plain, strict=True))
    rate = speedup_of([math.log(one.per_second / other.per_second) for one, other in pairs])
    cpu = speedup_of([math.log(other.cpu_ns / one.cpu_ns) for one, other in pairs])
    return Cost(
        tuple(plain),
        tuple(recorded),
        ratio=round(rate.ratio, 4),
        ci95=(round(rate.low, 4), round(rate.high, 4)),
        cpu_ratio=round(cpu.ratio, 4),
        cpu_ci95=(round(cpu.low, 4), round(cpu.high, 4)),
    )


def measure(
    *,
    pairs: int,
    users: int,
    seconds: int,
    cores: Collection[int],
    report: Callable[[str, int, int], None],
) -> Cost:
    """Run Locust so many times with and without recording.

    Raises:
        CostFailed, TooFewRounds: there is nothing to compare.
    """
    ordered = sorted(cores)
    server, core = ([ordered[0]], ordered[-1]) if len(ordered) > 1 else ([], None)
    speeds: dict[bool, list[Speed]] = {True: [], False: []}
    # Locust's users go to nobody who does not call himself this shop.
    with null_server(server, '{"shop":"resale-bench"}') as url:
        for pair in range(pairs):
            report("pairs", pair, pairs)
            for record in (True, False) if pair % 2 else (False, True):
                with temporary() as folder:
                    speed = once(
                        url, folder, users=users, seconds=seconds, record=record, core=core
                    )
                speeds[record].append(speed)
        report("pairs", pairs, pairs)
    return cost_of(speeds[False], speeds[True])


def to_text(cost: Cost) -> str:
    """The figures, as lines."""
    lines = [
        f"{name:<16}{median([one.per_second for one in speeds]):>8,.0f} requests/s"
        f"{median([one.cpu_ns for one in speeds]) / 1e3:>8,.0f} µs of processor each"
        for name, speeds in (("plain Locust", cost.plain), ("with --shop-log", cost.recorded))
    ]
    return "\n".join(
        [
            *lines,
            f"requests/s  {cost.ratio:.1%} ({cost.ci95[0]:.1%} to {cost.ci95[1]:.1%}), "
            f"processor  {cost.cpu_ratio:.1%} ({cost.cpu_ci95[0]:.1%} to {cost.cpu_ci95[1]:.1%}) "
            f"of plain Locust, {len(cost.plain)} pairs",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.recording_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pairs", type=int, default=9, help="of runs (9)")
    parser.add_argument("--seconds", type=int, default=5, help="of each run (5)")
    parser.add_argument("--users", type=int, default=16, help="without pauses (16)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    if min(given.seconds, given.users) < 1:
        parser.error("--seconds and --users are at least 1")
    try:
        with progress.bars(hidden=given.json) as bar:
            found = measure(
                pairs=given.pairs,
                users=given.users,
                seconds=given.seconds,
                cores=os.sched_getaffinity(0),
                report=bar,
            )
    except (CostFailed, StatisticsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(found)) if given.json else to_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
