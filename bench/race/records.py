"""What the probes hand on: replies, broken rules, and the outcome of each probe. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOLD, BROKEN, NOT_PROBED = 0, 1, 3


class Unprobed(Exception):
    """A round could not be carried out, so that it tells nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One client's request: what it wants, in one word, and where and what it sends."""

    wants: str
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one client got for its shot; `status` is None if no answer came."""

    client: int
    wants: str
    status: int | None
    body: Mapping[str, Any]
    answered_ns: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Stock:
    """A product's stock as the API tells it; `ledger` is None where no ledger is kept."""

    product_id: int
    quantity: int
    ledger: tuple[int, ...] | None
    sales: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold, and what was seen."""

    rule: str
    example: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that broke during a probe: in how many rounds, and what was seen first."""

    rule: str
    rounds: int
    example: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe found; `not_probed` rounds tell nothing, and `reason` is the first why."""

    probe: str
    rounds: int
    clients: int
    not_probed: int
    reason: str | None
    ledger: bool
    broken: tuple[Broken, ...]
    duration_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All probes of one run, and what the clean-up had to leave."""

    url: str
    outcomes: tuple[Outcome, ...]
    left: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all rules hold, 1 one broke, 3 something could not be probed."""
        if any(outcome.broken for outcome in self.outcomes):
            return BROKEN
        return NOT_PROBED if any(outcome.not_probed for outcome in self.outcomes) else HOLD
