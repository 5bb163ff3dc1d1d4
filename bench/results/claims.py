"""claims.json: each promise with its verdict, and the run in one sentence and four figures."""

from __future__ import annotations

from typing import Literal

from bench.results.comparison import Verdict
from bench.results.model import Document, Interval, Model

ClaimVerdict = Literal["exceeded", "confirmed", "short", "refuted", "inconclusive"]
KEPT: frozenset[str] = frozenset({"confirmed", "exceeded"})


class ClaimPart(Model):
    """One operation behind a claim; `difference` is the comparison's own verdict.

    A speedup, or of a claim on growth the exponent that was `measured`.
    """

    name: str
    speedup: float | None = None
    ci95: Interval | None = None
    verdict: ClaimVerdict
    difference: Verdict | None = None
    problem: str | None = None
    measured: float | None = None


class ClaimText(Model):
    """A claim as the study has it."""

    id: str
    quote: str
    kind: Literal["speedup", "fact", "limit", "growth"]
    arm: str
    expected: tuple[int | float, int | float] | None
    fact: str | None
    limit_ns: int | None
    promise: Literal["within", "beyond"] | None
    note: str
    required: bool


class JudgedClaim(ClaimText):
    """A claim and what was measured, in `unit`."""

    verdict: ClaimVerdict
    reason: str
    unit: str
    measured: int | float | None
    ci95: tuple[int | float, int | float] | None
    operations: tuple[ClaimPart, ...]
    evidence: tuple[str, ...]


class Worst(Model):
    """The operation that lost most; a speedup of 0.5 is twice as slow."""

    operation: str
    speedup: float
    ci95: Interval


class Headline(Model):
    """The run in one sentence and four figures.

    `slower` names what got slower, worst first; `answers_differ` what answers otherwise, or leaves
    other rows, after the migration, and `fails` what no longer runs. `write_tax` is the geometric
    mean of the writes' arm time / base time.
    """

    sentence: str
    promises_kept: int
    promises_total: int
    slower: tuple[str, ...]
    worst: Worst | None
    stall_seconds: float | None
    bytes_added: int | None
    write_tax: float | None
    answers_differ: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()

    @property
    def harmed(self) -> bool:
        """Whether anything got slower, answers otherwise or fails."""
        return bool(self.slower or self.answers_differ or self.fails)


class Claims(Document):
    """The whole document."""

    study: str
    claims: tuple[JudgedClaim, ...]
    headline: Headline | None = None
