"""Tables of operations for a terminal: the arms of one run, what changed between two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from bench.judge import format
from bench.report import blocks, units
from bench.report.sections.writes import NOTE, counted
from bench.report.terminal import blocks_text
from bench.results.comparison import Comparison
from bench.results.run_changes import PairChange, RunChanges


def render_comparison_table(comparison: Comparison, *, width: int = 150) -> str:
    """Every operation: time on each arm, speedup with interval, verdict."""
    arms = list(dict.fromkeys(arm for entry in comparison.operations for arm in entry.arms))
    rows, reasons = [], []
    for entry in comparison.operations:
        medians = [entry.arms[arm].median_ns if arm in entry.arms else None for arm in arms]
        pair = entry.pair(comparison.base, comparison.judged)
        verdict = "shown only" if pair is None else pair.verdict
        speedup = units.DASH
        if pair is not None and pair.ci95 is not None:
            interval = " to ".join(map(units.significant, pair.ci95))
            speedup = f"{units.times(pair.speedup)} [{interval}]"
        rows.append(blocks.Row(entry.name, [*map(units.duration, medians), speedup, verdict]))
        if pair is not None and pair.speedup is None:
            reasons.append(f"{entry.name} could not be judged: {pair.cause}\n")
    against = f"{comparison.judged} against {comparison.base}"
    columns = (
        *blocks.columns("operation", figures=arms, ranges=(against,)),
        blocks.Column("verdict", "name"),
    )
    table = _text(columns, rows, "median time of one operation", width)
    return table + "".join(reasons) + render_counters_table(comparison, width=width)


def render_counters_table(comparison: Comparison, *, width: int = 150) -> str:
    """The exact counters of the writes; empty where no write has any."""
    counters = {
        entry.name: {name: lines for name, arm in entry.arms.items() if (lines := counted(arm))}
        for entry in comparison.operations
    }
    known = dict.fromkeys(name for on_arms in counters.values() for name in on_arms)
    rows = [
        blocks.Row(name, ["\n".join(on_arms.get(arm, (units.DASH,))) for arm in known])
        for name, on_arms in counters.items()
        if on_arms
    ]
    if not rows:
        return ""
    columns = blocks.columns("operation", *known)
    return _text(columns, rows, "exact counters of one write", width, "lined") + f"{NOTE}\n"


def render_change_table(change: RunChanges, *, width: int = 150) -> str:
    """What `between` of two runs found: each pair's speedups and steps on both sides."""
    rows = []
    for entry in change.changes:
        by_counters = "" if entry.verdict == entry.times else " by counters"
        cells = [
            f"{entry.base} → {entry.arm}",
            " → ".join(units.times(ratio) for ratio in entry.speedup),
            _changed(entry),
            _counters(*entry.counters),
            "changed" if entry.plan_changed else "same",
            entry.verdict + by_counters,
        ]
        rows.append(blocks.Row(entry.operation, cells))
    columns = (
        *blocks.columns("operation"),
        blocks.Column("arms", "name"),
        *blocks.columns(ranges=("speedup", "change", "counters")),
        blocks.Column("plan", "name"),
        *blocks.columns("verdict"),
    )
    title = " → ".join(", ".join(side) for side in (change.base, change.head))
    lines = [_text(columns, rows, title, width)]
    for what, names in (("missing", change.missing), ("new", change.new)):
        if names:
            lines.append(f"{what}: {', '.join(names)}\n")
    return "".join([*lines, _summary(change)])


def _text(
    columns: tuple[blocks.Column, ...], rows: list[blocks.Row], title: str, width: int,
    style: str = "",
) -> str:  # fmt: skip
    return blocks_text([blocks.Table(columns, rows, title, style=style)], width=width)


def _changed(entry: PairChange) -> str:
    if entry.ratio is None or entry.ci95 is None:
        return units.DASH
    low, high = entry.ci95
    direction = " faster" if low > 1 else " slower" if high < 1 else ""
    digits = format.digits_apart((low, high), (1.0,))
    return format.effect_interval(entry.ratio, low, high, digits) + direction


def _counters(base: Mapping[str, int | None], head: Mapping[str, int | None]) -> str:
    """Steps on both sides, and a line for each counter of a write that differs."""
    lines = [f"{_both(base.get('vm_steps'), head.get('vm_steps'), units.count)} steps"]
    for name, words, formatted in (
        ("pages_read", "pages read", units.count),
        ("pages_written", "pages written", units.count),
        ("log_bytes", "of log", units.size),
    ):
        old, new = base.get(name), head.get(name)
        if None not in (old, new) and old != new:
            lines.append(f"{_both(old, new, formatted)} {words}")
    return "\n".join(lines)


def _both(old: int | None, new: int | None, formatted: Callable[[int | None, int], str]) -> str:
    """Two numbers with digits enough to tell them apart."""
    digits = format.DIGITS
    if old is not None and new is not None:
        digits = format.digits_apart((old,), (new,))
    return f"{formatted(old, digits)} → {formatted(new, digits)}"


def _summary(change: RunChanges) -> str:
    verdicts: Counter[str] = Counter(entry.verdict for entry in change.changes)
    order = ("slower", "faster", "inconclusive", "same")
    counts = ", ".join(f"{verdicts[name]} {name}" for name in order if verdicts[name])
    lines = [f"{len(change.changes)} comparisons: {counts}.\n"]
    if change.slower:
        lines.append(f"slower: {', '.join(change.slower)}\n")
    if min(len(change.base), len(change.head)) == 1:
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
