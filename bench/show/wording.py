"""Sentences and cells that page, Markdown and terminal share.

Room show: takes records, gives text. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.report import palette, units
from bench.show.evidence_parts import titled
from bench.show.report import Document, Report
from bench.show.view import (
    ComparisonView,
    OperationView,
    anchor,
    operations,
    slower_operations,
)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim as it is shown; all text."""

    id: str
    quote: str
    promised: str
    measured: str
    interval: str
    verdict: palette.Verdict
    reason: str
    note: str
    required: bool
    parts: tuple[PartRow, ...]


@dataclass(frozen=True, slots=True)
class PartRow:
    """One operation behind a claim."""

    name: str
    anchor: str
    title: str
    measured: str
    interval: str
    verdict: palette.Verdict | None


def slower_line(report: Report) -> str:
    """The report's first line: what the migration made slower, the worst first.

    Queries are named each; writes are named where no query got slower, else counted.
    """
    slower = slower_operations(report)
    if not slower:
        return "No operation got slower."
    queries = [operation for operation in slower if operation.kind != "write"]
    writes = [operation for operation in slower if operation.kind == "write"]
    named = [_slowdown(operation) for operation in queries or writes]
    if queries and len(writes) == 1:
        named.append(_slowdown(writes[0]))
    elif queries and writes:
        named.append(f"{len(writes)} writes, most of all {_slowdown(writes[0])}")
    return f"Slower after the migration: {'; '.join(named)}."


def _slowdown(operation: OperationView) -> str:
    if operation.versus is None:
        return operation.title
    factor = units.effect(operation.versus.speedup).removesuffix(" slower")
    return f"{operation.title} ({factor})"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def slower_counts(report: Report) -> str:
    """How many queries and writes got slower, such as `3 queries, 4 writes`."""
    slower = slower_operations(report)
    writes = sum(1 for operation in slower if operation.kind == "write")
    queries = len(slower) - writes
    parts = [
        _counted(queries, "query", "queries") if queries else "",
        _counted(writes, "write", "writes") if writes else "",
    ]
    return ", ".join(part for part in parts if part) or "every one is as fast as before"


def comparison_text(comparison: ComparisonView) -> str:
    """A comparison in words: `5.3× slower (5.1 to 5.5)`, or `same (0.99 to 1.02×)`."""
    if comparison.verdict in ("faster", "slower"):
        words = units.effect(comparison.speedup)
    else:
        words = comparison.verdict
    interval = interval_text(comparison)
    return f"{words} ({interval})" if interval else words


def interval_text(comparison: ComparisonView) -> str:
    """The 95 % interval: in a verdict's direction, or as bare speedups where it has none."""
    low, high = comparison.ci95 or (None, None)
    if low is None or high is None:
        return ""
    if comparison.verdict in ("faster", "slower"):
        return units.effect_interval(comparison.speedup, low, high)
    return f"{units.span(low, high)}×"


def mending_text(comparisons: tuple[ComparisonView, ...]) -> str:
    """What mends a slower operation, in one sentence."""
    if not comparisons:
        return "No other arm of this study mends it."
    parts = [f"{c.arm_label}: {comparison_text(c)}" for c in comparisons]
    return f"Measured against before: {'; '.join(parts)}."


def claim_rows(report: Report) -> tuple[ClaimRow, ...]:
    """Every claim in the document's order."""
    titles = {operation.name: operation.title for operation in operations(report)}
    return tuple(_claim(claim, titles) for claim in report.claims["claims"])


def _claim(claim: Document, titles: Mapping[str, str]) -> ClaimRow:
    low, high = claim.get("ci95") or (None, None)
    measured, interval = _measured(claim, claim.get("measured"), low, high)
    return ClaimRow(
        id=str(claim["id"]),
        quote=str(claim["quote"]),
        promised=_promised(claim),
        measured=measured,
        interval=interval,
        verdict=palette.verdict(claim["verdict"]),
        reason=titled(str(claim.get("reason") or ""), titles),
        note=str(claim.get("note") or ""),
        required=bool(claim.get("required")),
        parts=_parts(claim, titles),
    )


def _parts(claim: Document, titles: Mapping[str, str]) -> tuple[PartRow, ...]:
    measured = {part["name"]: part for part in claim.get("operations") or ()}
    names = list(dict.fromkeys([*(claim.get("evidence") or ()), *measured]))
    rows = []
    for name in names:
        part = measured.get(name, {})
        low, high = part.get("ci95") or (None, None)
        words, interval = _measured(claim, part.get("speedup"), low, high)
        rows.append(
            PartRow(
                name=name,
                anchor=anchor(name) if name in titles else "",
                title=titles.get(name, name),
                measured=words,
                interval=interval,
                verdict=palette.verdict(part["verdict"]) if part.get("verdict") else None,
            )
        )
    return tuple(rows)


