"""What a month of a shop asks: requests by operation, named by a user or told by the data.

This room holds no clock, no database and no statistics.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError


class TrafficError(BenchError):
    """A traffic that cannot be; the text says which entry and what to change."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Rows of a table that stand for the requests that wrote them.

    `table` got rows within `days` of its newest `column`, a time; each request of `operation`
    writes `rows` of them.
    """

    operation: str
    table: str
    column: str
    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a month of the shop asks: requests by operation, and what the data tells of others."""

    requests_per_month: Mapping[str, float] = field(default_factory=dict)
    anchors: tuple[Anchor, ...] = ()


def traffic_of(entry: Mapping[str, Any]) -> Traffic:
    """The content of a table `[traffic]`."""
    return Traffic(
        requests_per_month={
            str(name): float(count) for name, count in entry.get("requests_per_month", {}).items()
        },
        anchors=tuple(Anchor(**anchor) for anchor in entry.get("anchors", [])),
    )


def refuse(traffic: Traffic, operations: Collection[str]) -> None:
    """Refuse a traffic that cannot be.

    Raises:
        TrafficError: an operation is not among `operations`, or a number is none.
    """
    named = [*traffic.requests_per_month, *(anchor.operation for anchor in traffic.anchors)]
    unknown = [name for name in named if name not in operations]
    if unknown:
        raise TrafficError(
            f"The traffic names an operation {unknown[0]!r}, which the study has not; "
            "see `resale-bench micro --list` for the names."
        )
    for name, count in traffic.requests_per_month.items():
        if not 0 <= count < math.inf:
            raise TrafficError(f"The traffic of {name} is {count:g} requests; give 0 or more.")
    for anchor in traffic.anchors:
        if anchor.days < 1 or anchor.rows < 1:
            raise TrafficError(
                f"The traffic of {anchor.operation} needs `days` and `rows` above 0."
            )


def load_traffic(path: Path, operations: Collection[str]) -> Traffic:
    """Requests a month by operation, from a TOML file's table `[traffic.requests_per_month]`.

    Raises:
        TrafficError: the file is missing, is not TOML, or names no requests, fewer than none, or
            an operation that is not among `operations`.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        traffic = traffic_of(data["traffic"])
    except FileNotFoundError as error:
        raise TrafficError(f"There is no traffic file {path}; check the path.") from error
    except tomllib.TOMLDecodeError as error:
        raise TrafficError(f"The traffic file {path} is not valid TOML: {error}.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrafficError(
            f"The traffic file {path} needs a table [traffic.requests_per_month] with a number "
            f"for each operation: {error}."
        ) from error
    if not traffic.requests_per_month:
        raise TrafficError(
            f"The traffic file {path} names no request; give [traffic.requests_per_month] entries."
        )
    refuse(traffic, operations)
    return traffic
