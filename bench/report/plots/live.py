"""The migration while the service runs: latency and throughput, shaded by statement.

The strategies stand below one another on one axis of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette, provenance
from bench.report.plots import panels
from bench.report.plots.canvas import Page, Style, fit, page, sheet
from bench.report.plots.hover import tip
from bench.report.plots.panels import EndLabel, Limits, Panel
from bench.report.run_report import Report
from bench.report.sections import online_migration as section
from bench.report.sections.online_migration import short_name
from bench.report.text import sentence_case
from bench.report.units import duration, significant
from bench.results.live import OnlineMigration, Second, Statement, Strategy

LINE = 10.5
"""Height of a line of statements' names, in points."""
LEAST = 3.0
"""Statements narrower than this on the sheet, in points, share one name."""
READS, WRITES, RATE = 66.0, 66.0, 52.0
_HEAD, _GAP, _BETWEEN = 22.0, 22.0, 46.0
_KINDS = ("reads", "writes")


@dataclass(frozen=True, slots=True)
class Name:
    """A name above the panels: where its statement begins, and the line that it stands on."""

    x: float
    words: str
    line: int


def live(report: Report, *, narrow: bool = False) -> Figure | None:
    """Draw every strategy's timeline; None where no migration was run beside a load."""
    document = report.live
    if document is None or not section.has_timeline(document):
        return None
    strategies = [
        (n, strategy) for n, strategy in enumerate(document.ways) if any(strategy.timeline.values())
    ]
    left, right = (48.0, 44.0) if narrow else (58.0, 60.0)
    width = sheet(narrow).width - left - right
    seconds = [s for _, strategy in strategies for line in strategy.timeline.values() for s in line]
    xlim = (0.0, float(max(second.second + 1 for second in seconds)))
    scale, room = width / (xlim[1] - xlim[0]), width + right - 6
    named = [names(strategy.statements, scale, room) for _, strategy in strategies]
    panes = READS + _GAP + WRITES + _GAP + RATE
    heights = [_HEAD + _lines(statement_names) + 20 + panes for statement_names in named]
    blank = page(
        narrow=narrow,
        title=section.title(document),
        note="Shaded: the statements of the migration, each from its begin to its end. Thick: p99,"
        " thin: p50 of the time since due, by the second in which a request was due."
        " Red bar: no write was answered; red ×: a second with failed requests.",
        height=sum(heights) + _BETWEEN * (len(strategies) - 1),
        foot=34,
        gap=4,
    )
    top = 0.0
    for (position, strategy), statement_names, height in zip(
        strategies, named, heights, strict=True
    ):
        first = top + _HEAD + _lines(statement_names) + 20
        _strategy(
            _panels(blank, document, strategy, xlim, (left, right, first)),
            strategy,
            statement_names,
            position,
        )
        top += height + _BETWEEN
    return blank.figure


def _lines(statement_names: Sequence[Name]) -> float:
    """Height of the lines that names stand on."""
    return (max((name.line for name in statement_names), default=-1) + 1) * LINE


def names(statements: Sequence[Statement], scale: float, room: float) -> list[Name]:
    """Names of statements on as few lines as keep them and their leaders apart.

    `scale` is points per second, `room` the points up to the sheet's edge. A name reaches to
    the right of its leader, so an earlier one that would cover a later leader stands higher.
    """
    placed: list[Name] = []
    for group in reversed(_groups(statements, scale)):
        x = group[0].begun_s * scale
        words = fit(_group_words(group), 8.2, max(room - x - 4, 30))
        end = x + 4 + panels.text_width(words, 8.2)
        line = max((name.line + 1 for name in placed if name.x < end), default=0)
        placed.append(Name(x, words, line))
    return placed[::-1]


def _groups(statements: Sequence[Statement], scale: float) -> list[list[Statement]]:
    groups: list[list[Statement]] = []
    for statement in sorted(statements, key=lambda statement: statement.begun_s):
        near = groups and (statement.begun_s - groups[-1][0].begun_s) * scale < LEAST
        small = (statement.ended_s - statement.begun_s) * scale < LEAST
        if groups and near and small:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def _group_words(group: Sequence[Statement]) -> str:
    first, last = group[0], group[-1]
    if len(group) == 1:
        return short_name(first)
    long = first.ended_s - first.begun_s > 0.5 * (last.ended_s - first.begun_s)
    return f"{short_name(first)} + {len(group) - 1}" if long else f"{len(group)} statements"


def _panels(
    blank: Page, document: OnlineMigration, shown: Strategy, xlim: Limits,
    frame: tuple[float, float, float],
) -> tuple[Panel, Panel, Panel]:  # fmt: skip
    """Panels of reads, writes and rates; `frame` is left, right and top in points."""
    left, right, top = frame
    limits = panels.log_limits(
        value
        for strategy in document.ways
        for kind in _KINDS
        for second in strategy.timeline.get(kind, ())
        for value in (second.p50_ns, second.p99_ns)
    )
    most = max([1, *(s.requests_per_second for line in shown.timeline.values() for s in line)])

    def panel(top: float, height: float, ylim: Limits, *, log: bool) -> Panel:
        return panels.panel(
            blank, left=left, right=right, top=top, height=height, xlim=xlim, ylim=ylim, log=log,
            label=duration if log else significant,
        )  # fmt: skip

    below = top + READS + _GAP
    return (
        panel(top, READS, limits, log=True),
        panel(below, WRITES, limits, log=True),
        panel(below + WRITES + _GAP, RATE, (0, most * 1.1), log=False),
    )


