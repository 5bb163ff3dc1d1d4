"""The migration while the shop is open: latency and throughput, shaded by statement.

Room show.plots: values in, a Figure out. Every way of migrating stands below the
other on one axis of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.units import duration, rate, significant
from bench.show import sources
from bench.show.live import LiveView, StatementView, WayView, live_view
from bench.show.load import SecondView
from bench.show.load_words import counted, live_title, way_warning
from bench.show.plots.canvas import Page, fit, page
from bench.show.plots.hover import spans, tip
from bench.show.plots.panels import (
    EndLabel,
    Panel,
    end_labels,
    gaps,
    linear_ticks,
    log_limits,
    panel,
    text_width,
    x_ticks,
)
from bench.show.report import Report

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
    """Both ways' timelines; None where no migration was run beside a load."""
    found = live_view(report)
    ways = [way for way in found.ways if any(way.timeline.values())] if found else []
    if found is None or not ways:
        return None
    left, right = (48.0, 44.0) if narrow else (58.0, 60.0)
    width = (270.0 if narrow else 590.0) - left - right
    xlim = (0.0, max(e.second + 1 for way in ways for es in way.timeline.values() for e in es))
    room = width + right - 6
    named = [names(way.statements, width / (xlim[1] - xlim[0]), room) for way in ways]
    body = [_height(found_names) for found_names in named]
    blank = page(
        narrow=narrow,
        title=live_title(found),
        note="Shaded: the statements of the migration, each from its begin to its end. Thick: p99,"
        " thin: p50 of the time since due, by the second in which a request was due."
        " Red bar: no write was answered; red ×: a second with failed requests.",
        height=sum(body) + _BETWEEN * (len(ways) - 1),
        foot=34,
        gap=4,
    )
    top = 0.0
    for way, own, height in zip(ways, named, body, strict=True):
        _way(blank, found, way, own, xlim, (left, right, top))
        top += height + _BETWEEN
    return blank.figure


def _lines(found: Sequence[Name]) -> float:
    return (max((name.line for name in found), default=-1) + 1) * LINE


def _height(found: Sequence[Name]) -> float:
    return _HEAD + _lines(found) + 20 + READS + _GAP + WRITES + _GAP + RATE


def names(statements: Sequence[StatementView], scale: float, room: float) -> list[Name]:
    """Names of statements on as few lines as keep them and their leaders apart.

    `scale` is points per second, `room` the points up to the sheet's edge. A name reaches to
    the right of its leader, so an earlier one that would cover a later leader stands higher.
    """
    placed: list[Name] = []
    for group in reversed(_groups(statements, scale)):
        x = group[0].begun_s * scale
        words = fit(_group_words(group), 8.2, max(room - x - 4, 30))
        end = x + 4 + text_width(words, 8.2)
        line = max((name.line + 1 for name in placed if name.x < end), default=0)
        placed.append(Name(x, words, line))
    return placed[::-1]


def _groups(statements: Sequence[StatementView], scale: float) -> list[list[StatementView]]:
    groups: list[list[StatementView]] = []
    for statement in sorted(statements, key=lambda found: found.begun_s):
        near = groups and (statement.begun_s - groups[-1][0].begun_s) * scale < LEAST
        small = (statement.ended_s - statement.begun_s) * scale < LEAST
        if groups and near and small:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def _group_words(group: Sequence[StatementView]) -> str:
    if len(group) == 1:
        return group[0].name
    spent = group[-1].ended_s - group[0].begun_s
    if group[0].ended_s - group[0].begun_s > 0.5 * spent:
        return f"{group[0].name} + {len(group) - 1}"
    return counted(len(group), "statement", "statements")


def _way(
    blank: Page, found: LiveView, way: WayView, own: Sequence[Name],
    xlim: tuple[float, float], place: tuple[float, float, float],
) -> None:  # fmt: skip
    left, right, top = place
    latencies = [
        value
        for key in ("reads", "writes")
        for one in found.ways
        for entry in one.timeline.get(key, ())
        for value in (entry.p50_ns, entry.p99_ns)
    ]
    limits = log_limits(latencies)
    top += _HEAD + _lines(own) + 20

    def upper(height: float) -> Panel:
        return panel(
            blank, left=left, right=right, top=top, height=height, xlim=xlim,
            ylim=limits, log=True, label=duration,
        )  # fmt: skip

    reads = upper(READS)
    top += READS + _GAP
    writes = upper(WRITES)
    top += WRITES + _GAP
    entries = [e.requests_per_second or 0 for es in way.timeline.values() for e in es]
    rates = panel(
        blank, left=left, right=right, top=top, height=RATE, xlim=xlim,
        ylim=(0, max([*entries, 1]) * 1.1), log=False, label=significant,
    )  # fmt: skip
    _shade(way, found.ways.index(way), reads, writes, rates)
    _head(reads, way, own)
    _latency(reads, way.timeline.get("reads", ()))
    _latency(writes, way.timeline.get("writes", ()))
    for target, key in ((reads, "reads"), (writes, "writes")):
        _seconds(target, way, found.ways.index(way), key)
    _throughput(rates, way)
    for target, words in ((reads, "Reads"), (writes, "Writes"), (rates, "Answers a second")):
        target.heading(words, dy=8)
    _stalls(writes, way)
    rates.text(
        rates.width / 2, -26, "seconds since the load began", ha="center", color=palette.MUTED
    )


