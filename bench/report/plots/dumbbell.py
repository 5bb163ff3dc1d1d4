"""Every operation in one picture: before, after and recommended on one axis of time.

Values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots.canvas import Board, board, fit, time_axis
from bench.report.plots.hover import tip
from bench.report.plots.marks import draw_key, key_entries, key_lines, mark_of, promised_band
from bench.report.run_report import Report
from bench.report.sections.claims import promised_speedup
from bench.report.sections.operations import family_title, grouped, source_of
from bench.report.text import comparison_text, effect_text, interval_text
from bench.report.units import duration, span
from bench.results.comparison import OperationComparison, Pair


@dataclass(frozen=True, slots=True)
class Drawn:
    """One operation: its comparison of base and judged arm, and the promised range of speedups."""

    entry: OperationComparison
    pair: Pair | None
    promised: tuple[float, float] | None
    source: str


@dataclass(frozen=True, slots=True)
class Group:
    """A family of operations under its title."""

    title: str
    operations: tuple[Drawn, ...]

    @property
    def control(self) -> bool:
        """Whether the family holds controls only."""
        return all(operation.entry.control for operation in self.operations)


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
    groups, arms = _groups(report), report.arms
    rows = NARROW_ROWS if narrow else WIDE_ROWS
    drawn = {name for entry in report.comparison.operations for name in entry.arms}
    promised = any(operation.promised for group in groups for operation in group.operations)
    key = key_lines(key_entries(arms, drawn, promised=promised), 258 if narrow else 578)
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
    low, high = _limits(arms.base, groups)
    time_axis(canvas.axes, low, high)
    canvas.axes.set_ylim(height, 0)
    y = draw_key(canvas, key)
    for group in groups:
        _heading(canvas, group, y, rows)
        y += rows.heading
        for operation in group.operations:
            _row(arms, canvas, operation, y, rows)
            y += rows.row
    return canvas.figure


def _groups(report: Report) -> tuple[Group, ...]:
    comparison = report.comparison

    def drawn(entry: OperationComparison) -> Drawn:
        return Drawn(
            entry,
            entry.pair(comparison.base, comparison.judged),
            promised_speedup(report.claims, entry.name, entry.family),
            source_of(comparison, entry.name),
        )

    return tuple(
        Group(family_title(report.families, key), tuple(map(drawn, members)))
        for key, members in grouped(comparison)
    )


def _title(groups: tuple[Group, ...]) -> str:
    compared: list[tuple[str, str]] = [
        (operation.entry.kind, operation.pair.verdict)
        for group in groups
        for operation in group.operations
        if not operation.entry.control and operation.pair is not None
    ]

    def number(kind: str, verdict: str) -> int:
        return compared.count((kind, verdict))

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


def _limits(base_arm: str, groups: tuple[Group, ...]) -> tuple[float, float]:
    values: list[float] = []
    for group in groups:
        for operation in group.operations:
            for arm in operation.entry.arms.values():
                values += [float(v) for v in (arm.median_ns, *(arm.ci95_ns or ())) if v]
            base = operation.entry.arms.get(base_arm)
            if operation.promised and base and base.median_ns:
                values += [base.median_ns / factor for factor in operation.promised]
    return (min(values), max(values)) if values else (1e3, 1e9)


def _heading(canvas: Board, group: Group, y: float, rows: Rows) -> None:
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


def _row(arms: Arms, canvas: Board, operation: Drawn, y: float, rows: Rows) -> None:
    entry, pair = operation.entry, operation.pair
    track = y + rows.track
    text = y + (8 if canvas.sheet.narrow else rows.track)
    ink = palette.MUTED if entry.control else palette.INK
    width = 166.0 if canvas.sheet.narrow else canvas.left
    title = fit(entry.title, canvas.sheet.text, width)
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
    _band(arms, canvas, operation, track)
    base, judged = entry.arms.get(arms.base), entry.arms.get(arms.judged)
    if base and judged and base.median_ns and judged.median_ns:
        slower = pair is not None and pair.verdict == "slower"
        colour = palette.SLOWER if slower else palette.CONTROL
        line = canvas.axes.plot(
            [base.median_ns, judged.median_ns],
            [track, track],
            color=colour,
            linewidth=2.6 if slower else 1.5,
            solid_capstyle="butt",
            zorder=2,
        )
        tip(line, _change(arms, operation), operation.source)
    for position, name in enumerate(_painters_order(arms, entry)):
        _dot(arms, canvas, operation, name, y=track, layer=3 + position)


def _change(arms: Arms, operation: Drawn) -> str:
    times = " → ".join(
        f"{arms.label(name)} {duration(operation.entry.arms[name].median_ns)}"
        for name in (arms.base, arms.judged)
    )
    words = comparison_text(operation.pair) if operation.pair else "not compared"
    return f"{operation.entry.title}\n{times}\n{words}"


def _dot_text(arms: Arms, entry: OperationComparison, name: str) -> str:
    arm = entry.arms[name]
    interval = f" ({' to '.join(map(duration, arm.ci95_ns))})" if arm.ci95_ns else ""
    return f"{entry.title}\n{arms.label(name)}: {duration(arm.median_ns)}{interval}"


def _painters_order(arms: Arms, entry: OperationComparison) -> list[str]:
    last = (arms.base, arms.judged)
    names = [name for name in arms.labels if name in entry.arms]
    return sorted(names, key=lambda name: last.index(name) + 1 if name in last else 0)


def _dot(arms: Arms, canvas: Board, operation: Drawn, name: str, *, y: float, layer: int) -> None:
    entry, arm, source = operation.entry, operation.entry.arms[name], operation.source
    if not arm.median_ns:
        return
    mark = mark_of(arms, name)
    grey, told = entry.control, _dot_text(arms, entry, name)
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


def _band(arms: Arms, canvas: Board, operation: Drawn, y: float) -> None:
    base = operation.entry.arms.get(arms.base)
    if operation.promised is None or base is None or not base.median_ns:
        return
    low, high = operation.promised
    start, end = base.median_ns / high, base.median_ns / low
    told = f"{operation.entry.title}\npromised {span(low, high)}× faster"
    promised_band(canvas, (start, end), y, 6, told)


def _verdict_text(canvas: Board, operation: Drawn, y: float) -> None:
    versus, entry = operation.pair, operation.entry
    tone = palette.MUTED if entry.control else palette.INK
    if versus is None:
        canvas.edge_text("right", y, "not compared", color=palette.MUTED)
        return
    if not entry.arms:
        canvas.edge_text("right", y, "not measured", color=palette.MUTED)
        return
    shape = palette.verdict(versus.verdict)
    if versus.verdict == "slower" and not entry.control:
        tone = palette.SLOWER
    words, weight = effect_text(versus), "bold" if versus.decided else "normal"
    inset = 0.0 if canvas.sheet.narrow else 94.0
    canvas.edge_text(
        "right", y, f"{shape.shape} {words}", color=tone, fontweight=weight, inset=inset
    )
    if not canvas.sheet.narrow:
        canvas.edge_text(
            "right", y, interval_text(versus), color=palette.MUTED, fontsize=canvas.sheet.small
        )
