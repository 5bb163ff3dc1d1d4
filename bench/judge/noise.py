"""What two measurements of one thing differ by: the noise floor of a run and of each operation."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import stats
from bench.judge.records import ArmSamples
from bench.results.noise import ControlPair, NoiseFloor


class MissingNoiseFloor(BenchError):
    """A run without an A/A pair, whose differences therefore mean nothing."""

    exit_code = INVALID


def noise_floor(
    samples: Mapping[tuple[str, str], ArmSamples], twins: Mapping[tuple[str, str], ArmSamples]
) -> NoiseFloor:
    """Each operation's A/A pair, and one floor for the run from all of them.

    `samples` and `twins` go by (operation, arm). `floor` is the run's (`stats.floor_of_run`),
    `worst_floor` the largest of a single operation, both shares; `ci95` holds 95 % of the
    run's A/A ratios.

    Raises:
        MissingNoiseFloor: no pair can be used.
        BenchError: a twin has no first measurement beside it.
    """
    if not samples and not twins:
        # Answers differ everywhere, so that nothing was timed.
        return NoiseFloor(floor=0.0)
    pairs, unusable = _pairs(samples, twins)
    if not pairs:
        raise MissingNoiseFloor(
            "The run has no usable A/A pair, so its noise floor is unknown; "
            "measure one arm twice in the same rounds."
        )
    found = [pair for _, pair in pairs.values()]
    reach = math.exp(stats.NORMAL_95 * stats.spread_of_run(found))
    worst = max(pairs, key=lambda name: (stats.floor_of(pairs[name][1]), name))
    return NoiseFloor(
        floor=stats.floor_of_run(found),
        ci95=(1 / reach, reach),
        worst_operation=worst,
        worst_floor=stats.floor_of(pairs[worst][1]),
        operations={
            name: ControlPair(
                arm=arm,
                ratio=pair.ratio,
                ci95=(pair.low, pair.high),
                floor=stats.floor_of(pair),
                rounds=pair.rounds,
            )
            for name, (arm, pair) in sorted(pairs.items())
        },
        unusable=dict(sorted(unusable.items())),
    )


def _pairs(
    samples: Mapping[tuple[str, str], ArmSamples], twins: Mapping[tuple[str, str], ArmSamples]
) -> tuple[dict[str, tuple[str, stats.Speedup]], dict[str, str]]:
    """Each operation's twinned arm and pair, and why others have none."""
    pairs: dict[str, tuple[str, stats.Speedup]] = {}
    unusable: dict[str, str] = {}
    for (operation, arm), twin in twins.items():
        first = samples.get((operation, arm))
        if first is None:
            raise BenchError(
                f"The twin of {arm} was measured on {operation} but {arm} itself was not; "
                "measure both.",
                INVALID,
            )
        try:
            pairs[operation] = (arm, stats.speedup(first.rounds, twin.rounds))
        except stats.StatisticsError as error:
            unusable[operation] = str(error)
    return pairs, unusable
