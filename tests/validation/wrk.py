"""wrk (https://github.com/wg/wrk), another load generator: runs it, and reckons as it does.

What it is compared with does not belong here.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.spawn import run

Times = npt.NDArray[np.int64]

SHARES = (50, 90, 99)
"""The percentiles that are looked at."""

# wrk's text is rounded to three digits; to a script it tells whole microseconds.
_TELL = """done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"p50": %d, "p90": %d, "p99": %d, "requests": %d, "errors": %d}\\n',
    latency:percentile(50), latency:percentile(90), latency:percentile(99), summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class WrkFailed(Exception):
    """wrk is missing or could not measure; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Latencies of one turn, or the medians of several, in nanoseconds."""

    p50_ns: int
    p90_ns: int
    p99_ns: int
    per_second: float

    def at(self, share: int) -> int:
        """The percentile that this number names."""
        return {50: self.p50_ns, 90: self.p90_ns, 99: self.p99_ns}[share]


def as_wrk_corrects(latencies_us: Times, interval_us: int) -> Times:
    """The latencies and what wrk's stats_correct adds to them, in no order.

    For each of at least twice the interval, those that follow it at intervals and are still
    longer than one.
    """
    found = [latencies_us]
    following = latencies_us[latencies_us >= 2 * interval_us] - interval_us
    while interval_us > 0 and len(following := following[following > interval_us]):
        found.append(following)
        following = following - interval_us
    return np.concatenate(found)


def quantiles(latencies_us: Times, per_second: float) -> Quantiles:
    """The three percentiles, each a value that was measured."""
    values = np.quantile(latencies_us, [share / 100 for share in SHARES], method="inverted_cdf")
    p50_ns, p90_ns, p99_ns = (int(value) * 1000 for value in values)
    return Quantiles(p50_ns, p90_ns, p99_ns, per_second)


def wrk(
    url: str, path: str, *, connections: int, seconds: int, cores: Collection[int], work: Path
) -> Quantiles:
    """Let wrk ask for so long, in one thread on these cores; `work` is a folder for its script.

    Raises:
        WrkFailed: it is missing, it ended, or requests failed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise WrkFailed(
            "wrk is missing; install it from the system's packages (apt-get install wrk)."
        )
    script = work / "tell.lua"
    script.write_text(_TELL)
    done = run(
        [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script),
         url + path],
        timeout_s=seconds + 60,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise WrkFailed(f"wrk ended with {done.returncode} ({said[-1]}); look at the server.")
    told = json.loads(lines[-1])
    if told["errors"] or not told["requests"]:
        raise WrkFailed(
            f"{told['errors']} of wrk's {told['requests']} requests of {path} failed; check --path."
        )
    return Quantiles(
        told["p50"] * 1000, told["p90"] * 1000, told["p99"] * 1000,
        round(told["requests"] / seconds, 1),
    )  # fmt: skip
