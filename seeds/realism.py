"""Compare a seeded database with published distributions.

Tolerances are four standard errors plus a named allowance for rounding to whole events; they
narrow as the data grow. Where the shop's limits contradict a published value, the shape keeps the
published target, states the shop's target and why, and is judged against the latter.

python -m seeds.realism shop.db
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path

import numpy as np

from bench.engines.sqlite.files import DatabaseError
from seeds import calendar, facts, past, sessions
from seeds.chances import FUNNEL
from seeds.facts import Facts
from seeds.manifest import ManifestMissing

REES46 = "REES46, October 2019"
OTTO = "OTTO"
CHOSEN = "chosen"
FRESH_SEEDS = (
    "These are shapes of fresh seeds: a shop that was served since has views, orders and events "
    "of its own. Seed a new one to judge the generators."
)
RULE = "rule of the shop"
TOP_ONE_PERCENT = 0.31
EVENTS_PER_ITEM_MEDIAN = 20.0
_Z84, _Z99 = 0.994458, 2.326348


@dataclass(frozen=True)
class Shape:
    """One property of the data. ``shop_target`` is set where the shop contradicts ``target``."""

    name: str
    target: float
    actual: float
    tolerance: float
    source: str
    ok: bool
    note: str = ""
    shop_target: float | None = None


def check(db: Path) -> tuple[Shape, ...]:
    """Every shape of a seeded database. Raises ManifestMissing and DatabaseError."""
    return shapes(facts.gather(db))


def shapes(data: Facts) -> tuple[Shape, ...]:
    """Every shape from counted facts."""
    return (
        *_funnel(data),
        *_popularity(data),
        *_sessions(data),
        *_calendar(data),
        *_rules(data),
    )


def judged(
    name: str,
    target: float,
    actual: float,
    tolerance: float,
    source: str,
    note: str = "",
    shop_target: float | None = None,
) -> Shape:
    """A shape is right within its tolerance of the shop's target, or else of the published one."""
    aim = target if shop_target is None else shop_target
    return Shape(
        name, target, actual, tolerance, source, abs(actual - aim) <= tolerance, note, shop_target
    )


def share_tolerance(share: float, count: int, allowance: float) -> float:
    """Four binomial standard errors of a share of ``count``, and an allowance."""
    return 4 * sqrt(share * (1 - share) / max(count, 1)) + allowance


def _funnel(data: Facts) -> Iterator[Shape]:
    total = sum(data.types.get(kind, 0) for kind in FUNNEL)
    for kind, target in FUNNEL.items():
        actual = data.types.get(kind, 0) / max(total, 1)
        note = "one purchase event an order; its carts, one an item" if kind == "purchase" else ""
        yield judged(
            f"share of {kind} among views, carts and purchases",
            target, actual, share_tolerance(target, total, 0.0005), REES46, note,
        )  # fmt: skip


def _popularity(data: Facts) -> Iterator[Shape]:
    views = np.sort(np.asarray(data.views_per_product))
    count = len(views)
    q50, q84, q99 = (float(q) for q in np.quantile(views, (0.5, 0.84, 0.99)))
    sigma = log(max(q99, 1) / max(q84, 1)) / (_Z99 - _Z84)
    yield judged(
        "sigma of events per item (84th to 99th percentile)",
        past.POPULARITY_SIGMA, sigma, 4 * 3.0 * past.POPULARITY_SIGMA / sqrt(count) + 0.05, OTTO,
        "allowance 0.05: whole events",
    )  # fmt: skip
    top = views[-max(1, round(count / 100)) :].sum() / max(int(views.sum()), 1)
    yield judged(
        "share of events on the top 1 % of items",
        TOP_ONE_PERCENT, float(top), 0.01 + 1 / sqrt(count), OTTO,
        "allowance: a product more or less in the top 1 %",
    )  # fmt: skip
    shop_median = float(views.mean()) / exp(past.POPULARITY_SIGMA**2 / 2)
    yield judged(
        "median of events per item",
        EVENTS_PER_ITEM_MEDIAN, q50,
        4 * 1.25 * past.POPULARITY_SIGMA * shop_median / sqrt(count) + 1.0,
        OTTO,
        "60,000 orders at the published funnel allow 3.3 million views of 100,000 products, "
        "and with the published sigma a mean of 33 is a median of 6",
        shop_median,
    )  # fmt: skip