def _strategy(
    shown: tuple[Panel, Panel, Panel],
    strategy: Strategy,
    statement_names: Sequence[Name],
    position: int,
) -> None:
    reads, writes, rates = shown
    _shade(strategy, position, *shown)
    _head(reads, strategy, statement_names)
    for target, kind in ((reads, "reads"), (writes, "writes")):
        line = strategy.timeline.get(kind, ())
        _latency(target, line)
        tip_texts = [f"{kind}, second {e.second:g}\n{panels.second_text(e)}" for e in line]
        source = provenance.at("live", "ways", position, "timeline", kind)
        sources = [f"{source}/{n}" for n in range(len(line))]
        panels.second_tips([target], [e.second for e in line], tip_texts, sources)
    _throughput(rates, strategy)
    for target, words in zip(shown, ("Reads", "Writes", "Answers a second"), strict=True):
        target.heading(words, dy=8)
    _outages(writes, strategy)
    rates.foot("seconds since the load began")


def _shade(strategy: Strategy, number: int, *targets: Panel) -> None:
    most = 6 if targets[0].sheet.narrow else 12
    ticks = panels.linear_ticks(*targets[0].xlim, most=most)
    for target in targets:
        last = target is targets[-1]
        target.x_ticks([(tick, significant(tick) if last else "") for tick in ticks], grid=False)
        for position, statement in enumerate(strategy.statements):
            shade = target.axes.axvspan(
                statement.begun_s, statement.ended_s,
                facecolor=palette.GRID if position % 2 else palette.CONTROL,
                alpha=0.55 if position % 2 else 0.3, linewidth=0, zorder=0.4,
            )  # fmt: skip
            origin = provenance.at("live", "ways", number, "statements", position)
            begun = duration(statement.begun_s * 1e9)
            took = duration((statement.ended_s - statement.begun_s) * 1e9)
            kind = statement.kind.replace("_", " ")
            tip(shade, f"{statement.object}\n{kind}: begun at {begun}, took {took}", origin)


def _head(reads: Panel, strategy: Strategy, statement_names: Sequence[Name]) -> None:
    """Write the strategy's title, and its statements' names with leaders down to their shades."""
    took = f"{section.short_title(strategy)}: the migration took {duration(strategy.duration_ns)}"
    words = sentence_case(section.warning(strategy) or took)
    words = fit(words, reads.sheet.text * 1.1, reads.sheet.width - 12)
    reads.heading(words, dy=_lines(statement_names) + 29)
    for name in statement_names:
        dy = 20 + name.line * LINE
        reads.axes.plot(
            [name.x / reads.width] * 2, [1, 1 + (dy + 4) / reads.height],
            transform=reads.axes.transAxes, clip_on=False, color=palette.CONTROL, linewidth=0.7,
        )  # fmt: skip
        reads.text(name.x + 3, reads.height + dy, name.words, color=palette.MUTED)


def _latency(target: Panel, line: Sequence[Second]) -> None:
    middles = [entry.second + 0.5 for entry in line]
    ends = []
    for name, values, colour, width, size in (
        ("p99", [e.p99_ns for e in line], palette.INK, 1.9, 2.5),
        ("p50", [e.p50_ns for e in line], palette.BEFORE, 1.0, 1.5),
    ):
        style: Style = {"color": colour, "linewidth": width, "ms": size}
        target.axes.plot(middles, panels.gaps(values), marker=".", zorder=3, **style)
        last = next((value for value in reversed(values) if value), None)
        ends.append(EndLabel(last, name, colour, bold=name == "p99"))
    target.end_labels(ends)


def _throughput(rates: Panel, strategy: Strategy) -> None:
    ends = []
    styles = ((palette.BEFORE, "solid"), (palette.AFTER_EDGE, (0, (4, 1.4))))
    for kind, (colour, dash) in zip(_KINDS, styles, strict=True):
        line = strategy.timeline.get(kind, ())
        rates.axes.plot(
            [entry.second + 0.5 for entry in line], [e.requests_per_second for e in line],
            color=colour, linestyle=dash, linewidth=1.5, zorder=3,
        )  # fmt: skip
        panels.error_marks(rates, line, ms=5, mew=1.4, color=palette.SLOWER, zorder=4)
        if line:
            ends.append(EndLabel(line[-1].requests_per_second or 0.01, kind, colour))
    rates.end_labels(ends)


def _outages(writes: Panel, strategy: Strategy) -> None:
    """A bar above each outage of writes; the longest with its length."""
    if not strategy.write_stalls or not strategy.counts:
        return
    y = 1 + 2.5 / writes.height
    places = [
        (writes.along(outage.begun_s), writes.along(min(outage.ended_s, writes.xlim[1])))
        for outage in strategy.write_stalls
    ]
    for (first, last), outage in zip(places, strategy.write_stalls, strict=True):
        bar = writes.axes.plot(
            [first / writes.width, last / writes.width], [y, y],
            transform=writes.axes.transAxes, clip_on=False, color=palette.SLOWER, linewidth=2.2,
            marker="|", ms=5, mew=1.6, solid_capstyle="butt", zorder=5,
        )  # fmt: skip
        tip(bar, f"no write was answered for {duration((outage.ended_s - outage.begun_s) * 1e9)}")
    first, last = max(places, key=lambda span: span[1] - span[0])
    words = f"no write for {duration(strategy.longest_write_stall_ns)}"
    # The heading of the panel stands on the same line, at the left.
    half = panels.text_width(words, writes.sheet.small) * 0.55
    middle = min(max((first + last) / 2, half + 16), writes.width - half)
    bold: Style = {"ha": "center", "color": palette.SLOWER, "fontweight": "bold"}
    writes.text(middle, writes.height + 11, words, **bold)
