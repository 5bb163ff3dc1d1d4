"""From counters and times at several sizes to growth.json: the exponent of each operation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from bench.judge.format import sentence_case
from bench.judge.sizes import largest_table, noun_of, size_of
from bench.judge.stats import CONFIDENCE, LEAST_ROUNDS, NoSamples, median, median_interval
from bench.results.growth import ArmGrowth, Growth, OperationGrowth, Point, Shape, Size
from bench.results.model import DatasetSummary, Interval
from bench.study import Study

# An exponent within so much of 0 is flat, within so much of 1 linear.
MARGIN = 0.1
LEAST_POINTS = 3


@dataclass(frozen=True, slots=True)
class Grown:
    """One operation on one arm at one size.

    `vm_steps` and `latencies_ns` have one value for each parameter set; `latencies_ns` is empty
    where only counters were asked for. A point that a finished run gives has its medians only, and
    `median_ci95_ns` beside them.
    """

    operation: str
    arm: str
    scale: float
    vm_steps: tuple[int, ...]
    latencies_ns: tuple[int, ...] = ()
    median_ci95_ns: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class GrowthRecord:
    """All that was measured at several sizes; `dataset` is that of the largest one."""

    study: Study
    arms: tuple[str, ...]
    sizes: tuple[Size, ...]
    points: tuple[Grown, ...]
    dataset: DatasetSummary
    from_run: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """A power law: cost = constant x size ** exponent, with the exponent's 95 % interval.

    `low` and `high` are None for two points, which leave nothing to tell an interval by.
    """

    exponent: float
    low: float | None
    high: float | None

    @property
    def ci95(self) -> Interval | None:
        """The interval as documents hold it."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def fit(sizes: Sequence[float], values: Sequence[float]) -> Fit | None:
    """The exponent by least squares of log(value) on log(size); None for less than two sizes.

    The interval is that of the slope of a straight line with Student's t of n - 2 degrees of
    freedom (Draper and Smith 1998, "Applied Regression Analysis", section 1.4). It holds what
    the points stray from a power law, be it noise or that they follow another law: few points
    that do not lie on one line give a wide interval, and that is meant.

    Raises:
        NoSamples: values and sizes are not equally many.
        ValueError: a size or value is not above 0.
    """
    if len(sizes) != len(values):
        raise NoSamples("Each size needs one value; measure every size again.")
    if any(number <= 0 for number in (*sizes, *values)):
        raise ValueError("A power law has sizes and values above 0 only.")
    if len(set(sizes)) < 2:
        return None
    log_sizes = np.log(np.asarray(sizes, np.float64))
    log_values = np.log(np.asarray(values, np.float64))
    spread = log_sizes - log_sizes.mean()
    squares = float(spread @ spread)
    exponent = float(spread @ log_values) / squares
    if len(sizes) < LEAST_POINTS:
        return Fit(exponent, None, None)
    astray = log_values - log_values.mean() - exponent * spread
    error = math.sqrt(float(astray @ astray) / (len(sizes) - 2) / squares)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(sizes) - 2)) * error
    return Fit(exponent, exponent - reach, exponent + reach)


def word(fitted: Fit | None) -> Shape:
    """What an exponent's interval says; `undecided` where it says more than one thing."""
    if fitted is None or fitted.ci95 is None:
        return "undecided"
    low, high = fitted.ci95
    if high <= MARGIN:
        return "flat"
    if high < 1 - MARGIN:
        return "below linear"
    if low > 1 + MARGIN:
        return "above linear"
    return "linear" if low >= 1 - MARGIN and high <= 1 + MARGIN else "undecided"


def growth_document(record: GrowthRecord) -> Growth:
    """The exponents by VM steps and by time, of each operation on each arm.

    They are taken over the rows of the largest table that stands for the size of the data.
    """
    sizes = sorted(record.sizes, key=lambda size: size.scale)
    table = largest_table(record.study.size, sizes[-1].rows)
    rows = {size.scale: size.rows[table] for size in sizes}
    operations = []
    for operation in record.study.operations:
        name, title, kind = operation.name, operation.title, operation.kind
        points = {
            arm: [p for p in record.points if (p.operation, p.arm) == (name, arm)]
            for arm in record.arms
        }
        arms = {arm: _arm(grown, rows) for arm, grown in points.items() if grown}
        if arms:
            operations.append(OperationGrowth(name=name, title=title, kind=kind, arms=arms))
    return Growth(
        study=record.study.name,
        dataset=record.dataset,
        points=tuple(sizes),
        operations=tuple(operations),
        limits=tuple(_limits(record, len(sizes))),
    )


def _arm(points: Sequence[Grown], rows: Mapping[float, int]) -> ArmGrowth:
    ordered = sorted(points, key=lambda point: point.scale)
    timed = [point for point in ordered if point.latencies_ns]
    steps = fit([rows[p.scale] for p in ordered], [median(p.vm_steps) for p in ordered])
    times = fit([rows[p.scale] for p in timed], [median(p.latencies_ns) for p in timed])
    return ArmGrowth(
        points=tuple(map(_point, ordered)),
        steps_exponent=None if steps is None else steps.exponent,
        steps_ci95=None if steps is None else steps.ci95,
        time_exponent=None if times is None else times.exponent,
        time_ci95=None if times is None else times.ci95,
        word=word(steps),
    )


def _point(point: Grown) -> Point:
    interval = point.median_ci95_ns
    if interval is None and len(point.latencies_ns) >= LEAST_ROUNDS:
        low, high = median_interval(point.latencies_ns)
        interval = (round(low), round(high))
    return Point(
        scale=point.scale,
        draws=len(point.vm_steps),
        vm_steps=round(median(point.vm_steps)),
        median_ns=round(median(point.latencies_ns)) if point.latencies_ns else None,
        median_ci95_ns=interval,
    )


def _limits(record: GrowthRecord, points: int) -> Iterable[str]:
    nouns, largest = record.study.size, max(record.sizes, key=lambda size: size.scale)
    names = [noun_of(nouns, table) for table in size_of(nouns, largest.rows)]
    yield (
        f"{sentence_case(', '.join(names))} and all other tables grow together here, so an "
        f"exponent is the same whether it is taken over {' or '.join(names)}."
    )
    yield (
        "Exponents are the slopes of straight lines through the logarithms of medians; their "
        f"intervals are Student's with {max(points - 2, 0)} degrees of freedom where an operation "
        "has every point, and widen where the points do not follow one power law."
    )
    yield (
        f"Flat is an exponent of at most {MARGIN:g}, linear one of {1 - MARGIN:g} to "
        f"{1 + MARGIN:g}, by the whole interval over VM steps."
    )
    yield "Writes are counted and not timed, in transactions that are rolled back."
    if record.from_run:
        yield (
            "The largest point is taken from a finished run, whose steps are those of one draw "
            "and whose times come from another hour."
        )
