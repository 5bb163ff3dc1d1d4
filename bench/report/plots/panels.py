"""Panels for lines: logarithmic or linear axes, and labels that keep out of each other's way.

Sizes are points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from bench.report import palette
from bench.report.plots.canvas import LETTER, POINT, Page, Sheet, Style
from bench.report.plots.hover import spans
from bench.report.units import duration, rate
from bench.results.live import Second
from bench.results.load import TimelineSecond

NAN = float("nan")
Values = Sequence[float]
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a series is drawn; two series differ in lightness and in the pattern of the line."""

    colour: str
    label: str
    width: float
    dash: Any
    marker: str

    def line(self, axes: Axes, xs: Values, ys: Values, **style: Any) -> list[Line2D]:
        """A line of this kind through points of the data."""
        kind: Style = {"color": self.colour, "linewidth": self.width, "zorder": 3}
        return axes.plot(xs, ys, linestyle=self.dash, **(kind | style))

    def dot(self, axes: Axes, x: float, y: float, **style: Any) -> list[Line2D]:
        """A mark of this kind on the line."""
        kind: Style = {"marker": self.marker, "mfc": self.colour, "mec": self.label, "zorder": 4}
        return axes.plot([x], [y], linestyle="none", **(kind | style))


BASE = Stroke(palette.BEFORE, palette.BEFORE, 2.0, (0, (5, 1.6)), "o")
ARM = Stroke(palette.AFTER, palette.AFTER_EDGE, 2.2, "solid", "D")


@dataclass(frozen=True, slots=True)
class EndLabel:
    """Words for the end of a line that ends at the value `y`."""

    y: float | None
    words: str
    colour: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Axes `width` by `height` points in size, with their limits."""

    page: Page
    axes: Axes
    width: float
    height: float
    xlim: Limits
    ylim: Limits
    log: bool

    @property
    def sheet(self) -> Sheet:
        """The sheet that it stands on."""
        return self.page.sheet

    def up(self, y: float) -> float:
        """How many points above the panel's foot a value stands."""
        low, high = self.ylim
        if self.log:
            low, high, y = math.log(low), math.log(high), math.log(y)
        return (y - low) / (high - low) * self.height

    def along(self, x: float) -> float:
        """How many points from the panel's left edge a value stands, on a linear axis."""
        low, high = self.xlim
        return (x - low) / (high - low) * self.width

    def text(self, dx: float, dy: float, words: str, **style: Any) -> None:
        """Words at a place in points from the panel's lower left corner."""
        kind: Style = {
            "ha": "left", "va": "center_baseline", "fontsize": self.sheet.small,
            "color": palette.INK, "clip_on": False, "parse_math": False,
        }  # fmt: skip
        shift = ScaledTranslation(dx * POINT, dy * POINT, self.page.figure.dpi_scale_trans)
        self.axes.text(0, 0, words, transform=self.axes.transAxes + shift, **(kind | style))

    def heading(self, words: str, *, dy: float = 10) -> None:
        """A heading above the panel, at the sheet's left edge."""
        left = self.axes.get_position().x0 * self.sheet.width
        self.text(6 - left, self.height + dy, words, fontsize=self.sheet.text, fontweight="bold")

    def foot(self, words: str) -> None:
        """What the axis below the panel measures."""
        self.text(self.width / 2, -26, words, ha="center", color=palette.MUTED)

    def x_ticks(self, ticks: Sequence[tuple[float, str]], *, grid: bool = True) -> None:
        """Labels below, with gridlines unless told otherwise."""
        axis, words = self.axes.xaxis, dict(ticks)
        axis.set_major_locator(FixedLocator([at for at, _ in ticks]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: words.get(value, "")))
        if grid:
            self.axes.grid(axis="x", color=palette.GRID, linewidth=0.8)

    def log_x(self, ticks: Sequence[tuple[float, str]]) -> None:
        """A logarithmic axis of sizes with these labels only."""
        self.axes.set_xscale("log")
        self.x_ticks(ticks)
        self.axes.minorticks_off()

    def end_labels(self, labels: Sequence[EndLabel], *, dx: float = 6) -> None:
        """Write each line's name to the right of the panel, next to where the line ends."""
        known = [label for label in labels if label.y]
        places = [self.up(label.y) for label in known if label.y]
        spread = spread_out(places, self.sheet.small * 1.35, 2, self.height - 2)
        for label, y in zip(known, spread, strict=True):
            weight = "bold" if label.bold else "normal"
            self.text(self.width + dx, y, label.words, color=label.colour, fontweight=weight)

    def line_key(self, entries: Sequence[tuple[Stroke, str]], *, dy: float = 10) -> None:
        """Names of lines above the panel, each behind a piece of its line."""
        x = 0.0
        for stroke, words in entries:
            self.axes.plot(
                [x / self.width, (x + 24) / self.width], [1 + dy / self.height] * 2,
                transform=self.axes.transAxes, clip_on=False, color=stroke.colour,
                linewidth=stroke.width, linestyle=stroke.dash,
            )  # fmt: skip
            self.text(x + 29, self.height + dy, words, color=stroke.label)
            x += 45 + text_width(words, self.sheet.small)


