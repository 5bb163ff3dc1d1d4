"""What clients saw of a migration that ran while the service was up, and the answer in a sentence.

Response times count from when each request was due, so that waiting counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from bench.judge.format import duration
from bench.judge.generator_limits import (
    MOST_CPU_SHARE,
    MOST_LATE_SHARE,
    fell_behind,
    was_busy,
)
from bench.judge.latencies import LEAST, latency_quantiles, quantile_ns
from bench.results.live import Impact, OperationPhases, Outage, Phases, Second, Strategy
from bench.results.load import LatencyQuantiles

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OUTAGE_NS = 100_000_000
"""From this length on an interval is an outage. Writes are due every tenth of a second
(the probe), so shorter ones would be the spacing of the arrivals."""


SECOND_NS = 1_000_000_000
CLASSES = ("all", "reads", "writes")
LEAST_DUE = {"reads": 5, "writes": 1}
"""How many requests must have become due in an outage. Every write is quick by itself; a read
may be a scan of seconds, and only several that wait together tell of a service that is down."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another, in nanoseconds from the start of the schedule.

    `scheduled` counts the requests that became due in it, where it is an outage.
    """

    begun_ns: int
    ended_ns: int
    scheduled: int = 0

    @property
    def length_ns(self) -> int:
        """How long it is."""
        return self.ended_ns - self.begun_ns

    def touches(self, other: Span) -> bool:
        """Whether both have a moment in common."""
        return self.begun_ns < other.ended_ns and other.begun_ns < self.ended_ns


@dataclass(frozen=True)
class Seen:
    """Every request that was due, as columns; times in nanoseconds from the schedule's start.

    `name` is the operation. `write` tells what has to be committed before it is answered.
    `error` is "" where the answer was as it should be. `refusals` marks those of them that were
    refused in order, which acknowledges no write. `answered` is false where no answer came at
    all; `ended_ns` is then when it was given up.
    """

    name: npt.NDArray[np.object_]
    write: Flags
    due_ns: Times
    ended_ns: Times
    error: npt.NDArray[np.object_]
    refusals: Flags
    answered: Flags

    @property
    def good(self) -> Flags:
        """Which were answered as they should be."""
        return np.asarray(self.error == "", dtype=np.bool_)

    def where(self, chosen: Flags) -> Seen:
        """Those rows."""
        columns = (getattr(self, field.name) for field in fields(self))
        return Seen(*(column[chosen] for column in columns))

    def due_within(self, span: Span) -> Seen:
        """Those that became due in a span."""
        return self.where((self.due_ns >= span.begun_ns) & (self.due_ns < span.ended_ns))

    @property
    def errors(self) -> dict[str, int]:
        """How many went wrong, by kind."""
        return dict(sorted(Counter(self.error[~self.good].tolist()).items()))

    def of_class(self, name: str) -> Seen:
        """All, the reads or the writes."""
        return self if name == "all" else self.where(self.write == (name == "writes"))


def impact(seen: Seen, migration: Span, rng: np.random.Generator) -> Impact:
    """Return what clients got of the service before, while and after a migration ran.

    A request belongs to the migration if it became due while that ran. `writes_stopped_ns` and
    `reads_stopped_ns` are the sums of the outages that the migration touched.
    """
    reads, writes = (_outages(seen, name, migration) for name in ("reads", "writes"))
    during = seen.due_within(migration)
    return Impact(
        timeline={name: timeline(seen.of_class(name)) for name in CLASSES},
        classes=tuple(_phases(seen.of_class(name), name, migration, rng) for name in CLASSES),
        operations=tuple(
            OperationPhases(
                kind="write" if bool(part.write[0]) else "read",
                **dict(_phases(part, name, migration, rng)),
            )
            for name in sorted(set(seen.name.tolist()))
            for part in [seen.where(seen.name == name)]
        ),
        longest_write_stall_ns=longest_ns(writes),
        longest_read_stall_ns=longest_ns(reads),
        write_stalls=tuple(map(_outage, writes)),
        read_stalls=tuple(map(_outage, reads)),
        writes_stopped_ns=sum(span.length_ns for span in writes),
        reads_stopped_ns=sum(span.length_ns for span in reads),
        longest_write_wait_ns=_longest_wait(seen.of_class("writes"), migration),
        longest_read_wait_ns=_longest_wait(seen.of_class("reads"), migration),
        writes_during=int(during.write.sum()),
        writes_failed_during=int((during.write & ~during.good).sum()),
        reads_during=int((~during.write).sum()),
        reads_failed_during=int((~during.write & ~during.good).sum()),
        errors=seen.errors,
        unserved=int((~seen.answered).sum()),
    )


def _outages(seen: Seen, name: str, migration: Span) -> tuple[Span, ...]:
    part = seen.of_class(name)
    spans = outages(part.due_ns, part.ended_ns, part.good & ~part.refusals)
    return standstills(spans, migration, least_due=LEAST_DUE[name])


def _outage(span: Span) -> Outage:
    return Outage(begun_s=round(span.begun_ns / 1e9, 6), ended_s=round(span.ended_ns / 1e9, 6))


def outages(due_ns: Times, ended_ns: Times, acknowledged: Flags) -> tuple[Span, ...]:
    """The intervals without an acknowledgement, in order.

    Each begins when a request becomes due after the last acknowledgement and ends with the
    next one, or, where none follows, when the last request was answered or given up. So a
    service of which nothing is asked does not stand still, and one that only refuses does. A
    outage is never told too long, and too short by at most the pause before that request
    became due.
    """
    if not len(due_ns):
        return ()
    sorted_due_ns = np.sort(due_ns)
    ends = np.unique(ended_ns[acknowledged])
    last = int(ended_ns.max())
    if not len(ends) or last > ends[-1]:
        ends = np.append(ends, last)
    begins = np.concatenate(([np.iinfo(np.int64).min], ends[:-1]))
    first = np.searchsorted(sorted_due_ns, begins, side="left").tolist()
    after = np.searchsorted(sorted_due_ns, ends, side="left").tolist()
    return tuple(
        Span(int(sorted_due_ns[start]), int(end), stop - start)
        for start, stop, end in zip(first, after, ends.tolist(), strict=True)
        if start < stop
    )


def standstills(spans: Sequence[Span], within: Span, *, least_due: int = 1) -> tuple[Span, ...]:
    """The outages that have a moment in common with `within` and are long enough to be told.

    In each of them at least `least_due` requests became due: where some requests are slow by
    themselves, one that is waited for while nothing else is asked is no outage.
    """
    return tuple(
        span
        for span in spans
        if span.length_ns >= OUTAGE_NS and span.scheduled >= least_due and span.touches(within)
    )


def longest_ns(spans: Sequence[Span]) -> int:
    """The length of the longest one; 0 of none."""
    return max((span.length_ns for span in spans), default=0)


def timeline(seen: Seen) -> tuple[Second, ...]:
    """Second by second: good answers that came in it, and what became of those due in it.

    Latencies are of the requests that became due in that second, so that an outage shows as
    a saw's tooth: whoever came at its start waited longest. They are null where none was
    answered; errors are counted in the second in which the request was due.
    """
    if not len(seen.due_ns):
        return ()
    until = int(max(seen.due_ns.max(), seen.ended_ns.max()) // SECOND_NS) + 1
    good = seen.good
    came = np.bincount(seen.ended_ns[good] // SECOND_NS, minlength=until)
    wrong = np.bincount(seen.due_ns[~good] // SECOND_NS, minlength=until)
    second_due, waited = seen.due_ns[good] // SECOND_NS, (seen.ended_ns - seen.due_ns)[good]
    return tuple(
        _second(second, int(came[second]), waited[second_due == second], int(wrong[second]))
        for second in range(until)
    )


def _second(second: int, answers: int, waited_ns: Times, errors: int) -> Second:
    return Second(
        second=second,
        requests_per_second=answers,
        p50_ns=quantile_ns(waited_ns, 0.5),
        p99_ns=quantile_ns(waited_ns, 0.99),
        max_ns=quantile_ns(waited_ns, 1),
        errors=errors,
    )


def _phases(seen: Seen, name: str, migration: Span, rng: np.random.Generator) -> Phases:
    during = seen.due_within(migration)
    return Phases(
        name=name,
        before=quantiles(seen.where(seen.due_ns < migration.begun_ns), rng),
        during=quantiles(during, rng),
        after=quantiles(seen.where(seen.due_ns >= migration.ended_ns), rng),
        errors_during=during.errors,
    )


def quantiles(seen: Seen, rng: np.random.Generator) -> LatencyQuantiles:
    """Quantiles of the response times of good answers, with intervals over seconds.

    Requests of one second share its state of the machine. None where too few came.
    """
    good = seen.where(seen.good)
    waited, second = good.ended_ns - good.due_ns, good.due_ns // SECOND_NS
    by_second = [waited[second == each].tolist() for each in np.unique(second)]
    return latency_quantiles(by_second, rng, {**LEAST, "p50": 20})


def _longest_wait(seen: Seen, migration: Span) -> int:
    """The longest time since due of a request that waited while the migration ran."""
    waited = (seen.due_ns < migration.ended_ns) & (seen.ended_ns > migration.begun_ns)
    return int((seen.ended_ns - seen.due_ns)[waited].max(initial=0))


def faults(*, scheduled: int, late: int, missed: int, cpu_share: float) -> list[str]:
    """Why a load was not the one that was planned, in sentences; empty if it was."""
    sentences = []
    if fell_behind(scheduled, late, missed):
        sentences.append(
            f"{late} of {scheduled} requests were sent late and {missed} never, more than "
            f"{MOST_LATE_SHARE:.0%}: something else was offered; close what else runs and try "
            "again."
        )
    if was_busy(cpu_share):
        sentences.append(
            f"The generator used {cpu_share:.0%} of its core, more than {MOST_CPU_SHARE:.0%}: it "
            "measured itself; lower --rate."
        )
    return sentences


def answer(strategies: Sequence[Strategy]) -> str:
    """Say how long the service stops, for each strategy; the low-impact one is second."""
    sentences = [_sentence(strategy) for strategy in strategies]
    others = [f"In the low-impact way: {text[:1].lower()}{text[1:]}" for text in sentences[1:]]
    return " ".join([*sentences[:1], *others])


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
    # They were refused where every one of them got an answer.
    errors = strategy.phases("writes").errors_during
    how = "refused" if all(error.startswith("status ") for error in errors) else "lost"
    return f"{writes}; {many if failed else 'no write was'} {how}; {_reads(strategy)}."


def _reads(strategy: Strategy) -> str:
    reads = strategy.phases("reads")
    stopped = strategy.reads_stopped_ns
    begun = f"reads stood still for {duration(stopped)}" if stopped else "reads went on"
    for name in ("p99", "p95"):
        during, before = reads.during.value(name), reads.before.value(name)
        if during is not None and before is not None:
            return f"{begun} ({name} {duration(during)} instead of {duration(before)})"
    return begun