def _shade(way: WayView, place: int, *panels: Panel) -> None:
    most = 6 if panels[0].sheet.narrow else 12
    ticks = linear_ticks(*panels[0].xlim, most=most)
    for target in panels:
        last = target is panels[-1]
        x_ticks(target, [(tick, significant(tick) if last else "") for tick in ticks], grid=False)
        for position, statement in enumerate(way.statements):
            shade = target.axes.axvspan(
                statement.begun_s, statement.ended_s,
                facecolor=palette.GRID if position % 2 else palette.CONTROL,
                alpha=0.55 if position % 2 else 0.3, linewidth=0, zorder=0.4,
            )  # fmt: skip
            origin = sources.at("live", "ways", place, "statements", position)
            tip(shade, _statement_text(statement), origin)


def _statement_text(statement: StatementView) -> str:
    took = duration((statement.ended_s - statement.begun_s) * 1e9)
    return (
        f"{statement.object}\n{statement.kind}: begun at {duration(statement.begun_s * 1e9)},"
        f" took {took}"
    )


def _seconds(target: Panel, way: WayView, place: int, what: str) -> None:
    """Each second's column tells what was measured in it."""
    found = way.timeline.get(what, ())
    entries = way.document["timeline"].get(what, ())
    path = ("ways", place, "timeline", what)
    origins = [sources.second("live", entries, e.second, *path) for e in found]
    told = [
        f"{what}, second {e.second:g}\np50 {duration(e.p50_ns)}, "
        f"p99 {duration(e.p99_ns)}, {rate(e.requests_per_second)}"
        + (f", {e.errors} errors" if e.errors else "")
        for e in found
    ]
    spans(target.axes, [(e.second, e.second + 1) for e in found], told, origins)


def _head(reads: Panel, way: WayView, own: Sequence[Name]) -> None:
    """The way's title, and its statements' names with leaders down to their shades."""
    lines = _lines(own)
    spent = duration((way.ended_s - way.begun_s) * 1e9)
    title = f"{way.short}: the migration took {spent}" if way.counts else way_warning(way)
    title = title[:1].upper() + title[1:]
    words = fit(title, reads.sheet.text * 1.1, reads.sheet.width - 12)
    reads.heading(words, dy=lines + 29)
    for name in own:
        dy = 20 + name.line * LINE
        reads.axes.plot(
            [name.x / reads.width] * 2, [1, 1 + (dy + 4) / reads.height],
            transform=reads.axes.transAxes, clip_on=False, color=palette.CONTROL, linewidth=0.7,
        )  # fmt: skip
        reads.text(name.x + 3, reads.height + dy, name.words, color=palette.MUTED)


def _latency(target: Panel, found: Sequence[SecondView]) -> None:
    middles = [entry.second + 0.5 for entry in found]
    target.axes.plot(
        middles, gaps(e.p99_ns for e in found),
        color=palette.INK, linewidth=1.9, marker=".", ms=2.5, zorder=3,
    )  # fmt: skip
    target.axes.plot(
        middles, gaps(e.p50_ns for e in found),
        color=palette.BEFORE, linewidth=1.0, marker=".", ms=1.5, zorder=3,
    )  # fmt: skip
    if found:
        p99 = next((e.p99_ns for e in reversed(found) if e.p99_ns), None)
        p50 = next((e.p50_ns for e in reversed(found) if e.p50_ns), None)
        ends = [
            EndLabel(p99, "p99", palette.INK, bold=True),
            EndLabel(p50, "p50", palette.BEFORE),
        ]
        end_labels(target, ends)


def _throughput(rates: Panel, way: WayView) -> None:
    ends = []
    for key, colour, dash in (
        ("reads", palette.BEFORE, "solid"),
        ("writes", palette.AFTER_EDGE, (0, (4, 1.4))),
    ):
        found = way.timeline.get(key, ())
        rates.axes.plot(
            [entry.second + 0.5 for entry in found],
            gaps(entry.requests_per_second for entry in found),
            color=colour, linestyle=dash, linewidth=1.5, zorder=3,
        )  # fmt: skip
        failed = [e for e in found if e.errors]
        rates.axes.plot(
            [e.second + 0.5 for e in failed], [e.requests_per_second or 0 for e in failed],
            marker="x", ms=5, mew=1.4, color=palette.SLOWER, linestyle="none", zorder=4,
        )  # fmt: skip
        if found:
            ends.append(EndLabel((found[-1].requests_per_second or 0) or 0.01, key, colour))
    end_labels(rates, ends)


def _stalls(writes: Panel, way: WayView) -> None:
    """A bar above each stretch without an answered write; the longest with its length."""
    if not way.stalls or not way.counts:
        return
    y = 1 + 2.5 / writes.height
    places = [
        (writes.along(begun), writes.along(min(ended, writes.xlim[1])))
        for begun, ended in way.stalls
    ]
    for (first, last), (begun, ended) in zip(places, way.stalls, strict=True):
        bar = writes.axes.plot(
            [first / writes.width, last / writes.width], [y, y],
            transform=writes.axes.transAxes, clip_on=False, color=palette.SLOWER, linewidth=2.2,
            marker="|", ms=5, mew=1.6, solid_capstyle="butt", zorder=5,
        )  # fmt: skip
        tip(bar, f"no write was answered for {duration((ended - begun) * 1e9)}")
    first, last = max(places, key=lambda place: place[1] - place[0])
    words = f"no write for {duration(way.write_stall_ns)}"
    # The heading of the panel stands on the same line, at the left.
    half = text_width(words, writes.sheet.small) * 0.55
    middle = min(max((first + last) / 2, half + 16), writes.width - half)
    writes.text(
        middle, writes.height + 11, words, ha="center", color=palette.SLOWER, fontweight="bold"
    )