def panel(
    page: Page, *, left: float, right: float, top: float, height: float, xlim: Limits, ylim: Limits,
    log: bool, label: Callable[[float], str],
) -> Panel:  # fmt: skip
    """Axes with horizontal gridlines whose labels `label` writes."""
    axes = page.axes(left=left, right=right, top=top, height=height)
    axes.set_xlim(*xlim)
    if log:
        axes.set_yscale("log")
    axes.set_ylim(*ylim)
    most = max(2, int(height / 22))
    ticks = log_ticks(*ylim, most=most) if log else linear_ticks(*ylim, most=most)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))
    axes.tick_params(axis="y", left=False, labelleft=True)
    axes.grid(axis="y", color=palette.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_minor_locator(NullLocator())
    return Panel(page, axes, page.sheet.width - left - right, height, xlim, ylim, log)


def second_text(entry: Second | TimelineSecond) -> str:
    """What was measured in one second."""
    failed = f", {entry.errors:g} errors" if entry.errors else ""
    times = f"p50 {duration(entry.p50_ns)}, p99 {duration(entry.p99_ns)}"
    return f"{times}, {rate(entry.requests_per_second)}{failed}"


def second_tips(
    targets: Iterable[Panel],
    seconds: Sequence[int],
    tip_texts: Sequence[str],
    sources: Sequence[str],
) -> None:
    """Let the column of each second say what was measured in it."""
    for target in targets:
        spans(target.axes, [(second, second + 1) for second in seconds], tip_texts, sources)


def error_marks(target: Panel, line: Iterable[Second | TimelineSecond], **style: Any) -> None:
    """A cross on the rate of each second that had errors."""
    failed = [(entry.second + 0.5, entry.requests_per_second) for entry in line if entry.errors]
    xs, ys = [x for x, _ in failed], [y for _, y in failed]
    target.axes.plot(xs, ys, marker="x", linestyle="none", **style)


def log_limits(values: Iterable[float | None], *, room: float = 1.3) -> tuple[float, float]:
    """Limits of a logarithmic axis that holds all values with a factor of room on both sides."""
    known = [value for value in values if value]
    low, high = (min(known), max(known)) if known else (1e6, 1e9)
    if high / low < 10:
        middle = math.sqrt(low * high)
        low, high = min(low, middle / 3), max(high, middle * 3)
    return low / room, high * room


def log_ticks(low: float, high: float, *, most: int) -> list[float]:
    """Round values between two limits: powers of ten, with others between if there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for between in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in between]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= most:
            return inside
    return inside[:: math.ceil(len(inside) / most)]


def linear_ticks(low: float, high: float, *, most: int) -> list[float]:
    """Round values between two limits, at most `most` steps of 1, 2 or 5."""
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(s * power for s in (1, 2, 5, 10, 20) if (high - low) / (s * power) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 9) for n in range(first, last + 1)]


def spread_out(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved as little as it takes to stand `gap` apart and between the limits.

    Their order is kept; where there is not room for all, the top ones pass the upper limit.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [min(max(places[i], low), high) for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    if moved and moved[-1] > high:
        moved[-1] = high
        for i in range(len(moved) - 2, -1, -1):
            moved[i] = min(moved[i], moved[i + 1] - gap)
        if moved[0] < low:
            moved = [low + n * gap for n in range(len(moved))]
    result = [0.0] * len(places)
    for position, i in enumerate(order):
        result[i] = moved[position]
    return result


def text_width(words: str, size: float) -> float:
    """About how wide words are, in points."""
    return len(words) * size * LETTER


def gaps(values: Iterable[float | None]) -> list[float]:
    """Values for a line that is broken where there are none."""
    return [NAN if value is None else float(value) for value in values]


def halo() -> dict[str, Any]:
    """Paper behind words that may stand on a line."""
    box = {"facecolor": palette.PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    return {"bbox": box, "zorder": 6}
