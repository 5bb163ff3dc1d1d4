"""Two arms under load held against each other, quantile by quantile, and each against itself.

Blocks are the independent unit: requests of one block share its queue and the state of the
machine. A group of blocks plays one schedule as base, arm, arm, base. So it holds two pairs of
unlike arms, in which a drift has opposite signs, and two A/A controls, which tell what the same arm
with the same schedule differs by in this hour: the noise that every verdict is held against.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.judge import stats
from bench.judge.format import significant, span
from bench.judge.latencies import SHARES, pooled, resampled_quantiles, resamplings
from bench.judge.load_blocks import (
    MOST_ERRORS_APART,
    LoadBlock,
    errors_apart,
    errors_of,
    errors_sentence,
    times_of,
)
from bench.judge.noise import Controls
from bench.judge.stats import Rounds
from bench.results.comparison import Verdict
from bench.results.load import ALL, ControlPair, Noise, NoiseFloor, Quantile, QuantileComparison

Group = tuple[LoadBlock, LoadBlock, LoadBlock, LoadBlock]
"""A group's blocks by place: base, arm, arm, base."""

LEAST_BEYOND = 2
"""So many of each arm's requests must lie beyond a high quantile for a verdict on it: with
fewer it is the largest value, renamed."""
NOISE_IN_BOTH = 1 / math.sqrt(2)
_MOST_SPLITS = 32


@dataclass(frozen=True, slots=True)
class Paired:
    """One operation's times in nanoseconds: base[i] and arm[i] are those of the i-th pair.

    Blocks 2g and 2g + 1 of an arm are of the same group.
    """

    base: Rounds
    arm: Rounds


@dataclass(frozen=True, slots=True)
class Contrast:
    """A quantile's base / arm, and what like differs from like by: its A/A pairs."""

    ratio: stats.Speedup
    control: stats.Speedup


def whole_groups(blocks: Sequence[LoadBlock], base: str, arm: str) -> tuple[Group, ...]:
    """The groups that have all four blocks in order; others cannot be compared."""
    ordered = sorted(blocks, key=lambda block: (block.group, block.position))
    groups = []
    for _, group in itertools.groupby(ordered, lambda block: block.group):
        four = tuple(group)
        if [block.arm for block in four] == [base, arm, arm, base]:
            groups.append((four[0], four[1], four[2], four[3]))
    return tuple(groups)


def paired(groups: Sequence[Group], name: str) -> Paired:
    """An operation's times in those groups of which every block has some.

    What is rare is in some schedules and not in others, which tell nothing of it.

    Raises:
        TooFewRounds: there are fewer than LEAST_ROUNDS pairs of blocks.
        ZeroTime: a time is zero or negative.
    """
    times = [[times_of(block.since_due_ns, name) for block in group] for group in groups]
    full = [four for four in times if all(four)]
    if 2 * len(full) < stats.LEAST_ROUNDS:
        raise stats.TooFewRounds(_too_few(name, times, len(full)))
    if min(min(block) for four in full for block in four) <= 0:
        raise stats.ZeroTime("A time of 0 ns was measured, so no ratio exists; use a finer clock.")
    return Paired(
        tuple(four[position] for four in full for position in (0, 3)),
        tuple(four[position] for four in full for position in (1, 2)),
    )


def _too_few(name: str, times: Sequence[Sequence[Sequence[int]]], full: int) -> str:
    least = math.ceil(stats.LEAST_ROUNDS / 2)
    base = sum(len(four[position]) for four in times for position in (0, 3))
    arm = sum(len(four[position]) for four in times for position in (1, 2))
    what = "all requests" if name == ALL else "it"
    return (
        f"{base:,} good answers of the base and {arm:,} of the arm are too few: a verdict needs "
        f"some of {what} in every block of {least} groups, and this load has {full} such "
        f"{'group' if full == 1 else 'groups'}; raise --groups, --seconds or --rate."
    )


def contrast(pair: Paired, quantile: Quantile, rng: np.random.Generator) -> Contrast:
    """A quantile of base / arm with its 95 % interval, and of like against like.

    Raises:
        NoSamples: too few requests lie beyond a quantile above the median.
    """
    share = SHARES[quantile]
    if share == 0.5:
        # The median of the log ratios of paired blocks' medians; so also for like blocks.
        base, arm = ([math.log(stats.median(t)) for t in times] for times in (pair.base, pair.arm))
        pairs = range(0, len(base), 2)
        return Contrast(
            stats.speedup_of([first - second for first, second in zip(base, arm, strict=True)]),
            stats.speedup_of([logs[at] - logs[at + 1] for logs in (base, arm) for at in pairs]),
        )
    count = min(sum(map(len, pair.base)), sum(map(len, pair.arm)))
    needed = math.ceil(round(LEAST_BEYOND / (1 - share), 6))
    if count < needed:
        raise stats.NoSamples(
            f"{count:,} requests are too few for a verdict on this quantile, which needs "
            f"{needed:,} on each arm; raise --groups, --seconds or --rate."
        )
    return _tails(pair, share, rng)