def _sessions(data: Facts) -> Iterator[Shape]:
    lengths = np.asarray(data.session_lengths)
    count = len(lengths)
    q50, q84 = (float(q) for q in np.quantile(lengths, (0.5, 0.84)))
    error = sessions.LENGTH_SIGMA / sqrt(count)
    yield judged(
        "median of events per session",
        sessions.LENGTH_MEDIAN, q50, 4 * 1.25 * error * sessions.LENGTH_MEDIAN + 0.5, OTTO,
        "allowance 0.5: whole events",
    )  # fmt: skip
    yield judged(
        "sigma of events per session (50th to 84th percentile)",
        sessions.LENGTH_SIGMA, log(q84 / q50) / _Z84, 4 * 2.0 * error + 0.08, OTTO,
        "allowance 0.08: whole events at a median of 6",
    )  # fmt: skip
    outside = int(((lengths < sessions.SHORTEST) | (lengths > sessions.LONGEST)).sum())
    yield judged(
        "sessions outside 2 to 500 events", 0, outside, 25, OTTO,
        "the last session of a day takes the rest of its events: at most one a sampled day",
    )  # fmt: skip
    yield judged(
        "sessions that belong to an account",
        sessions.REGISTERED_SHARE, data.registered_sessions / count,
        share_tolerance(sessions.REGISTERED_SHARE, count, 0.0), CHOSEN,
    )  # fmt: skip


def _calendar(data: Facts) -> Iterator[Shape]:
    views = max(data.types.get("product_view", 0), 1)
    yield judged(
        "views of a weekend day against a working day",
        calendar.WEEKEND_FACTOR, data.weekend_views_a_day / data.weekday_views_a_day,
        4 * sqrt(1 / (views * 2 / 7) + 1 / (views * 5 / 7)) + 0.005, "published",
    )  # fmt: skip
    hours = np.asarray(data.session_hours, dtype=np.float64)
    distance = float(np.abs(hours / hours.sum() - calendar.hour_shares()).sum() / 2)
    yield judged(
        "distance of the hours of sessions from the chosen curve",
        0.0, distance, 0.02 + 2 * sqrt(24 / float(hours.sum())), CHOSEN,
        "total variation; allowance 0.02: a session's first event is before its order",
    )  # fmt: skip


def _rules(data: Facts) -> Iterator[Shape]:
    for rule, count in data.broken.items():
        yield judged(rule, 0, count, 0, RULE)


def lines(checked: Sequence[Shape]) -> Iterator[str]:
    """The table of target and actual, one line a shape."""
    width = max(len(shape.name) for shape in checked)
    yield f"{'':5}{'shape':{width}}  {'target':>9}  {'actual':>9}  {'within':>9}  source"
    for shape in checked:
        state = "ok" if shape.ok else "FAIL"
        yield (
            f"{state:5}{shape.name:{width}}  {shape.target:9.4f}  {shape.actual:9.4f}  "
            f"{shape.tolerance:9.4f}  {shape.source}"
        )
        if shape.shop_target is not None:
            yield f"{'':5}{'':{width}}  the shop wins, its own target is {shape.shop_target:.4f}:"
        if shape.note:
            yield f"{'':5}{'':{width}}  {shape.note}"


def main(arguments: Sequence[str]) -> int:
    """Print the table for one database; 0 if every shape holds, 1 if not, 2 for wrong use."""
    names = [argument for argument in arguments if argument != "--distinct"]
    if len(names) != 1:
        print("Name one seeded database: python -m seeds.realism shop.db [--distinct]")
        return 2
    try:
        checked = check(Path(names[0]))
        print("\n".join(lines(checked)))
        good = all(shape.ok for shape in checked)
        if not good:
            print(FRESH_SEEDS)
        if "--distinct" in arguments:
            for table, columns in facts.distinct_values(Path(names[0])).items():
                print(f"{table}: " + ", ".join(f"{name} {n:,}" for name, n in columns.items()))
    except (DatabaseError, ManifestMissing) as error:
        print(error)
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
