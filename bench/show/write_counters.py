"""Exact counters of the writes: SQLite's steps, pages and bytes of the log, as rows and cells.

Room show: values in, text out; every figure stands in comparison.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.report import units
from bench.show.report import Report
from bench.show.sources import operation
from bench.show.view import arm_label, arm_names, operations

NOTE = (
    "These are exact, whatever the machine does: what SQLite counts of one execution of the write "
    "and its commit on a connection that was just opened, as steps, pages read into its cache, "
    "pages written to the write-ahead log, and the bytes by which that grows."
)


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One write: its title, the lines of each arm's cell, and where its figures stand."""

    title: str
    cells: tuple[tuple[str, ...], ...]
    source: str


@dataclass(frozen=True, slots=True)
class WriteCounters:
    """The table of all writes; `arms` are the labels of its columns. Empty for older runs."""

    arms: tuple[str, ...]
    rows: tuple[WriteRow, ...]


def counted(arm: Mapping[str, float | None]) -> tuple[str, ...]:
    """The counters of one write on one arm, a line each; empty where they are not known."""
    if arm.get("pages_written") is None:
        return ()
    read = arm["pages_read"]
    return (
        f"{units.count(arm.get('vm_steps'))} steps",
        f"{units.count(read)} page{'' if read == 1 else 's'} read",
        f"{units.count(arm['pages_written'])} written",
        f"{units.size(arm['log_bytes'])} of log",
    )


def counting(arms: Iterable[Mapping[str, float | None]]) -> bool:
    """Whether any of the arms has counters of a write."""
    return any(counted(arm) for arm in arms)


def write_counters(report: Report) -> WriteCounters:
    """The writes of a report whose pages were counted, in the document's order.

    Raises:
        BenchError: the document lacks what is shown.
    """
    shown = [o for o in operations(report) if counting(arm.figures for arm in o.arms)]
    arms = [
        name
        for name in arm_names(report)
        if any(arm.name == name and counted(arm.figures) for o in shown for arm in o.arms)
    ]
    rows = tuple(
        WriteRow(
            entry.title,
            tuple(counted(arm.figures) if (arm := entry.arm(name)) else () for name in arms),
            operation(report, entry.name),
        )
        for entry in shown
    )
    return WriteCounters(tuple(arm_label(report, name) for name in arms), rows)
