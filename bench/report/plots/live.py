"""The migration while the shop is open: latency and throughput, shaded by statement.

Values in, a Figure out. The strategies stand below one another on one axis of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette, provenance
from bench.report.plots import panels
from bench.report.plots.canvas import Page, fit, page
from bench.report.plots.hover import spans, tip
from bench.report.run_report import Report
from bench.report.sections import online_migration as section
from bench.report.text import sentence_case
from bench.report.units import duration, rate, significant
from bench.results.live import OnlineMigration, Second, Statement, Strategy

LINE = 10.5
"""Height of a line of statements' names, in points."""
LEAST = 3.0
"""Statements narrower than this on the sheet, in points, share one name."""
READS, WRITES, RATE = 66.0, 66.0, 52.0
_HEAD, _GAP, _BETWEEN = 22.0, 22.0, 46.0


@dataclass(frozen=True, slots=True)
class Name:
    """A name above the panels: where its statement begins, and the line that it stands on."""

    x: float
    words: str
    line: int


def live(report: Report, *, narrow: bool = False) -> Figure | None:
    """Draw every strategy's timeline; None where no migration was run beside a load."""
    found = report.live
    if found is None or not section.drawn(found):
        return None
    strategies = [(n, way) for n, way in enumerate(found.ways) if any(way.timeline.values())]
    left, right = (48.0, 44.0) if narrow else (58.0, 60.0)
    width = (270.0 if narrow else 590.0) - left - right
    seconds = [s for _, way in strategies for line in way.timeline.values() for s in line]
    xlim = (0.0, float(max(second.second + 1 for second in seconds)))
    room = width + right - 6
    named = [names(way.statements, width / (xlim[1] - xlim[0]), room) for _, way in strategies]
    body = [_height(found_names) for found_names in named]
    blank = page(
        narrow=narrow,
        title=section.title(found),
        note="Shaded: the statements of the migration, each from its begin to its end. Thick: p99,"
        " thin: p50 of the time since due, by the second in which a request was due."
        " Red bar: no write was answered; red ×: a second with failed requests.",
        height=sum(body) + _BETWEEN * (len(strategies) - 1),
        foot=34,
        gap=4,
    )
    top = 0.0
    for (place, way), own, height in zip(strategies, named, body, strict=True):
        _strategy(blank, found, way, own, xlim, (left, right, top), place)
        top += height + _BETWEEN
    return blank.figure


def _lines(found: Sequence[Name]) -> float:
    return (max((name.line for name in found), default=-1) + 1) * LINE


def _height(found: Sequence[Name]) -> float:
    return _HEAD + _lines(found) + 20 + READS + _GAP + WRITES + _GAP + RATE


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
    for statement in sorted(statements, key=lambda found: found.begun_s):
        near = groups and (statement.begun_s - groups[-1][0].begun_s) * scale < LEAST
        small = (statement.ended_s - statement.begun_s) * scale < LEAST
        if groups and near and small:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def _group_words(group: Sequence[Statement]) -> str:
    if len(group) == 1:
        return section.short_name(group[0])
    spent = group[-1].ended_s - group[0].begun_s
    if group[0].ended_s - group[0].begun_s > 0.5 * spent:
        return f"{section.short_name(group[0])} + {len(group) - 1}"
    return f"{len(group)} statements"


def _strategy(
    blank: Page, found: OnlineMigration, way: Strategy, own: Sequence[Name],
    xlim: tuple[float, float], frame: tuple[float, float, float], place: int,
) -> None:  # fmt: skip
    left, right, top = frame
    latencies = [
        value
        for key in ("reads", "writes")
        for strategy in found.ways
        for second in strategy.timeline.get(key, ())
        for value in (second.p50_ns, second.p99_ns)
    ]
    limits = panels.log_limits(latencies)
    top += _HEAD + _lines(own) + 20

    def upper(height: float) -> panels.Panel:
        return panels.panel(
            blank, left=left, right=right, top=top, height=height, xlim=xlim,
            ylim=limits, log=True, label=duration,
        )  # fmt: skip

    reads = upper(READS)
    top += READS + _GAP
    writes = upper(WRITES)
    top += WRITES + _GAP
    answers = [s.requests_per_second for line in way.timeline.values() for s in line]
    rates = panels.panel(
        blank, left=left, right=right, top=top, height=RATE, xlim=xlim,
        ylim=(0, max([*answers, 1]) * 1.1), log=False, label=significant,
    )  # fmt: skip
    _shade(way, place, reads, writes, rates)
    _head(reads, way, own)
    _latency(reads, way.timeline.get("reads", ()))
    _latency(writes, way.timeline.get("writes", ()))
    for target, key in ((reads, "reads"), (writes, "writes")):
        _seconds(target, way, place, key)
    _throughput(rates, way)
    for target, words in ((reads, "Reads"), (writes, "Writes"), (rates, "Answers a second")):
        target.heading(words, dy=8)
    _stalls(writes, way)
    rates.text(
        rates.width / 2, -26, "seconds since the load began", ha="center", color=palette.MUTED
    )