def _tails(pair: Paired, share: float, rng: np.random.Generator) -> Contrast:
    """The ratio of pooled quantiles; whole pairs of blocks are resampled for its interval.

    Cluster bootstrap as `quantile_interval`, with expanded percentiles; both arms take
    the same pairs, so what a schedule or a minute does to both cancels.
    """
    count = len(pair.base)
    weights = resamplings(count, rng)
    base = resampled_quantiles(pair.base, share, weights)
    logs = np.log(base) - np.log(resampled_quantiles(pair.arm, share, weights))
    tail = stats.expanded_tail(count)
    low, high = stats.quantiles(logs, [tail, 1 - tail])
    point = _log_ratio(pair.base, pair.arm, share)
    pairs = zip(pair.base, pair.arm, strict=True)
    by_pair = [_log_ratio([first], [second], share) for first, second in pairs]
    ends = [low, high, point]
    direction = stats.median_interval(by_pair)
    if direction.low <= 0 <= direction.high:
        # The largest outage of all may make a pooled tail: where the pairs by themselves do not
        # agree on a direction (sign test), the interval leaves it open too.
        ends.append(0.0)
    low, high, rounds = math.exp(min(ends)), math.exp(max(ends)), tuple(map(math.exp, by_pair))
    ratio = stats.Speedup(math.exp(point), low, high, rounds)
    return Contrast(ratio, _control_tails(pair, share, rng))


def _control_tails(pair: Paired, share: float, rng: np.random.Generator) -> stats.Speedup:
    """Each arm's blocks split in halves that hold one block of each group, half against half.

    All such splits are made, or so many random ones where there are more than _MOST_SPLITS. Their
    range is the interval; the splits into first and second blocks give the ratio, so that of
    the run's floor one number for each operation is a single draw, as for medians.
    """
    groups = len(pair.base) // 2
    sides = [(0, *chosen) for chosen in itertools.product((0, 1), repeat=min(groups, 6) - 1)]
    if groups > 6:
        splits = rng.integers(0, 2, (_MOST_SPLITS, groups))
        splits[0] = 0
        sides = [tuple(chosen) for chosen in splits.tolist()]

    def halves(blocks: Rounds, chosen: Sequence[int]) -> float:
        first = [blocks[2 * group + side] for group, side in enumerate(chosen)]
        second = [blocks[2 * group + 1 - side] for group, side in enumerate(chosen)]
        return _log_ratio(first, second, share)

    logs = [[halves(blocks, chosen) for chosen in sides] for blocks in (pair.base, pair.arm)]
    values = [*logs[0], *logs[1]]
    reach = max(map(abs, values))
    ratio = math.exp((abs(logs[0][0]) + abs(logs[1][0])) / 2)
    rounds = tuple(map(math.exp, values))
    return stats.Speedup(ratio, math.exp(-reach), math.exp(reach), rounds)


def _log_ratio(base: Rounds, arm: Rounds, share: float) -> float:
    first, second = (stats.quantile(pooled(times), share) for times in (base, arm))
    return math.log(first / second)


def threshold(minimum_effect: float, noise: float) -> float:
    """What a whole interval has to exceed, a share, for a difference to be one.

    The minimum effect, or the noise floor to the power of 1 / sqrt(2). An interval holds the
    noise of all its pairs already, and a floor that of as many like pairs: demanding both in full
    adds two independent errors as if they always went the same way, where independent errors add
    by their squares. On a noisy machine a doubling is then found half as often again, and like
    against like still raises fewer than 1 alarm in 1,000 comparisons
    (tests/bench/test_judge_load_simulated.py).
    """
    return max(minimum_effect, math.expm1(NOISE_IN_BOTH * math.log1p(noise)))


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
            pair = paired(self.groups, self.name)
            return contrast(pair, self.quantile, self.rng)
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
        controls = Controls.of({name: contrast.control for name, contrast in usable.items()})
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
    beyond = threshold(minimum_effect, controls.noise(question.name))

    def verdict_of(contrast: Contrast) -> Verdict:
        return stats.verdict(*contrast.ratio.ci95, beyond, minimum_effect)

    verdict = verdict_of(contrast)
    reason = None
    if verdict == "inconclusive":
        reason = (
            f"Its interval of {span(*contrast.ratio.ci95)}× does not decide: in this "
            f"run like differs from like by up to {significant(1 + beyond)}×; play more groups "
            "or longer blocks."
        )
    plain = QuantileComparison(
        quantile=question.quantile,
        speedup=contrast.ratio.ratio,
        ci95=contrast.ratio.ci95,
        verdict=verdict,
        band=beyond,
        reason=reason,
    )
    return _with_errors(question, plain, verdict_of)


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


def _failed_at_once(question: _Question, places: tuple[int, int]) -> _Question:
    """The question as if every failure in these places had been answered in 1 ns."""

    def answered(block: LoadBlock, position: int) -> LoadBlock:
        if position not in places:
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
        worst_floor=controls.own_floor(controls.worst),
        operations={
            name: ControlPair.model_validate(pair, from_attributes=True)
            for name, pair in sorted(controls.pairs.items())
        },
    )
