"""A promise that every read stays within a time, or that some read does not.

Judging room: no file, no clock, no database may enter, and no randomness.

The time that counts is the p95 of all executions of an operation. Where there were
too few of them for a p95, the largest that was seen stands for it and is the upper end
of its interval; the lower end is that of the median, which the p95 cannot be below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.judge.figures import duration
from bench.judge.records import ClaimVerdict, result
from bench.study import Claim, Study

# A dataset up to this factor above a limit's size counts as that size.
_SAME_SIZE = 1.1


@dataclass(frozen=True, slots=True)
class Tail:
    """An operation's slow end in nanoseconds; `estimated` False: the largest seen, not a p95."""

    name: str
    time_ns: int
    low_ns: int
    high_ns: int
    estimated: bool
    samples: int

    def words(self) -> str:
        """The tail in words, without a full stop."""
        if self.estimated:
            return f"{self.name}, has its p95 at {duration(self.time_ns)}"
        return (
            f"{self.name}, took at most {duration(self.time_ns)} in {self.samples} executions, "
            "too few for a p95"
        )


def limit(study: Study, claim: Claim, comparison: Mapping[str, Any]) -> dict[str, Any]:
    """The finding on a claim of kind "limit"."""
    products = int(comparison["dataset"]["products"])
    events = int(comparison["dataset"]["events"])
    if products < claim.at_products or events < claim.at_events:
        return result(
            "inconclusive",
            f"Judged only from {claim.at_products:,} products and {claim.at_events:,} events on; "
            f"this run had {products:,} and {events:,}.",
            "ns",
        )
    tails, unusable = _tails(claim, comparison)
    if not tails:
        return result("inconclusive", f"No read operation was timed on {claim.arm}.", "ns")
    larger = products > claim.at_products * _SAME_SIZE or events > claim.at_events * _SAME_SIZE
    verdict, reason = _verdict(claim, tails, unusable, larger)
    slowest = max(tails, key=lambda tail: tail.time_ns)
    return result(
        verdict,
        f"{reason} (at {products:,} products and {events:,} events).",
        "ns",
        measured=slowest.time_ns,
        ci95=(slowest.low_ns, slowest.high_ns),
        evidence=[tail.name for tail in _beyond(claim, tails)] or [slowest.name],
    )


def _tails(claim: Claim, comparison: Mapping[str, Any]) -> tuple[list[Tail], int]:
    """The tail of every read on the claim's arm, and how many reads have none.

    Only those of the claim's operations, where it names some. A read that needs tables which
    the arm lacks is no read of that arm.
    """
    tails: list[Tail] = []
    unusable = 0
    for entry in comparison["operations"]:
        if entry["kind"] != "read" or (entry["arms"] and claim.arm not in entry["arms"]):
            continue
        if claim.operations and entry["name"] not in claim.operations:
            continue
        arm = entry["arms"].get(claim.arm)
        tail = _tail(entry["name"], arm) if arm is not None and entry["answers_equal"] else None
        if tail is None:
            unusable += 1
        else:
            tails.append(tail)
    return tails, unusable


def _tail(name: str, arm: Mapping[str, Any]) -> Tail | None:
    if arm["p95_ci95_ns"] is not None:
        low, high = arm["p95_ci95_ns"]
        return Tail(name, arm["p95_ns"], low, high, True, arm["samples"])
    if arm["ci95_ns"] is not None and arm["max_ns"] is not None:
        low, most = arm["ci95_ns"][0], arm["max_ns"]
        return Tail(name, most, low, most, False, arm["samples"])
    return None


def _verdict(
    claim: Claim, tails: list[Tail], unusable: int, larger: bool
) -> tuple[ClaimVerdict, str]:
    """The verdict on a limit, and the reason without its full stop.

    More data can only slow an operation, so a dataset larger than the claim's
    proves what stays within the limit, but not what is beyond it.
    """
    assert claim.limit_ns is not None  # the study's own check
    bound = duration(claim.limit_ns)
    beyond = _beyond(claim, tails)
    unsure = [tail for tail in tails if tail.low_ns <= claim.limit_ns < tail.high_ns]
    figure = f"the slowest, {max(tails, key=lambda tail: tail.time_ns).words()}"
    if beyond:
        reason = f"Beyond {bound}: {len(beyond)} of {_reads(len(tails))}; {figure}"
        if larger:
            return "inconclusive", reason + ", but the data is larger than the claim's"
        return ("confirmed" if claim.promise == "beyond" else "refuted"), reason
    if unsure:
        return "inconclusive", f"The interval of {unsure[0].name} straddles {bound}; {figure}"
    if unusable:
        return "inconclusive", f"{_reads(unusable)} could not be judged; {figure}"
    stay = "1 read operation stays" if len(tails) == 1 else f"All {_reads(len(tails))} stay"
    reason = f"{stay} within {bound}; {figure}"
    return ("refuted" if claim.promise == "beyond" else "confirmed"), reason


def _reads(count: int) -> str:
    return "1 read operation" if count == 1 else f"{count} read operations"


def _beyond(claim: Claim, tails: list[Tail]) -> list[Tail]:
    """Tails that are certainly beyond the limit, the slowest first."""
    assert claim.limit_ns is not None  # the study's own check
    beyond = [tail for tail in tails if tail.low_ns > claim.limit_ns]
    return sorted(beyond, key=lambda tail: -tail.time_ns)
