"""What it costs: what a write takes on each arm, timed and in exact counters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.report import blocks, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.text import effect_badge, interval_text, noun
from bench.results.comparison import ArmFigures, Comparison, OperationComparison
from bench.results.cost import Cost, WriteCost, WriteOnArm

NOTE = (
    "These are exact, whatever the machine does: what SQLite counts of one execution of the write "
    "and its commit on a connection that was just opened, as steps, pages read into its cache, "
    "pages written to the write-ahead log, and the bytes by which that grows."
)
_OPERATIONS = at("comparison", "operations")


def write_blocks(
    arms: Arms, cost: Cost | None, comparison: Comparison | None
) -> Iterator[blocks.Block]:
    """The picture of the writes, their times and their counters, as far as they were measured."""
    entries = () if comparison is None else comparison.operations
    writes = [entry.pair(arms.base, arms.judged) for entry in entries if entry.kind == "write"]
    if any(pair is not None and pair.speedup is not None for pair in writes):
        words = (
            "Time of each write as a multiple of before. "
            "The tables of operations hold the same figures."
        )
        yield blocks.Figure("writes", words, _OPERATIONS)
    if cost is not None and cost.writes:
        yield _times(cost, arms)
    if (counters := _counters(entries, arms)) is not None:
        yield counters
        yield blocks.Text(NOTE, "small")


def _times(cost: Cost, arms: Arms) -> blocks.Table:
    names = arms.ordered({name for write in cost.writes for name in write.arms})
    rows = []
    for n, write in enumerate(cost.writes):
        on_arms = [write.arms.get(name) for name in names]
        cells = [_on_arm(arm) if arm else units.DASH for arm in on_arms]
        row = (*cells, _effect(write, arms))
        rows.append(blocks.Row(write.title, row, at("cost", "writes", n)))
    titles = [*map(arms.label, names), f"{arms.judged} against {arms.base}"]
    caption = "One execution of each write: median time and rows written"
    columns = blocks.columns("write", ranges=titles)
    return blocks.Table(columns, rows, caption, at("cost", "writes"), "evidence")


def _on_arm(write: WriteOnArm) -> str:
    rows = f"{units.count(write.rows_written)} {noun(write.rows_written, 'row', 'rows')}"
    return f"{units.duration(write.median_ns)}, {_whole(rows)}"


def _effect(write: WriteCost, arms: Arms) -> blocks.Inlines:
    for pair in write.comparisons:
        if (pair.base, pair.arm) == (arms.base, arms.judged):
            interval = interval_text(pair)
            return [effect_badge(pair), *([" ", _whole(f"({interval})")] if interval else [])]
    return ""


def _whole(text: str) -> str:
    """Text that does not break."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _counters(entries: Sequence[OperationComparison], arms: Arms) -> blocks.Table | None:
    counters = [{name: counted(e.arms.get(name)) for name in arms.labels} for e in entries]
    names = [name for name in arms.labels if any(by_arm[name] for by_arm in counters)]
    if not names:
        return None
    rows = []
    for n, (entry, by_arm) in enumerate(zip(entries, counters, strict=True)):
        if any(map(counted, entry.arms.values())):
            cells = [", ".join(map(_whole, by_arm[name])) or units.DASH for name in names]
            rows.append(blocks.Row(entry.title, cells, at("comparison", "operations", n)))
    columns = blocks.columns("write", ranges=map(arms.label, names))
    caption = "One execution of each write in exact counters"
    return blocks.Table(columns, rows, caption, _OPERATIONS, "evidence")


def counted(arm: ArmFigures | None) -> tuple[str, ...]:
    """The counters of one write on one arm, a line each; empty where they are not known."""
    if arm is None or arm.pages_read is None or arm.pages_written is None:
        return ()
    return (
        f"{units.count(arm.vm_steps)} steps",
        f"{units.count(arm.pages_read)} {noun(arm.pages_read, 'page', 'pages')} read",
        f"{units.count(arm.pages_written)} written",
        f"{units.size(arm.log_bytes)} of log",
    )
