"""Every operation in one picture: before, after and recommended on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import marks
from bench.report.plots.canvas import Board, Style, board, fit, log_axis
from bench.report.plots.hover import tip
from bench.report.run_report import Report
from bench.report.sections.claims import promised_speedup
from bench.report.sections.operations import family_title, grouped, source_of
from bench.report.text import comparison_text, counted, effect_text, interval_text
from bench.report.units import duration, span
from bench.results.comparison import OperationComparison, Pair


@dataclass(frozen=True, slots=True)
class ShownOperation:
    """One operation: its comparison of base and judged arm, and the promised range of speedups."""

    entry: OperationComparison
    pair: Pair | None
    promised: tuple[float, float] | None
    source: str


def operations_dumbbell(report: Report, *, narrow: bool = False) -> Figure:
    """Median time of every operation in every arm, by family, slower ones on top.

    Whiskers are 95 % intervals; a band is the range of times that the claim
    on the operation promises, reckoned from the base's median.
    """
    arms, comparison = report.arms, report.comparison
    groups = [
        (family_title(report.families, key), [_shown_operation(report, entry) for entry in members])
        for key, members in grouped(comparison)
    ]
    operations = [operation for _, members in groups for operation in members]
    heading, row, track = (25.0, 34.0, 23.0) if narrow else (23.0, 17.0, 8.5)
    names = {name for entry in comparison.operations for name in entry.arms}
    promised = any(operation.promised for operation in operations)
    key = marks.key_lines(marks.key_entries(arms, names, promised=promised), 258 if narrow else 578)
    height = 17.0 * len(key) + heading * len(groups) + row * len(operations) + 6
    left, right = (12.0, 12.0) if narrow else (180.0, 204.0)
    note = (
        "Median time of one execution, logarithmic: further left is faster."
        " Whiskers are 95 % intervals."
    )
    canvas = board(
        narrow=narrow, title=_title(operations), note=note, height=height, left=left, right=right
    )
    log_axis(canvas.axes, *_limits(arms.base, operations), duration)
    canvas.axes.set_ylim(height, 0)
    drawing = _Drawing(canvas, arms)
    y = marks.add_key(canvas, key)
    for title, members in groups:
        drawing.heading(title, members, y + heading - 7)
        y += heading
        for operation in members:
            drawing.row(operation, y + (8 if narrow else track), y + track)
            y += row
    return canvas.figure


def _shown_operation(report: Report, entry: OperationComparison) -> ShownOperation:
    comparison = report.comparison
    return ShownOperation(
        entry,
        entry.pair(comparison.base, comparison.judged),
        promised_speedup(report.claims, entry.name, entry.family),
        source_of(comparison, entry.name),
    )


def _title(operations: Sequence[ShownOperation]) -> str:
    compared: list[tuple[str, str]] = [
        (operation.entry.kind, operation.pair.verdict)
        for operation in operations
        if not operation.entry.control and operation.pair is not None
    ]
    nouns = (("read", "query", "queries"), ("write", "write", "writes"))
    slow = " and ".join(
        counted(compared.count((kind, "slower")), singular, plural, str)
        for kind, singular, plural in nouns
        if (kind, "slower") in compared
    )
    fast = counted(compared.count(("read", "faster")), "query", "queries", str)
    return f"{slow or 'Nothing'} got slower, {fast} got faster"


def _limits(base_arm: str, operations: Sequence[ShownOperation]) -> tuple[float, float]:
    values: list[float] = []
    for operation in operations:
        for arm in operation.entry.arms.values():
            values += [float(v) for v in (arm.median_ns, *(arm.ci95_ns or ())) if v]
        base = operation.entry.arms.get(base_arm)
        if operation.promised and base and base.median_ns:
            values += [base.median_ns / factor for factor in operation.promised]
    return (min(values), max(values)) if values else (1e3, 1e9)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The board and the arms that every row is drawn with."""

    board: Board
    arms: Arms

    def heading(self, title: str, members: Sequence[ShownOperation], y: float) -> None:
        """A family's title, and what was promised of all of it."""
        controls = all(operation.entry.control for operation in members)
        tone = palette.MUTED if controls else palette.INK
        self.board.edge_text("left", y, title, bold=True, color=tone)
        promises = {operation.promised for operation in members}
        promised = next(iter(promises)) if len(promises) == 1 else None
        if promised and self.board.sheet.width / 5.6 - len(title) * 1.15 > 24:
            words = f"promised {span(*promised)}× faster"
            self.board.edge_text("right", y, words, color=palette.MUTED, small=True)

    def row(self, operation: ShownOperation, text: float, track: float) -> None:
        """One operation: its texts at `text`, its marks at `track`."""
        entry, pair, axes = operation.entry, operation.pair, self.board.axes
        size = self.board.sheet
        title = fit(entry.title, size.text, 166.0 if size.narrow else self.board.left)
        ink = palette.MUTED if entry.control else palette.INK
        self.board.edge_text("left", text, title, color=ink)
        self._verdict(operation, text)
        whole = axes.get_yaxis_transform()
        grid: Style = {"color": palette.GRID, "linewidth": 0.6, "zorder": 0.5}
        axes.plot([0, 1], [track, track], transform=whole, **grid)
        base, judged = entry.arms.get(self.arms.base), entry.arms.get(self.arms.judged)
        if base is not None and base.median_ns and operation.promised is not None:
            low, high = operation.promised
            promised_range = (base.median_ns / high, base.median_ns / low)
            tip_text = f"{entry.title}\npromised {span(low, high)}× faster"
            marks.promised_band(self.board, promised_range, track, 6, tip_text)
        if base and judged and base.median_ns and judged.median_ns:
            slower = pair is not None and pair.verdict == "slower"
            line = axes.plot(
                [base.median_ns, judged.median_ns], [track, track],
                color=palette.SLOWER if slower else palette.CONTROL,
                linewidth=2.6 if slower else 1.5, solid_capstyle="butt", zorder=2,
            )  # fmt: skip
            times = " → ".join(
                f"{self.arms.label(name)} {duration(entry.arms[name].median_ns)}"
                for name in (self.arms.base, self.arms.judged)
            )
            tip_text = comparison_text(pair) if pair else "not compared"
            tip(line, f"{entry.title}\n{times}\n{tip_text}", operation.source)
        last = (self.arms.base, self.arms.judged)
        names = [name for name in self.arms.labels if name in entry.arms]
        names.sort(key=lambda name: last.index(name) + 1 if name in last else 0)
        for position, name in enumerate(names):
            self._dot(operation, name, track, 3 + position)

    def _dot(self, operation: ShownOperation, name: str, y: float, layer: int) -> None:
        entry, arm = operation.entry, operation.entry.arms[name]
        if not arm.median_ns:
            return
        mark = marks.mark_of(self.arms, name)
        edge, face = mark.edge, mark.face
        if entry.control:
            edge, face = palette.CONTROL, mark.grey
        interval = f" ({' to '.join(map(duration, arm.ci95_ns))})" if arm.ci95_ns else ""
        tip_text = f"{entry.title}\n{self.arms.label(name)}: {duration(arm.median_ns)}{interval}"
        axes = self.board.axes
        if arm.ci95_ns:
            bar = marks.whisker(axes, arm.ci95_ns, [y, y], edge, size=6, width=1.1, layer=layer)
            tip(bar, tip_text, operation.source)
        dot = mark.plot(axes, arm.median_ns, y, mfc=face, mec=edge, mew=1, zorder=layer)
        tip(dot, tip_text, operation.source)

    def _verdict(self, operation: ShownOperation, y: float) -> None:
        pair, entry, narrow = operation.pair, operation.entry, self.board.sheet.narrow
        if pair is None or not entry.arms:
            words = "not compared" if pair is None else "not measured"
            self.board.edge_text("right", y, words, color=palette.MUTED)
            return
        tone = palette.MUTED if entry.control else palette.INK
        if pair.verdict == "slower" and not entry.control:
            tone = palette.SLOWER
        words = f"{palette.verdict(pair.verdict).shape} {effect_text(pair)}"
        inset = 0.0 if narrow else 94.0
        self.board.edge_text("right", y, words, color=tone, bold=pair.decided, inset=inset)
        if not narrow:
            self.board.edge_text("right", y, interval_text(pair), color=palette.MUTED, small=True)
