"""What the probes hand on: requests, replies, stock, and rules that did not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
