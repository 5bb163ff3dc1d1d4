"""What every format shows of live.json: the shop while its migration runs.

Room show: takes the judged document apart into flat records; nothing is computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.show.load import SecondView, Spread, seconds, spread, title_of, titles_of
from bench.show.report import Document, Report

PHASES = ("before", "during", "after")


@dataclass(frozen=True, slots=True)
class StatementView:
    """One statement of the migration; times in seconds since the start of the load."""

    name: str
    object: str
    kind: str
    sql: str
    begun_s: float
    ended_s: float
    file_growth_bytes: float | None
    wal_peak_bytes: float | None


@dataclass(frozen=True, slots=True)
class ServedView:
    """One kind of request before, while and after the migration ran."""

    title: str
    kind: str
    phases: Mapping[str, Spread]
    errors: int


@dataclass(frozen=True, slots=True)
class WayView:
    """One way to run the migration; `stalls` is where no write was answered, in seconds."""

    name: str
    title: str
    settings: Document
    statements: tuple[StatementView, ...]
    begun_s: float
    ended_s: float
    timeline: Mapping[str, tuple[SecondView, ...]]
    operations: tuple[ServedView, ...]
    write_stall_ns: float | None
    read_stall_ns: float | None
    stalls: tuple[tuple[float, float], ...]
    errors: Mapping[str, int]
    unserved: int
    valid: bool
    because: tuple[str, ...]
    held: bool
    violations: tuple[str, ...]
    document: Document

    @property
    def short(self) -> str:
        """The title up to its first colon: what a heading or a column has room for."""
        return self.title.partition(":")[0]

    @property
    def counts(self) -> bool:
        """Whether its figures may be told as found: valid, and the shop kept its rules."""
        return self.valid and self.held


@dataclass(frozen=True, slots=True)
class LiveView:
    """The migration while the shop is open."""

    answer: str
    ways: tuple[WayView, ...]
    plan: Document
    limits: tuple[str, ...]

    @property
    def counting(self) -> tuple[WayView, ...]:
        """The ways whose figures may be told as found."""
        return tuple(way for way in self.ways if way.counts)


def live_view(report: Report) -> LiveView | None:
    """The live migration of a run, None where none was made.

    Raises:
        BenchError: live.json lacks what is shown.
    """
    if report.live is None:
        return None
    document = report.live
    try:
        titles = titles_of(report)
        return LiveView(
            answer=str(document.get("answer") or ""),
            ways=tuple(_way(entry, titles) for entry in document["ways"]),
            plan=document.get("plan") or {},
            limits=tuple(map(str, document.get("limits") or ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(
            f"The document live.json cannot be shown ({error!r}); "
            "make it again with `resale-bench live`."
        ) from error


def _way(entry: Document, titles: Mapping[str, str]) -> WayView:
    held, violations = _rules(entry.get("invariants"))
    return WayView(
        name=str(entry["name"]),
        title=str(entry.get("title") or entry["name"]),
        settings=entry.get("settings") or {},
        statements=tuple(map(_statement, entry["statements"])),
        begun_s=float(entry["begun_s"]),
        ended_s=float(entry["ended_s"]),
        timeline={str(key): seconds(found) for key, found in entry["timeline"].items()},
        operations=tuple(_served(found, titles) for found in entry.get("operations") or ()),
        write_stall_ns=entry.get("longest_write_stall_ns"),
        read_stall_ns=entry.get("longest_read_stall_ns"),
        stalls=_stalls(entry),
        errors={str(kind): int(n) for kind, n in (entry.get("errors") or {}).items() if n},
        unserved=int(entry.get("unserved") or 0),
        valid=bool(entry["valid"]),
        because=_sentences(entry.get("invalid_because")),
        held=held,
        violations=violations,
        document=entry,
    )


def _rules(value: Any) -> tuple[bool, tuple[str, ...]]:
    rules = value or {}
    return bool(rules.get("held", True)), _sentences(rules.get("violations"))


def _sentences(value: Any) -> tuple[str, ...]:
    """Sentences of a document, which may be none, one or a list."""
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _statement(entry: Document) -> StatementView:
    return StatementView(
        name=short_name(str(entry["object"])),
        object=str(entry["object"]),
        kind=str(entry.get("kind") or "").replace("_", " "),
        sql=str(entry.get("sql") or ""),
        begun_s=float(entry["begun_s"]),
        ended_s=float(entry["ended_s"]),
        file_growth_bytes=entry.get("file_growth_bytes"),
        wal_peak_bytes=entry.get("wal_peak_bytes"),
    )


def short_name(name: str) -> str:
    """An index's or table's name as a picture has room for it."""
    return re.sub(r"^idx_", "", name).replace("_", " ")


def _served(entry: Document, titles: Mapping[str, str]) -> ServedView:
    return ServedView(
        title=title_of(str(entry["name"]), titles),
        kind=str(entry.get("kind") or ""),
        phases={phase: spread(entry.get(phase)) for phase in PHASES},
        errors=int(_total(entry.get("errors_during"))),
    )


def _total(value: Any) -> int:
    """A count, or counts by kind, as one number."""
    return sum(value.values()) if isinstance(value, Mapping) else int(value or 0)


def _stalls(entry: Document) -> tuple[tuple[float, float], ...]:
    """Every write stall that the document names, in the order of time."""
    spans = ((float(e["begun_s"]), float(e["ended_s"])) for e in entry.get("write_stalls") or ())
    return tuple(sorted(spans))
