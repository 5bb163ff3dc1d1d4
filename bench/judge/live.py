"""What visitors saw of a migration that ran while the shop was open, and the answer in a sentence.

Time is since each request was due, so that waiting counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.judge import resample, stats
from bench.judge.format import duration
from bench.judge.live_stalls import Flags, Span, Times, longest_ns, standstills, stretches
from bench.results.live import (
    Impact,
    OperationPhases,
    Outage,
    Phases,
    Second,
    Strategy,
)
from bench.results.load import LatencyQuantiles

SECOND_NS = 1_000_000_000
QUANTILES: tuple[tuple[str, float, int], ...] = (
    ("p50", 0.5, 20), ("p95", 0.95, 20), ("p99", 0.99, 100), ("p999", 0.999, 1000),
)  # fmt: skip
"""Name, share and the fewest samples with which one lies beyond the quantile."""
CLASSES = ("all", "reads", "writes")
LEAST_DUE = {"reads": 5, "writes": 1}
"""How many requests must have become due in a standstill. Every write is quick by itself; a read
may be a scan of seconds, and only several that wait together tell of a shop that stands still."""


@dataclass(frozen=True)
class Seen:
    """Every request that was due, as columns; times in nanoseconds from the start of the tape.

    `name` is the operation. `write` tells what has to be committed before it is answered.
    `error` is "" where the answer was as it should be. `refused` marks those of them that were
    refused in order, which acknowledges no write. `answered` is false where no answer came at
    all; `ended_ns` is then when it was given up.
    """

    name: npt.NDArray[np.object_]
    write: Flags
    due_ns: Times
    ended_ns: Times
    error: npt.NDArray[np.object_]
    refused: Flags
    answered: Flags

    @property
    def good(self) -> Flags:
        """Which were answered as they should be."""
        return np.asarray(self.error == "", dtype=np.bool_)

    def where(self, chosen: Flags) -> Seen:
        """Those rows."""
        return Seen(
            self.name[chosen], self.write[chosen], self.due_ns[chosen], self.ended_ns[chosen],
            self.error[chosen], self.refused[chosen], self.answered[chosen],
        )  # fmt: skip

    def of_class(self, name: str) -> Seen:
        """All, the reads or the writes."""
        return self if name == "all" else self.where(self.write == (name == "writes"))


def impact(seen: Seen, migration: Span, rng: np.random.Generator) -> Impact:
    """Return what visitors got of the shop before, while and after a migration ran.

    A request belongs to the migration if it became due while that ran. `stopped_ns` of writes
    and reads is the sum of the outages that the migration touched.
    """
    stops = {}
    for name in ("reads", "writes"):
        part = seen.of_class(name)
        spans = stretches(part.due_ns, part.ended_ns, part.good & ~part.refused)
        stops[name] = standstills(spans, migration, least_due=LEAST_DUE[name])
    during = seen.where(_due_within(seen, migration))
    return Impact(
        timeline={name: timeline(seen.of_class(name)) for name in CLASSES},
        classes=tuple(_phases(seen.of_class(name), name, migration, rng) for name in CLASSES),
        operations=tuple(
            OperationPhases(
                kind="write" if bool(part.write[0]) else "read",
                **dict(_phases(part, name, migration, rng)),
            )
            for name, part in _by_name(seen)
        ),
        longest_write_stall_ns=longest_ns(stops["writes"]),
        longest_read_stall_ns=longest_ns(stops["reads"]),
        write_stalls=_outages(stops["writes"]),
        read_stalls=_outages(stops["reads"]),
        writes_stopped_ns=sum(span.length_ns for span in stops["writes"]),
        reads_stopped_ns=sum(span.length_ns for span in stops["reads"]),
        longest_write_wait_ns=_longest_wait(seen.of_class("writes"), migration),
        longest_read_wait_ns=_longest_wait(seen.of_class("reads"), migration),
        writes_during=int(during.write.sum()),
        writes_failed_during=int((during.write & ~during.good).sum()),
        reads_during=int((~during.write).sum()),
        reads_failed_during=int((~during.write & ~during.good).sum()),
        errors=_errors(seen),
        unserved=int((~seen.answered).sum()),
    )


def timeline(seen: Seen) -> tuple[Second, ...]:
    """Second by second: good answers that came in it, and what became of those due in it.

    Latencies are of the requests that became due in that second, so that a standstill shows as
    a saw's tooth: whoever came at its start waited longest. They are null where none was
    answered; errors are counted in the second in which the request was due.
    """
    if not len(seen.due_ns):
        return ()
    until = int(max(seen.due_ns.max(), seen.ended_ns.max()) // SECOND_NS) + 1
    good = seen.good
    came = np.bincount(seen.ended_ns[good] // SECOND_NS, minlength=until)
    wrong = np.bincount(seen.due_ns[~good] // SECOND_NS, minlength=until)
    due, waited = seen.due_ns[good] // SECOND_NS, (seen.ended_ns - seen.due_ns)[good]
    return tuple(
        _second(second, int(came[second]), waited[due == second], int(wrong[second]))
        for second in range(until)
    )


def _second(second: int, answers: int, waited_ns: Times, errors: int) -> Second:
    some = len(waited_ns) > 0
    p50, p99 = np.quantile(waited_ns, [0.5, 0.99], method="linear") if some else (0, 0)
    return Second(
        second=second,
        requests_per_second=answers,
        p50_ns=round(p50) if some else None,
        p99_ns=round(p99) if some else None,
        max_ns=int(waited_ns.max()) if some else None,
        errors=errors,
    )


def _phases(seen: Seen, name: str, migration: Span, rng: np.random.Generator) -> Phases:
    during = seen.where(_due_within(seen, migration))
    return Phases(
        name=name,
        before=quantiles(seen.where(seen.due_ns < migration.begun_ns), rng),
        during=quantiles(during, rng),
        after=quantiles(seen.where(seen.due_ns >= migration.ended_ns), rng),
        errors_during=_errors(during),
    )


def quantiles(seen: Seen, rng: np.random.Generator) -> LatencyQuantiles:
    """Quantiles of the time since due of good answers, with intervals; None where too few came.

    Intervals are a cluster bootstrap over seconds (`bench.judge.resample`): requests of one
    second share its mood.
    """
    good = seen.where(seen.good)
    waited, second = good.ended_ns - good.due_ns, good.due_ns // SECOND_NS
    clusters = tuple(tuple(waited[second == one].tolist()) for one in np.unique(second))
    found: dict[str, Any] = {}
    for name, share, least in QUANTILES:
        enough = len(waited) >= least
        found[f"{name}_ns"] = round(stats.quantile(waited.tolist(), share)) if enough else None
        found[f"{name}_ci95_ns"] = _ends(clusters, share, rng) if enough else None
    return LatencyQuantiles(
        **found, max_ns=int(waited.max()) if len(waited) else None, samples=len(waited)
    )


def _ends(
    clusters: tuple[tuple[int, ...], ...], share: float, rng: np.random.Generator
) -> tuple[int, int] | None:
    try:
        interval = resample.quantile_interval(clusters, share, rng)
    except stats.TooFewRounds:
        return None
    return round(interval.low), round(interval.high)


def _due_within(seen: Seen, migration: Span) -> Flags:
    return (seen.due_ns >= migration.begun_ns) & (seen.due_ns < migration.ended_ns)


def _by_name(seen: Seen) -> list[tuple[str, Seen]]:
    return [(name, seen.where(seen.name == name)) for name in sorted(set(seen.name.tolist()))]


def _errors(seen: Seen) -> dict[str, int]:
    return dict(sorted(Counter(seen.error[~seen.good].tolist()).items()))


def _longest_wait(seen: Seen, migration: Span) -> int:
    """The longest time since due of a request that waited while the migration ran."""
    waited = (seen.due_ns < migration.ended_ns) & (seen.ended_ns > migration.begun_ns)
    return int((seen.ended_ns - seen.due_ns)[waited].max(initial=0))


def _outages(spans: Sequence[Span]) -> tuple[Outage, ...]:
    return tuple(
        Outage(begun_s=round(span.begun_ns / 1e9, 6), ended_s=round(span.ended_ns / 1e9, 6))
        for span in spans
    )


def faults(
    *, slots: int, late: int, missed: int, cpu_share: float, most_late: float, most_cpu: float
) -> list[str]:
    """Why a load was not the one that was planned, in sentences; empty if it was."""
    found = []
    if slots and (late + missed) / slots > most_late:
        found.append(
            f"{late} of {slots} requests were sent late and {missed} never, more than "
            f"{most_late:.0%}: something else was offered; close what else runs and try again."
        )
    if cpu_share > most_cpu:
        found.append(
            f"The generator used {cpu_share:.0%} of its core, more than {most_cpu:.0%}: it "
            "measured itself; lower --rate."
        )
    return found


def answer(strategies: Sequence[Strategy]) -> str:
    """Say how long the shop stops, a sentence for each strategy; the kindest known is second."""
    return " ".join(
        _sentence(strategy)
        if not place
        else f"In the kindest known way: {_lower(_sentence(strategy))}"
        for place, strategy in enumerate(strategies)
    )


def _sentence(strategy: Strategy) -> str:
    took = duration(strategy.duration_ns)
    if strategy.writes_stopped_ns:
        writes = (
            f"Nobody could buy, sell or be tracked for {duration(strategy.writes_stopped_ns)} "
            f"(the migration ran {took})"
        )
        if len(strategy.write_stalls) > 1:
            writes += f", at most {duration(strategy.longest_write_stall_ns)} on end"
    else:
        writes = f"Writes went on while the migration ran, {took}"
    failed = strategy.writes_failed_during
    many = f"{failed} of {strategy.writes_during} writes {'was' if failed == 1 else 'were'}"
    lost = f"{many if failed else 'no write was'} {_how(strategy)}"
    return f"{writes}; {lost}; {_reads(strategy)}."


def _how(strategy: Strategy) -> str:
    """In which manner writes failed: refused, where every one of them got an answer."""
    errors = strategy.phases("writes").errors_during
    return "refused" if all(error.startswith("status ") for error in errors) else "lost"


def _reads(strategy: Strategy) -> str:
    reads = strategy.phases("reads")
    stopped = strategy.reads_stopped_ns
    begun = f"reads stood still for {duration(stopped)}" if stopped else "reads went on"
    for name, during, before in (
        ("p99", reads.during.p99_ns, reads.before.p99_ns),
        ("p95", reads.during.p95_ns, reads.before.p95_ns),
    ):
        if during is not None and before is not None:
            return f"{begun} ({name} {duration(during)} instead of {duration(before)})"
    return begun


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
