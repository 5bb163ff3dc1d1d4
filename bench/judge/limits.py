"""A promise that operations stay within a time, or that some does not: a limit.

The time that counts is the p95 of all executions of an operation. Where there were
too few of them for a p95, the largest that was seen stands for it and is the upper end
of its interval; the lower end is that of the median, which the p95 cannot be below.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.judge.format import digits_apart, duration, joined
from bench.judge.sizes import rows_text, size_text
from bench.results.claims import ClaimPart, ClaimVerdict
from bench.results.comparison import Comparison, OperationComparison
from bench.study import Claim, Study

# A dataset up to this factor above a limit's size counts as that size.
_SAME_SIZE = 1.1


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found of one claim, in `unit`; see `JudgedClaim`."""

    verdict: ClaimVerdict
    reason: str
    unit: str
    measured: float | None = None
    ci95: tuple[float, float] | None = None
    operations: tuple[ClaimPart, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tail:
    """An operation's slow end in nanoseconds; `estimated` False: the largest seen, not a p95."""

    name: str
    time_ns: int
    low_ns: int
    high_ns: int
    estimated: bool
    samples: int

    def words(self, digits: int) -> str:
        """The tail in words, its time with so many digits, without a full stop."""
        if self.estimated:
            return f"{self.name}, has its p95 at {duration(self.time_ns, digits)}"
        return (
            f"{self.name}, took at most {duration(self.time_ns, digits)} in {self.samples} "
            "executions, too few for a p95"
        )


def limit(study: Study, claim: Claim, comparison: Comparison) -> Finding:
    """The finding on a claim of kind "limit"."""
    rows = comparison.dataset.rows
    least = {**claim.at_rows, **claim.crash_at_rows}
    had = {table: rows.get(table, 0) for table in least}
    if any(had[table] < count for table, count in least.items()):
        return Finding(
            "inconclusive",
            f"Judged only from {rows_text(study.size, least)} on; this run had "
            f"{joined([f'{count:,}' for count in had.values()])}.",
            "ns",
        )
    tails, unusable = _tails(claim, comparison)
    if not tails:
        which = "None of these operations" if claim.operations else "No read operation"
        return Finding("inconclusive", f"{which} was timed on {claim.arm}.", "ns")
    slowest = max(tails, key=lambda tail: tail.time_ns)
    beyond = [tail for tail in tails if tail.low_ns > _limit_ns(claim)]
    beyond.sort(key=lambda tail: -tail.time_ns)
    larger = any(had[table] > count * _SAME_SIZE for table, count in least.items())
    verdict, reason = _verdict(claim, tails, beyond, unusable, larger)
    return Finding(
        verdict,
        f"{reason} (at {size_text(study.size, rows)})." if rows else f"{reason}.",
        "ns",
        measured=slowest.time_ns,
        ci95=(slowest.low_ns, slowest.high_ns),
        evidence=tuple(tail.name for tail in beyond) or (slowest.name,),
    )


def _limit_ns(claim: Claim) -> int:
    assert claim.limit_ns is not None  # the study's own check
    return claim.limit_ns


def _tails(claim: Claim, comparison: Comparison) -> tuple[list[Tail], int]:
    """The tail of each operation that the claim is on, and how many of them have none.

    Those that the claim names, else every read that the arm has the tables for.
    """
    entries = {entry.name: entry for entry in comparison.operations}
    names = claim.operations or tuple(
        name
        for name, entry in entries.items()
        if entry.kind == "read" and (not entry.arms or claim.arm in entry.arms)
    )
    known = [_tail(claim.arm, entries.get(name)) for name in names]
    return [tail for tail in known if tail is not None], known.count(None)


def _tail(arm: str, entry: OperationComparison | None) -> Tail | None:
    if entry is None or arm not in entry.arms or not entry.answers_equal:
        return None
    measured = entry.arms[arm]
    if measured.p95_ns is not None and measured.p95_ci95_ns is not None:
        return Tail(entry.name, measured.p95_ns, *measured.p95_ci95_ns, True, measured.samples)
    if measured.ci95_ns is not None and measured.max_ns is not None:
        most = measured.max_ns
        return Tail(entry.name, most, measured.ci95_ns[0], most, False, measured.samples)
    return None


def _verdict(
    claim: Claim, tails: list[Tail], beyond: list[Tail], unusable: int, larger: bool
) -> tuple[ClaimVerdict, str]:
    """The verdict on a limit, and the reason without its full stop.

    `beyond` are certainly beyond it. More data can only slow an operation, so a dataset larger
    than the claim's proves what stays within the limit, but not what is beyond it.
    """
    limit_ns = _limit_ns(claim)
    slowest = max(tails, key=lambda tail: tail.time_ns)
    digits = digits_apart((slowest.time_ns,), (limit_ns,))
    bound = duration(limit_ns, digits)
    kind = "operation" if claim.operations else "read operation"
    unsure = [tail for tail in tails if tail.low_ns <= limit_ns < tail.high_ns]
    figure = f"the slowest, {slowest.words(digits)}"
    if beyond:
        reason = f"Beyond {bound}: {len(beyond)} of {_counted(len(tails), kind)}; {figure}"
        if larger:
            return "inconclusive", reason + ", but the data is larger than the claim's"
        return ("confirmed" if claim.promise == "beyond" else "refuted"), reason
    if unsure:
        return "inconclusive", f"The interval of {unsure[0].name} straddles {bound}; {figure}"
    if unusable:
        return "inconclusive", f"{_counted(unusable, kind)} could not be judged; {figure}"
    stay = f"1 {kind} stays" if len(tails) == 1 else f"All {_counted(len(tails), kind)} stay"
    reason = f"{stay} within {bound}; {figure}"
    return ("refuted" if claim.promise == "beyond" else "confirmed"), reason


def _counted(count: int, kind: str) -> str:
    return f"1 {kind}" if count == 1 else f"{count} {kind}s"
