"""What a histogram cannot hold of a load: errors by kind, lateness, and the generator's own state.

One line of JSON for each second, beside the shard's HdrHistogram log, the first line saying whose
it is and the last one that it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench.judge.generator_limits import MOST_CPU_SHARE, MOST_LATE_SHARE, fell_behind, was_busy
from bench.load.hdrlog import BadLog
from bench.load.records import LATE_NS

CUT_OFF = "cut off"
"""The error of a request that was sent and not answered when the load was ended."""
MOST_HELD_SHARE = 0.05
"""An event loop that was held up for more of the time spoils more than the slowest twentieth."""
BUSY_SECONDS = 5
"""A generator is judged by its busiest so many seconds: a mean would hide the highest step."""

_OVERLOADED = "Offer less load, or give it more --processes or hosts."
_DISTURBED = (
    "The generator itself was not busy: end what else uses this machine's processors, or run "
    "Locust on another host."
)

Errors = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose shard it is: `run` is equal for all shards that may be merged."""

    run: str
    host: str
    pid: int
    begun_ms: int

    @property
    def name(self) -> str:
        """What the process is called in messages."""
        return f"{self.host}-{self.pid}"


@dataclass(slots=True)
class IntervalStats:
    """An interval: `due` counts every request, however it ended; `cpu_s` is of all threads.

    For `held_ns` of it the event loop was held up, by intervals longer than LATE_NS: answers
    that came then seem slower than they were. `settled` is False while users were spawned.
    """

    begin_ms: int
    length_ms: int = 0
    due: int = 0
    late: int = 0
    missed: int = 0
    cpu_s: float = 0.0
    lag_max_ns: int = 0
    held_ns: int = 0
    settled: bool = True
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole shard. `cpu_share` is of one core, `busiest` that of its busiest seconds.

    `busiest` and `held_share`, the share of time in which the event loop was held up, are those
    of the settled part, or of all of it where it never settled.
    `ended` is False where the process was killed; `failed` says why it gave up, if it did.
    """

    owner: Owner
    seconds: float
    due: int
    late: int
    missed: int
    cpu_share: float
    busiest: float
    lag_max_ns: int
    errors: Errors
    ended: bool
    failed: str | None = None
    held_share: float = 0.0

    @property
    def good(self) -> int:
        """Requests that were answered as they should be."""
        return self.due - sum(sum(kinds.values()) for kinds in self.errors.values())


def add_up(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> Errors:
    """Errors of several, by name and kind, in order."""
    sums: dict[str, Counter[str]] = {}
    for part in parts:
        for name, kinds in part.items():
            sums.setdefault(name, Counter()).update(kinds)
    return {name: dict(sorted(sums[name].items())) for name in sorted(sums)}


def totals_of(
    owner: Owner, seconds: Sequence[IntervalStats], *, ended: bool, failed: str | None = None
) -> Totals:
    """Add the intervals of a shard up."""
    length_s = sum(interval.length_ms for interval in seconds) / 1000
    settled = [interval for interval in seconds if interval.settled] or seconds
    settled_ns = sum(interval.length_ms for interval in settled) * 1_000_000
    held_ns = sum(interval.held_ns for interval in settled)
    return Totals(
        owner=owner,
        seconds=length_s,
        due=sum(interval.due for interval in seconds),
        late=sum(interval.late for interval in seconds),
        missed=sum(interval.missed for interval in seconds),
        cpu_share=round(sum(interval.cpu_s for interval in seconds) / length_s, 4)
        if length_s
        else 0.0,
        busiest=round(_busiest(settled), 4),
        lag_max_ns=max((interval.lag_max_ns for interval in seconds), default=0),
        errors=add_up(interval.errors for interval in seconds),
        ended=ended,
        failed=failed,
        held_share=round(held_ns / settled_ns, 4) if settled_ns else 0.0,
    )


def _busiest(seconds: Sequence[IntervalStats]) -> float:
    """The highest share of a core over `BUSY_SECONDS` intervals in turn, or over all of fewer.

    0 for less than a second in all, in which starting and ending is most of the work.
    """
    if sum(interval.length_ms for interval in seconds) < 1000:
        return 0.0
    width = min(BUSY_SECONDS, len(seconds))
    shares = [0.0]
    for first in range(len(seconds) - width + 1):
        part = seconds[first : first + width]
        length_s = sum(interval.length_ms for interval in part) / 1000
        shares.append(sum(interval.cpu_s for interval in part) / length_s if length_s else 0.0)
    return max(shares)


def invalid_because(shards: Sequence[Totals]) -> list[str]:
    """Why a load says nothing of the server: one sentence each; none if it is valid."""
    reasons = []
    for shard in shards:
        reasons += _invalid_shard(shard)
    scheduled, late = sum(totals.due for totals in shards), sum(totals.late for totals in shards)
    missed = sum(totals.missed for totals in shards)
    if fell_behind(scheduled, late, missed):
        reasons.append(
            f"{late:,} of {scheduled:,} requests were sent more than {LATE_NS / 1e6:.0f} ms after "
            f"they were due, and {missed:,} never; at most {MOST_LATE_SHARE:.0%} may be. "
            + _advice(shards)
        )
    if not scheduled:
        reasons.append("No request was made; look at the log of Locust, and give it more time.")
    return reasons


def _invalid_shard(shard: Totals) -> list[str]:
    reasons = [] if shard.failed is None else [shard.failed]
    if was_busy(shard.busiest):
        reasons.append(
            f"The generator {shard.owner.name} used {shard.busiest:.0%} of a core in its "
            f"busiest {BUSY_SECONDS} s, more than {MOST_CPU_SHARE:.0%}: it measured itself. "
            + _OVERLOADED
        )
    elif shard.held_share > MOST_HELD_SHARE:
        reasons.append(
            f"The generator {shard.owner.name} was held up for {shard.held_share:.0%} of the time, "
            f"more than {MOST_HELD_SHARE:.0%}: answers that came then seem slower than they were. "
            + _advice([shard])
        )
    if not shard.ended and shard.failed is None:
        reasons.append(
            f"The log of {shard.owner.name} has no end: the process was killed, or has not "
            "ended yet. Run it again, or merge the logs once all processes have ended."
        )
    return reasons


def _advice(shards: Sequence[Totals]) -> str:
    """What helps: less load where the generator was busy itself, a free core where others were."""
    busy = any(totals.busiest > MOST_CPU_SHARE / 2 for totals in shards)
    return _OVERLOADED if busy else _DISTURBED


def begin_line(owner: Owner) -> bytes:
    """The first line."""
    return orjson.dumps({"begin": asdict(owner)}) + b"\n"


def second_line(second: IntervalStats) -> bytes:
    """An interval's line."""
    return orjson.dumps(asdict(second)) + b"\n"


def end_line(failed: str | None) -> bytes:
    """The last line."""
    return orjson.dumps({"end": {"failed": failed}}) + b"\n"


def read(path: Path) -> Totals:
    """The whole of a shard's file.

    Raises:
        BadLog: the file is no such log.
        OSError: it cannot be read.
    """
    owner, end, seconds = None, None, []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            entry = orjson.loads(line)
            if "begin" in entry:
                owner = Owner(**entry["begin"])
            elif "end" in entry:
                end = entry["end"]
            else:
                seconds.append(IntervalStats(**entry))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise BadLog(f"{path}: line {number} is none of a load's log ({error}).") from error
    if owner is None:
        raise BadLog(f"{path}: the first line does not say whose log it is.")
    failed = end["failed"] if end else None
    return totals_of(owner, seconds, ended=end is not None, failed=failed)


def to_json(totals: Totals) -> dict[str, Any]:
    """A shard's totals as documents and messages hold them."""
    return asdict(totals)


def of_json(entry: Mapping[str, Any]) -> Totals:
    """Totals that `to_json` wrote."""
    return Totals(**{**entry, "owner": Owner(**entry["owner"])})
