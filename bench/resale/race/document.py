"""What `race` prints with --json: the outcome of each probe, and what was left of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from bench.results.model import Document, Model

Verdict = Literal["all rules hold", "a rule broke", "not everything could be probed"]


class BrokenRule(Model):
    """A rule that broke during a probe: in how many rounds, and what was seen first."""

    rule: str
    rounds: int
    example: str


class Probe(Model):
    """One probe; `not_probed` rounds tell nothing, and `reason` is the first why.

    `ledger` is False where the shop keeps none, so that its sums were not compared.
    """

    probe: str
    rounds: int
    clients: int
    not_probed: int
    reason: str | None
    ledger: bool
    broken: tuple[BrokenRule, ...]
    duration_s: float


class Race(Document):
    """The whole document; `left` is what the clean-up could not remove."""

    url: str
    verdict: Verdict
    probes: tuple[Probe, ...]
    left: tuple[str, ...]

    @classmethod
    def of(cls, url: str, probes: Sequence[Probe], left: Sequence[str] = ()) -> Self:
        """Judge the probes: a rule that broke is certain, whatever could not be probed."""
        verdict: Verdict = "all rules hold"
        if any(probe.broken for probe in probes):
            verdict = "a rule broke"
        elif any(probe.not_probed for probe in probes):
            verdict = "not everything could be probed"
        return cls(url=url, verdict=verdict, probes=tuple(probes), left=tuple(left))
