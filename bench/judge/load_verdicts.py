"""Verdicts on two arms under load: every operation, every quantile, against the run's own noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.judge import load_ratios, stats
from bench.judge.format import significant, span
from bench.judge.latencies import SHARES
from bench.judge.load_blocks import LoadBlock, error_share, errors_of, times_of
from bench.judge.load_ratios import Contrast, Group
from bench.judge.noise import Controls
from bench.results.comparison import Verdict
from bench.results.load import ControlPair, Noise, NoiseFloor, Quantile, QuantileComparison

MOST_ERRORS_APART = 0.01
"""Arms whose shares of errors differ by more did not answer the same requests."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that is judged of a load, `comparisons` by operation and in the order of SHARES."""

    comparisons: Mapping[str, tuple[QuantileComparison, ...]]
    noise_floor: NoiseFloor


@dataclass(frozen=True, slots=True)
class _Question:
    """One operation at one quantile."""

    groups: Sequence[Group]
    name: str
    quantile: Quantile
    rng: np.random.Generator

    def contrast(self) -> Contrast | str:
        """The contrast, or the reason why there is none."""
        try:
            pair = load_ratios.paired(self.groups, self.name)
            return load_ratios.contrast(pair, self.quantile, self.rng)
        except stats.StatisticsError as error:
            return str(error)


def verdicts(
    groups: Sequence[Group], names: Sequence[str], minimum_effect: float, rng: np.random.Generator
) -> Verdicts:
    """Judge every name at every quantile; `minimum_effect` is a share.

    The noise floors of a quantile come from the A/A controls of all its operations and of each;
    what cannot be judged is `inconclusive` with its reason.
    """
    comparisons: dict[str, list[QuantileComparison]] = {name: [] for name in names}
    noise: dict[str, Noise] = {}
    for quantile in SHARES:
        questions = [_Question(groups, name, quantile, rng) for name in names]
        contrasts = {question.name: question.contrast() for question in questions}
        usable = {name: c for name, c in contrasts.items() if isinstance(c, Contrast)}
        controls = Controls.of({name: contrast.alike for name, contrast in usable.items()})
        noise[quantile] = _noise(controls)
        for question in questions:
            contrast = contrasts[question.name]
            comparisons[question.name].append(
                _judge(question, contrast, controls, minimum_effect)
                if isinstance(contrast, Contrast)
                else QuantileComparison(
                    quantile=quantile, speedup=None, ci95=None, verdict="inconclusive",
                    band=None, reason=contrast,
                )
            )  # fmt: skip
    return Verdicts(
        {name: tuple(judged) for name, judged in comparisons.items()},
        NoiseFloor(**dict(noise["p50"]), quantiles=noise),
    )


def _judge(
    question: _Question, contrast: Contrast, controls: Controls, minimum_effect: float
) -> QuantileComparison:
    threshold = load_ratios.threshold(minimum_effect, controls.noise(question.name))

    def verdict_of(contrast: Contrast) -> Verdict:
        return stats.verdict(*contrast.ratio.ci95, threshold, minimum_effect)

    verdict = verdict_of(contrast)
    reason = None
    if verdict == "inconclusive":
        reason = (
            f"Its interval of {span(*contrast.ratio.ci95)}× does not decide: in this "
            f"run like differs from like by up to {significant(1 + threshold)}×; play more groups "
            "or longer blocks."
        )
    plain = QuantileComparison(
        quantile=question.quantile,
        speedup=contrast.ratio.ratio,
        ci95=contrast.ratio.ci95,
        verdict=verdict,
        band=threshold,
        reason=reason,
    )
    return _with_errors(question, plain, verdict_of)


def errors_apart(groups: Sequence[Group], name: str) -> tuple[float, float]:
    """The shares of errors of base and arm, of one operation or of all."""
    base = [group[place] for group in groups for place in (0, 3)]
    arm = [group[place] for group in groups for place in (1, 2)]
    return error_share(base, name), error_share(arm, name)


def _with_errors(
    question: _Question, plain: QuantileComparison, verdict_of: Callable[[Contrast], Verdict]
) -> QuantileComparison:
    """What is left of a verdict where one arm failed more often than the other.

    Times are those of good answers. Where one arm lacks more of them, those left are a selection
    of unknown kind: time-outs take the slow ones away, refusals the quick ones. So the arm that
    fails more is never the faster one, nor the same. That it is the slower one holds if it would
    still be were each of its failures answered at once, which is the best that can be said for it
    (worst-case bounds: Horowitz and Manski 1995, "Identification and Robustness with Contaminated
    and Corrupted Data"). Shares may differ by MOST_ERRORS_APART, and for high quantiles by half
    of what lies beyond them.
    """
    base, arm = errors_apart(question.groups, question.name)
    if abs(arm - base) <= min(MOST_ERRORS_APART, (1 - SHARES[plain.quantile]) / 2):
        return plain
    if plain.verdict == ("slower" if arm > base else "faster"):
        bound = _failed_at_once(question, (1, 2) if arm > base else (0, 3)).contrast()
        if isinstance(bound, Contrast) and verdict_of(bound) == plain.verdict:
            return plain
    reason = errors_sentence(base, arm)
    return plain.model_copy(update={"verdict": "inconclusive", "reason": reason})


def errors_sentence(base: float, arm: float) -> str:
    """Why the times of two arms that fail unequally often cannot be compared as they are."""
    return (
        f"{significant(100 * base)} % of the base's requests failed and {significant(100 * arm)} "
        "% of the other arm's: the times of good answers are those of a selection; find out why "
        "they fail, or lower --rate."
    )


def _failed_at_once(question: _Question, places: tuple[int, int]) -> _Question:
    """The question as if every failure in these places had been answered in 1 ns."""

    def answered(block: LoadBlock, place: int) -> LoadBlock:
        if place not in places:
            return block
        failed = errors_of([block], question.name).total()
        times = (1,) * failed + times_of(block.since_due_ns, question.name)
        return replace(block, since_due_ns={question.name: times})

    groups = [
        (answered(a, 0), answered(b, 1), answered(c, 2), answered(d, 3))
        for a, b, c, d in question.groups
    ]
    return replace(question, groups=groups)


def _noise(controls: Controls) -> Noise:
    """What like differed from like by; None where nothing tells."""
    if not controls.pairs:
        return Noise(floor=None, ci95=None, worst_operation=None, worst_floor=None, operations={})
    return Noise(
        floor=controls.floor,
        ci95=controls.ci95,
        worst_operation=controls.worst,
        worst_floor=controls.own(controls.worst),
        operations={
            name: ControlPair(
                ratio=pair.ratio, ci95=pair.ci95, floor=stats.floor_of(pair), rounds=pair.rounds
            )
            for name, pair in sorted(controls.pairs.items())
        },
    )