def _promised(claim: Document) -> str:
    expected = claim.get("expected")
    if expected is None:
        limit = claim.get("limit_ns")
        kept = claim.get("promise") or "within"
        return units.DASH if limit is None else f"{kept} {units.duration(limit)}"
    low, high = expected
    if claim.get("kind", "speedup") == "speedup":
        return f"{units.span(low, high)}× faster"
    return f"{units.span(low, high)}{_unit(claim)}"


def _measured(
    claim: Document, value: float | None, low: float | None, high: float | None
) -> tuple[str, str]:
    if value is None:
        return units.DASH, ""
    kind = claim.get("kind", "speedup")
    if kind == "speedup":
        return units.measured(value, low, high), units.effect_interval(value, low, high)
    if kind == "limit":
        interval = "" if low is None else f"{units.duration(low)} to {units.duration(high)}"
        return units.duration(value), interval
    if low is None or high is None:
        return f"{units.significant(value)}{_unit(claim)}", ""
    interval = f"{units.significant(low)} to {units.significant(high)}"
    return f"{units.significant(value)}{_unit(claim)}", interval


def _unit(claim: Document) -> str:
    unit = claim.get("unit") or "value"
    return "" if unit in ("value", "ratio") else f"\N{NO-BREAK SPACE}{unit}"


def four_figures(report: Report) -> tuple[tuple[str, str, str], ...]:
    """The figures of the verdict: label, figure, what it means."""
    headline = report.headline
    name = headline.worst[0] if headline.worst else None
    worst = next((o for o in operations(report) if o.name == name), None)
    price = [
        f"{units.size(headline.bytes_added)} more" if headline.bytes_added is not None else "",
        f"writes take {units.times(headline.write_tax)} the time"
        if headline.write_tax is not None
        else "",
    ]
    stall = headline.stall_seconds
    return (
        (
            "Promises kept",
            f"{headline.promises_kept} of {headline.promises_total}",
            "confirmed or exceeded",
        ),
        ("Operations slower", str(len(headline.slower)), slower_counts(report)),
        (
            "Worst slowdown",
            units.effect(worst.versus.speedup) if worst and worst.versus else "none",
            worst.title if worst else "no operation lost time",
        ),
        (
            "Price",
            f"{units.duration(stall * 1e9)} to run" if stall is not None else units.DASH,
            ", ".join(part for part in price if part),
        ),
    )


def counters(operation: OperationView) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The rows of an operation's counters: arm label and cells, in the order of HEADERS."""
    return tuple(
        (
            arm.label,
            (
                units.duration(arm.median_ns),
                units.duration(arm.figures["p95_ns"]),
                units.duration(arm.figures["p99_ns"]),
                units.count(arm.figures["vm_steps"]),
                units.count(arm.figures["fullscan_steps"]),
                units.count(arm.figures["sorts"]),
                units.count(arm.figures["rows"]),
                units.count(arm.figures["samples"]),
            ),
        )
        for arm in operation.arms
    )


HEADERS = (
    "median", "p95", "p99", "VM steps", "full-scan steps", "sorts", "rows", "samples",
)  # fmt: skip


def noise_text(report: Report) -> str:
    """What one arm measured twice differed by, empty where that was not measured."""
    floor = report.comparison.get("noise_floor") or {}
    ci95 = floor.get("ci95")
    if not ci95:
        return ""
    low, high = ci95 if isinstance(ci95, (list, tuple)) else (None, ci95)
    text = units.times(high) if low is None else f"{units.span(low, high)}×"
    parts = [f"One arm measured twice came out at {text} for 95 % of operations"]
    if floor.get("floor") is not None:
        parts.append(f"no difference up to {units.share(floor['floor'])} counts in this run")
    if floor.get("worst_operation") and floor.get("worst_floor") is not None:
        worst, own = floor["worst_operation"], units.share(floor["worst_floor"])
        parts.append(f"on {worst}, the most restless operation, none up to {own}")
    return "; ".join(parts) + "."


def band_text(comparison: ComparisonView | None) -> str:
    """From where on a difference of this comparison counts; empty where that is not recorded."""
    if comparison is None or comparison.band is None:
        return ""
    return (
        f"A difference counts here beyond {units.share(comparison.band)}: the largest of the "
        "smallest effect that counts, the noise of the run and that of this operation."
    )


def not_measured_text(operation: OperationView) -> str:
    """Which arms were not measured and why; empty where all were."""
    arms: dict[str, list[str]] = {}
    for label, reason in operation.not_measured:
        arms.setdefault(reason, []).append(label)
    parts = [f"{', '.join(labels)} ({reason})" for reason, labels in arms.items()]
    return f"Not measured: {'; '.join(parts)}." if parts else ""


def scalar(value: Any) -> str:
    """A value of a document as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return units.span(value[0], value[1]) if len(value) == 2 else ", ".join(map(str, value))
    if isinstance(value, float):
        return units.significant(value)
    return units.DASH if value is None else str(value)
