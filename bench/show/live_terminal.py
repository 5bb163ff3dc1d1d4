"""The migration beside an open shop for a terminal: each way's statements, visitors and answer.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.report import units

_WINDOWS = ("before", "during", "after")


def render_live(document: Mapping[str, Any], *, width: int = 140) -> str:
    """What live.json says: for each way its statements and its visitors, then the answer."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=width)
    for way in document["ways"]:
        console.print(_statements(way))
        console.print(_visitors(way))
        for note in _notes(way):
            console.print(note, soft_wrap=True, markup=False, highlight=False)
        console.print()
    console.print(document["answer"], soft_wrap=True, markup=False, highlight=False)
    return buffer.getvalue().rstrip("\n")


def _statements(way: Mapping[str, Any]) -> Table:
    table = Table(title=f"{way['title']} ({way['name']})", title_justify="left")
    table.add_column("statement", no_wrap=True)
    for name in ("begins at", "waits for the lock", "holds it", "adds", "log, at most"):
        table.add_column(name, justify="right", no_wrap=True)
    for step in way["statements"]:
        table.add_row(
            f"{step['kind'].replace('_', ' ')} {step['object']}",
            units.duration(step["begun_s"] * 1e9),
            units.duration((step["begun_s"] - step["asked_s"]) * 1e9),
            units.duration((step["ended_s"] - step["begun_s"]) * 1e9),
            units.size(step["file_growth_bytes"]),
            units.size(step["wal_peak_bytes"]),
        )
    return table


def _visitors(way: Mapping[str, Any]) -> Table:
    table = Table(title="time since due, p50 / p95 / p99 / longest", title_justify="left")
    table.add_column("requests", no_wrap=True)
    for window in _WINDOWS:
        table.add_column(f"{window} the migration", justify="right", no_wrap=True)
    table.add_column("failed", justify="right", no_wrap=True)
    for entry in way["classes"]:
        errors = entry["errors_during"]
        table.add_row(
            entry["name"],
            *(_quantiles(entry[window]) for window in _WINDOWS),
            ", ".join(f"{count} {kind}" for kind, count in errors.items()) or units.DASH,
        )
    return table


def _quantiles(figures: Mapping[str, Any]) -> str:
    return " / ".join(
        units.duration(figures[f"{name}_ns"]) for name in ("p50", "p95", "p99", "max")
    )


def _stretch(length_ns: float | None) -> str:
    return "none" if length_ns == 0 else units.duration(length_ns)


def _notes(way: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"longest standstill: writes {_stretch(way['longest_write_stall_ns'])}, "
        f"reads {_stretch(way['longest_read_stall_ns'])}; "
        f"longest wait of a write {units.duration(way['longest_write_wait_ns'])}; "
        f"without an answer: {way['unserved']}"
    )
    yield (
        f"file {units.size(way['file_bytes_before'])} before, "
        f"{units.size(way['file_bytes_after'])} after; log at most "
        f"{units.size(way['wal_peak_bytes'])}"
    )
    for violation in way["invariants"]["violations"]:
        yield f"BROKEN: {violation}"
    for reason in way["invalid_because"]:
        yield f"INVALID: {reason}"
