"""Every operation in one picture: before, after and recommended on one axis of time.

Room show.plots: values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.units import duration, effect, span
from bench.show import sources
from bench.show.plots.canvas import Board, board, fit, time_axis
from bench.show.plots.hover import tip
from bench.show.plots.marks import draw_key, key_entries, key_lines, mark_of, promised_band
from bench.show.report import Report
from bench.show.view import (
    ArmView,
    FamilyView,
    OperationView,
    families,
)
from bench.show.wording import comparison_text, interval_text


@dataclass(frozen=True, slots=True)
class Rows:
    """Heights in points: a family's heading, a row, and the row's track below its text."""

    heading: float
    row: float
    track: float


WIDE_ROWS = Rows(heading=23, row=17, track=8.5)
NARROW_ROWS = Rows(heading=25, row=34, track=23)


def operations_dumbbell(report: Report, *, narrow: bool = False) -> Figure:
    """Median time of every operation in every arm, by family, slower ones on top.

    Whiskers are 95 % intervals; a band is the range of times that the claim
    on the operation promises, reckoned from the base's median.
    """
    groups = families(report)
    rows = NARROW_ROWS if narrow else WIDE_ROWS
    key = key_lines(key_entries(report, groups), 258 if narrow else 578)
    count = sum(len(group.operations) for group in groups)
    height = 17.0 * len(key) + rows.heading * len(groups) + rows.row * count + 6
    left, right = (12.0, 12.0) if narrow else (180.0, 204.0)
    canvas = board(
        narrow=narrow,
        title=_title(groups),
        note="Median time of one execution, logarithmic: further left is faster."
        " Whiskers are 95 % intervals.",
        height=height,
        left=left,
        right=right,
    )
    low, high = _limits(report.base, groups)
    time_axis(canvas.axes, low, high)
    canvas.axes.set_ylim(height, 0)
    y = draw_key(canvas, key)
    for group in groups:
        _heading(canvas, group, y, rows)
        y += rows.heading
        for operation in group.operations:
            _row(report, canvas, operation, y, rows)
            y += rows.row
    return canvas.figure


def _title(groups: tuple[FamilyView, ...]) -> str:
    compared = [o for g in groups for o in g.operations if not o.control and o.versus is not None]

    def number(kind: str, verdict: str) -> int:
        return sum(
            1
            for o in compared
            if o.kind == kind and o.versus is not None and o.versus.verdict == verdict
        )

    reads, writes = number("read", "slower"), number("write", "slower")
    slow = " and ".join(
        f"{n} {word if n == 1 else word + end}"
        for n, word, end in ((reads, "quer", ""), (writes, "write", "s"))
        if n
    )
    slow = slow.replace("1 quer", "1 query", 1) if reads == 1 else slow.replace("quer", "queries")
    fast = number("read", "faster")
    faster = f"{fast} {'query' if fast == 1 else 'queries'} got faster"
    return f"{slow} got slower, {faster}" if slow else f"Nothing got slower, {faster}"


def _limits(base_arm: str, groups: tuple[FamilyView, ...]) -> tuple[float, float]:
    values: list[float] = []
    for group in groups:
        for operation in group.operations:
            for arm in operation.arms:
                values += [v for v in (arm.median_ns, *(arm.ci95_ns or ())) if v]
            base = operation.arm(base_arm)
            if operation.promised and base and base.median_ns:
                values += [base.median_ns / factor for factor in operation.promised]
    return (min(values), max(values)) if values else (1e3, 1e9)


def _heading(canvas: Board, group: FamilyView, y: float, rows: Rows) -> None:
    tone = palette.MUTED if group.control else palette.INK
    canvas.edge_text("left", y + rows.heading - 7, group.title, fontweight="bold", color=tone)
    band = {o.promised for o in group.operations}
    promised = next(iter(band)) if len(band) == 1 else None
    room = canvas.sheet.width / 5.6 - len(group.title) * 1.15
    if promised and room > 24:
        canvas.edge_text(
            "right",
            y + rows.heading - 7,
            f"promised {span(*promised)}× faster",
            color=palette.MUTED,
            fontsize=canvas.sheet.small,
        )


def _row(report: Report, canvas: Board, operation: OperationView, y: float, rows: Rows) -> None:
    track = y + rows.track
    text = y + (8 if canvas.sheet.narrow else rows.track)
    ink = palette.MUTED if operation.control else palette.INK
    width = 166.0 if canvas.sheet.narrow else canvas.left
    title = fit(operation.title, canvas.sheet.text, width)
    canvas.edge_text("left", text, title, color=ink)
    _verdict_text(canvas, operation, text)
    canvas.axes.plot(
        [0, 1],
        [track, track],
        transform=canvas.axes.get_yaxis_transform(),
        color=palette.GRID,
        linewidth=0.6,
        zorder=0.5,
    )
    _band(report, canvas, operation, track)
    base, judged = operation.arm(report.base), operation.arm(report.judged)
    if base and judged and base.median_ns and judged.median_ns:
        colour = palette.SLOWER if operation.slower else palette.CONTROL
        line = canvas.axes.plot(
            [base.median_ns, judged.median_ns],
            [track, track],
            color=colour,
            linewidth=2.6 if operation.slower else 1.5,
            solid_capstyle="butt",
            zorder=2,
        )
        tip(line, _change(operation, base, judged), sources.operation(report, operation.name))
    for position, arm in enumerate(_painters_order(report, operation)):
        _dot(report, canvas, operation, arm, y=track, layer=3 + position)


def _change(operation: OperationView, base: ArmView, judged: ArmView) -> str:
    times = f"{base.label} {duration(base.median_ns)} → {judged.label} {duration(judged.median_ns)}"
    told = comparison_text(operation.versus) if operation.versus else "not compared"
    return f"{operation.title}\n{times}\n{told}"


def _told(operation: OperationView, arm: ArmView) -> str:
    low, high = arm.ci95_ns or (None, None)
    interval = f" ({duration(low)} to {duration(high)})" if arm.ci95_ns else ""
    return f"{operation.title}\n{arm.label}: {duration(arm.median_ns)}{interval}"


def _painters_order(report: Report, operation: OperationView) -> list[ArmView]:
    last = (report.base, report.judged)
    return sorted(
        operation.arms, key=lambda arm: last.index(arm.name) + 1 if arm.name in last else 0
    )


def _dot(
    report: Report, canvas: Board, operation: OperationView, arm: ArmView, *, y: float, layer: int
) -> None:
    if not arm.median_ns:
        return
    mark, source = mark_of(report, arm.name), sources.operation(report, operation.name)
    grey, told = operation.control, _told(operation, arm)
    edge = palette.CONTROL if grey else mark.edge
    if arm.ci95_ns:
        whisker = canvas.axes.plot(
            arm.ci95_ns,
            [y, y],
            color=edge,
            linewidth=1.1,
            marker="|",
            ms=6,
            mew=1.1,
            zorder=layer,
        )
        tip(whisker, told, source)
    dot = canvas.axes.plot(
        [arm.median_ns],
        [y],
        marker=mark.marker,
        ms=mark.size,
        mfc=mark.grey if grey else mark.face,
        mec=edge,
        mew=1,
        zorder=layer,
        linestyle="none",
    )
    tip(dot, told, source)


def _band(report: Report, canvas: Board, operation: OperationView, y: float) -> None:
    base = operation.arm(report.base)
    if operation.promised is None or base is None or not base.median_ns:
        return
    low, high = operation.promised
    start, end = base.median_ns / high, base.median_ns / low
    told = f"{operation.title}\npromised {span(low, high)}× faster"
    promised_band(canvas, (start, end), y, 6, told)


def _verdict_text(canvas: Board, operation: OperationView, y: float) -> None:
    versus = operation.versus
    tone = palette.MUTED if operation.control else palette.INK
    if versus is None:
        canvas.edge_text("right", y, "not compared", color=palette.MUTED)
        return
    if not operation.arms:
        canvas.edge_text("right", y, "not measured", color=palette.MUTED)
        return
    shape = palette.verdict(versus.verdict)
    if versus.verdict == "slower" and not operation.control:
        tone = palette.SLOWER
    words = effect(versus.speedup) if versus.verdict in ("faster", "slower") else versus.verdict
    weight = "bold" if versus.verdict in ("faster", "slower") else "normal"
    inset = 0.0 if canvas.sheet.narrow else 94.0
    canvas.edge_text(
        "right", y, f"{shape.shape} {words}", color=tone, fontweight=weight, inset=inset
    )
    if not canvas.sheet.narrow:
        canvas.edge_text(
            "right", y, interval_text(versus), color=palette.MUTED, fontsize=canvas.sheet.small
        )