def _shade(way: Strategy, place: int, *targets: panels.Panel) -> None:
    most = 6 if targets[0].sheet.narrow else 12
    ticks = panels.linear_ticks(*targets[0].xlim, most=most)
    for target in targets:
        last = target is targets[-1]
        panels.x_ticks(
            target, [(tick, significant(tick) if last else "") for tick in ticks], grid=False
        )
        for position, statement in enumerate(way.statements):
            shade = target.axes.axvspan(
                statement.begun_s, statement.ended_s,
                facecolor=palette.GRID if position % 2 else palette.CONTROL,
                alpha=0.55 if position % 2 else 0.3, linewidth=0, zorder=0.4,
            )  # fmt: skip
            origin = provenance.at("live", "ways", place, "statements", position)
            tip(shade, _statement_text(statement), origin)


def _statement_text(statement: Statement) -> str:
    begun = duration(statement.begun_s * 1e9)
    took = duration((statement.ended_s - statement.begun_s) * 1e9)
    kind = statement.kind.replace("_", " ")
    return f"{statement.object}\n{kind}: begun at {begun}, took {took}"


def _seconds(target: panels.Panel, way: Strategy, place: int, what: str) -> None:
    """Say on each second's column what was measured in it."""
    found = way.timeline.get(what, ())
    path = ("ways", place, "timeline", what)
    origins = [provenance.at("live", *path, n) for n in range(len(found))]
    told = [
        f"{what}, second {e.second:g}\np50 {duration(e.p50_ns)}, "
        f"p99 {duration(e.p99_ns)}, {rate(e.requests_per_second)}"
        + (f", {e.errors} errors" if e.errors else "")
        for e in found
    ]
    spans(target.axes, [(e.second, e.second + 1) for e in found], told, origins)


def _head(reads: panels.Panel, way: Strategy, own: Sequence[Name]) -> None:
    """Write the strategy's title, and its statements' names with leaders down to their shades."""
    lines = _lines(own)
    took = f"{section.short_title(way)}: the migration took {duration(way.duration_ns)}"
    words = sentence_case(section.warning(way) or took)
    words = fit(words, reads.sheet.text * 1.1, reads.sheet.width - 12)
    reads.heading(words, dy=lines + 29)
    for name in own:
        dy = 20 + name.line * LINE
        reads.axes.plot(
            [name.x / reads.width] * 2, [1, 1 + (dy + 4) / reads.height],
            transform=reads.axes.transAxes, clip_on=False, color=palette.CONTROL, linewidth=0.7,
        )  # fmt: skip
        reads.text(name.x + 3, reads.height + dy, name.words, color=palette.MUTED)


def _latency(target: panels.Panel, found: Sequence[Second]) -> None:
    middles = [entry.second + 0.5 for entry in found]
    target.axes.plot(
        middles, panels.gaps(e.p99_ns for e in found),
        color=palette.INK, linewidth=1.9, marker=".", ms=2.5, zorder=3,
    )  # fmt: skip
    target.axes.plot(
        middles, panels.gaps(e.p50_ns for e in found),
        color=palette.BEFORE, linewidth=1.0, marker=".", ms=1.5, zorder=3,
    )  # fmt: skip
    if found:
        p99 = next((e.p99_ns for e in reversed(found) if e.p99_ns), None)
        p50 = next((e.p50_ns for e in reversed(found) if e.p50_ns), None)
        ends = [
            panels.EndLabel(p99, "p99", palette.INK, bold=True),
            panels.EndLabel(p50, "p50", palette.BEFORE),
        ]
        panels.end_labels(target, ends)


def _throughput(rates: panels.Panel, way: Strategy) -> None:
    ends = []
    for key, colour, dash in (
        ("reads", palette.BEFORE, "solid"),
        ("writes", palette.AFTER_EDGE, (0, (4, 1.4))),
    ):
        found = way.timeline.get(key, ())
        rates.axes.plot(
            [entry.second + 0.5 for entry in found],
            [entry.requests_per_second for entry in found],
            color=colour, linestyle=dash, linewidth=1.5, zorder=3,
        )  # fmt: skip
        failed = [e for e in found if e.errors]
        rates.axes.plot(
            [e.second + 0.5 for e in failed], [e.requests_per_second for e in failed],
            marker="x", ms=5, mew=1.4, color=palette.SLOWER, linestyle="none", zorder=4,
        )  # fmt: skip
        if found:
            ends.append(panels.EndLabel(found[-1].requests_per_second or 0.01, key, colour))
    panels.end_labels(rates, ends)


def _stalls(writes: panels.Panel, way: Strategy) -> None:
    """A bar above each stretch without an answered write; the longest with its length."""
    if not way.write_stalls or not way.counts:
        return
    y = 1 + 2.5 / writes.height
    places = [
        (writes.along(outage.begun_s), writes.along(min(outage.ended_s, writes.xlim[1])))
        for outage in way.write_stalls
    ]
    for (first, last), outage in zip(places, way.write_stalls, strict=True):
        bar = writes.axes.plot(
            [first / writes.width, last / writes.width], [y, y],
            transform=writes.axes.transAxes, clip_on=False, color=palette.SLOWER, linewidth=2.2,
            marker="|", ms=5, mew=1.6, solid_capstyle="butt", zorder=5,
        )  # fmt: skip
        tip(bar, f"no write was answered for {duration((outage.ended_s - outage.begun_s) * 1e9)}")
    first, last = max(places, key=lambda place: place[1] - place[0])
    words = f"no write for {duration(way.longest_write_stall_ns)}"
    # The heading of the panel stands on the same line, at the left.
    half = panels.text_width(words, writes.sheet.small) * 0.55
    middle = min(max((first + last) / 2, half + 16), writes.width - half)
    writes.text(
        middle, writes.height + 11, words, ha="center", color=palette.SLOWER, fontweight="bold"
    )
