"""Tables of operations for a terminal: the arms of one run, what changed between two sides.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.judge import format
from bench.report import units
from bench.report.sections.writes import NOTE, counted
from bench.results.comparison import Comparison, Pair
from bench.results.run_changes import PairChange, RunChanges

_STYLES = {"slower": "bold red", "faster": "green", "inconclusive": "yellow", "same": ""}


def render_comparison_table(comparison: Comparison, *, width: int = 150) -> str:
    """Every operation: time on each arm, speedup with interval, verdict."""
    arms = list(dict.fromkeys(arm for entry in comparison.operations for arm in entry.arms))
    table = Table(title="median time of one operation", title_justify="left")
    table.add_column("operation", no_wrap=True)
    for arm in arms:
        table.add_column(arm, justify="right", no_wrap=True)
    table.add_column(f"{comparison.judged} against {comparison.base}", justify="right")
    table.add_column("verdict", no_wrap=True)
    reasons = []
    for entry in comparison.operations:
        medians = [entry.arms[arm].median_ns if arm in entry.arms else None for arm in arms]
        pair = entry.pair(comparison.base, comparison.judged)
        table.add_row(entry.name, *map(units.duration, medians), _speedup(pair), _verdict(pair))
        if pair is not None and pair.speedup is None:
            reasons.append(f"{entry.name} could not be judged: {pair.cause}\n")
    return _text(table, width) + "".join(reasons) + render_counters_table(comparison, width=width)


def render_counters_table(comparison: Comparison, *, width: int = 150) -> str:
    """The exact counters of the writes; empty where no write has any."""
    shown = [entry for entry in comparison.operations if any(map(counted, entry.arms.values()))]
    if not shown:
        return ""
    table = Table(title="exact counters of one write", title_justify="left", show_lines=True)
    table.add_column("operation", no_wrap=True)
    known = dict.fromkeys(name for e in shown for name, arm in e.arms.items() if counted(arm))
    for name in known:
        table.add_column(name)
    for entry in shown:
        cells = ["\n".join(counted(entry.arms.get(name))) or units.DASH for name in known]
        table.add_row(entry.name, *cells)
    return _text(table, width) + f"{NOTE}\n"


def render_change_table(change: RunChanges, *, width: int = 150) -> str:
    """What `between` of two runs found: each pair's speedups and steps on both sides."""
    title = " → ".join(", ".join(side) for side in (change.base, change.head))
    table = Table(title=title, title_justify="left")
    table.add_column("operation", no_wrap=True)
    table.add_column("arms", no_wrap=True)
    for name in ("speedup", "change", "counters"):
        table.add_column(name, justify="right")
    table.add_column("plan", no_wrap=True)
    table.add_column("verdict")
    for entry in change.changes:
        table.add_row(
            entry.operation,
            f"{entry.base} → {entry.arm}",
            " → ".join(units.times(ratio) for ratio in entry.speedup),
            _changed(entry),
            _counters(*entry.counters),
            "changed" if entry.plan_changed else "same",
            _changed_verdict(entry),
        )
    lines = [_text(table, width)]
    for what, names in (("missing", change.missing), ("new", change.new)):
        if names:
            lines.append(f"{what}: {', '.join(names)}\n")
    return "".join([*lines, _summary(change)])


def _changed(entry: PairChange) -> str:
    if entry.ratio is None or entry.ci95 is None:
        return units.DASH
    low, high = entry.ci95
    direction = " faster" if low > 1 else " slower" if high < 1 else ""
    digits = format.digits_apart((low, high), (1.0,))
    return format.effect_interval(entry.ratio, low, high, digits) + direction


def _changed_verdict(entry: PairChange) -> Text:
    """The verdict, and that counters made it where the times decide nothing."""
    told = "" if entry.verdict == entry.times else " by counters"
    return Text(entry.verdict + told, style=_STYLES[entry.verdict])


def _counters(base: Mapping[str, int | None], head: Mapping[str, int | None]) -> str:
    """Steps on both sides, and a line for each counter of a write that differs."""
    lines = [f"{_both(base.get('vm_steps'), head.get('vm_steps'), units.count)} steps"]
    for name, words, told in (
        ("pages_read", "pages read", units.count),
        ("pages_written", "pages written", units.count),
        ("log_bytes", "of log", units.size),
    ):
        old, new = base.get(name), head.get(name)
        if None not in (old, new) and old != new:
            lines.append(f"{_both(old, new, told)} {words}")
    return "\n".join(lines)


def _both(old: int | None, new: int | None, told: Callable[[int | None, int], str]) -> str:
    """Two numbers with digits enough to tell them apart."""
    digits = format.DIGITS
    if old is not None and new is not None:
        digits = format.digits_apart((old,), (new,))
    return f"{told(old, digits)} → {told(new, digits)}"


def _summary(change: RunChanges) -> str:
    verdicts: Counter[str] = Counter(entry.verdict for entry in change.changes)
    told = ", ".join(f"{verdicts[name]} {name}" for name in _STYLES if verdicts[name])
    lines = [f"{len(change.changes)} comparisons: {told}.\n"]
    if change.slower:
        lines.append(f"slower: {', '.join(change.slower)}\n")
    runs = min(len(change.base), len(change.head))
    if runs == 1:
        lines.append(
            "Times are inconclusive: one run a side does not tell what runs differ by. Counters "
            "and plans decide; three runs a side (--base A1 --base A2 --base A3 B1 B2 B3) tell "
            "more.\n"
        )
    elif verdicts["inconclusive"]:
        lines.append(
            "Inconclusive: runs of one side differ too much to tell a change beyond the minimum "
            "effect from none; more runs a side tell more.\n"
        )
    return "".join(lines)


def _speedup(pair: Pair | None) -> str:
    if pair is None or pair.ci95 is None:
        return units.DASH
    low, high = map(units.significant, pair.ci95)
    return f"{units.times(pair.speedup)} [{low} to {high}]"


def _verdict(pair: Pair | None) -> Text:
    if pair is None:
        return Text("shown only", style="dim")
    return Text(pair.verdict, style=_STYLES[pair.verdict])


def _text(table: Table, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return buffer.getvalue()
