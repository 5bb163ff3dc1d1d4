"""Verdicts on two lanes of load: every operation, every quantile, against the run's own noise.

What cannot be judged comes out as `inconclusive` with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.judge import load_ratios, stats
from bench.judge.format import significant, span
from bench.judge.load_blocks import LoadBlock, error_share, errors_of, times_of
from bench.judge.load_ratios import QUANTILES, Contrast, Group
from bench.results.load import (
    ControlPair,
    Noise,
    NoiseFloor,
    Quantile,
    QuantileComparison,
    Verdict,
)

MOST_ERRORS_APART = 0.01
"""Lanes whose shares of errors differ by more did not answer the same requests."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that is judged of a load, `comparisons` by operation and in the order of QUANTILES."""

    comparisons: Mapping[str, tuple[QuantileComparison, ...]]
    noise_floor: NoiseFloor


def verdicts(
    groups: Sequence[Group],
    names: Sequence[str],
    minimum_effect: float,
    rng: np.random.Generator,
) -> Verdicts:
    """Judge every name at every quantile; `minimum_effect` is a share.

    The noise floors of a quantile come from the like pairs of all its operations and of each;
    see load_ratios.contrast and load_ratios.band.
    """
    comparisons: dict[str, list[QuantileComparison]] = {name: [] for name in names}
    noise: dict[str, Noise] = {}
    for quantile in QUANTILES:
        found = {name: _contrast(groups, name, quantile, rng) for name in names}
        usable = {name: one for name, one in found.items() if isinstance(one, Contrast)}
        floor = stats.floor_of_run([one.alike for one in usable.values()]) if usable else 0.0
        noise[quantile] = _noise(usable, floor)
        for name, one in found.items():
            comparisons[name].append(
                _judge(groups, name, quantile, one, floor, minimum_effect, rng)
                if isinstance(one, Contrast)
                else _comparison(quantile, None, "inconclusive", None, one)
            )
    return Verdicts(
        {name: tuple(judged) for name, judged in comparisons.items()},
        NoiseFloor(**dict(noise["p50"]), quantiles=noise),
    )


def _comparison(
    quantile: Quantile,
    ratio: stats.Speedup | None,
    verdict: Verdict,
    band: float | None,
    reason: str | None,
) -> QuantileComparison:
    return QuantileComparison(
        quantile=quantile,
        speedup=None if ratio is None else ratio.ratio,
        ci95=None if ratio is None else (ratio.low, ratio.high),
        verdict=verdict,
        band=band,
        reason=reason,
    )


def _contrast(
    groups: Sequence[Group], name: str, quantile: Quantile, rng: np.random.Generator
) -> Contrast | str:
    """The contrast, or the reason why there is none."""
    try:
        return load_ratios.contrast(load_ratios.paired(groups, name), quantile, rng)
    except stats.StatisticsError as error:
        return str(error)


def _judge(
    groups: Sequence[Group],
    name: str,
    quantile: Quantile,
    found: Contrast,
    run_floor: float,
    minimum_effect: float,
    rng: np.random.Generator,
) -> QuantileComparison:
    band = load_ratios.band(minimum_effect, run_floor, stats.floor_of(found.alike))

    def of(contrast: Contrast) -> Verdict:
        return stats.verdict(contrast.ratio.low, contrast.ratio.high, band, minimum_effect)

    verdict = of(found)
    reason = None
    if verdict == "inconclusive":
        reason = (
            f"Its interval of {span(found.ratio.low, found.ratio.high)}× does not decide: in this "
            f"run like differs from like by up to {significant(1 + band)}×; play more groups or "
            "longer blocks."
        )
    plain = _comparison(quantile, found.ratio, verdict, band, reason)
    return _with_errors(groups, name, plain, lambda: _failed_at_once(
        groups, name, quantile, of, rng
    ))  # fmt: skip


def errors_apart(groups: Sequence[Group], name: str) -> tuple[float, float]:
    """The shares of errors of base and arm, of one operation or of all."""
    base = [group[place] for group in groups for place in (0, 3)]
    arm = [group[place] for group in groups for place in (1, 2)]
    return error_share(base, name), error_share(arm, name)


def _with_errors(
    groups: Sequence[Group], name: str, plain: QuantileComparison, bound: Callable[[], Verdict]
) -> QuantileComparison:
    """What is left of a verdict where one lane failed more often than the other.

    Times are those of good answers. Where one lane lacks more of them, those left are a selection
    of unknown kind: time-outs take the slow ones away, refusals the quick ones. So the lane that
    fails more is never the faster one, nor the same. That it is the slower one stands if it
    would still be were each of its failures answered at once, which is the best that can be
    said for it (worst-case bounds: Horowitz and Manski 1995, "Identification and Robustness
    with Contaminated and Corrupted Data"). Shares may differ by MOST_ERRORS_APART, and for high
    quantiles by half of what lies beyond them.
    """
    base, arm = errors_apart(groups, name)
    if abs(arm - base) <= min(MOST_ERRORS_APART, (1 - QUANTILES[plain.quantile]) / 2):
        return plain
    slower_fails = plain.verdict == ("slower" if arm > base else "faster")
    if slower_fails and bound() == plain.verdict:
        return plain
    reason = errors_sentence(base, arm)
    return plain.model_copy(update={"verdict": "inconclusive", "reason": reason})


def errors_sentence(base: float, arm: float) -> str:
    """Why the times of two lanes that fail unequally often cannot be compared as they are."""
    return (
        f"{significant(100 * base)} % of the base's requests failed and {significant(100 * arm)} "
        "% of the other arm's: the times of good answers are those of a selection; find out why "
        "they fail, or lower --rate."
    )


def _failed_at_once(
    groups: Sequence[Group],
    name: str,
    quantile: Quantile,
    verdict_of: Callable[[Contrast], Verdict],
    rng: np.random.Generator,
) -> Verdict:
    """The verdict if every failure of the lane that fails more had been answered in 1 ns."""
    base, arm = errors_apart(groups, name)
    places = (1, 2) if arm > base else (0, 3)
    bounded = [
        tuple(
            _answered(block, name) if place in places else block
            for place, block in enumerate(group)
        )
        for group in groups
    ]
    found = _contrast([(a, b, c, d) for a, b, c, d in bounded], name, quantile, rng)
    return verdict_of(found) if isinstance(found, Contrast) else "inconclusive"


def _answered(block: LoadBlock, name: str) -> LoadBlock:
    failed = errors_of([block], name).total()
    times = (1,) * failed + times_of(block.since_due_ns, name)
    return replace(block, since_due_ns={name: times})


def _noise(usable: Mapping[str, Contrast], floor: float) -> Noise:
    """What like differed from like by; None where nothing tells."""
    if not usable:
        return Noise(floor=None, ci95=None, worst_operation=None, worst_floor=None, operations={})
    pairs = {name: one.alike for name, one in usable.items()}
    reach = math.exp(stats.NORMAL_95 * stats.spread_of_run(list(pairs.values())))
    worst = max(pairs, key=lambda name: (stats.floor_of(pairs[name]), name))
    return Noise(
        floor=floor,
        ci95=(1 / reach, reach),
        worst_operation=worst,
        worst_floor=stats.floor_of(pairs[worst]),
        operations={
            name: ControlPair(
                ratio=pair.ratio,
                ci95=(pair.low, pair.high),
                floor=stats.floor_of(pair),
                rounds=pair.rounds,
            )
            for name, pair in sorted(pairs.items())
        },
    )
