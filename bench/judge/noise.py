"""A/A controls: one thing measured twice, and the noise floor that follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import stats
from bench.judge.stats import Rounds, Speedup
from bench.results.model import ControlPair, NoiseFloor


class MissingNoiseFloor(BenchError):
    """A run without a usable A/A control, whose differences therefore mean nothing."""

    exit_code = INVALID


@dataclass(frozen=True, slots=True)
class Controls:
    """The A/A controls of a run by operation, and the noise floor of the run, a share.

    `spread` is the standard deviation of log(second / first) between processes of one code, for
    one generation of them; the gate alone knows it.
    """

    floor: float
    pairs: Mapping[str, Speedup]
    spread: float = 0.0

    @classmethod
    def of(cls, pairs: Mapping[str, Speedup], spread: float = 0.0) -> Controls:
        """The floor that the pairs tell; 0 without any."""
        return cls(stats.floor_of_run(list(pairs.values())) if pairs else 0.0, pairs, spread)

    def own_floor(self, name: str) -> float | None:
        """The floor of an operation's own control, a share; None without one."""
        return self.pairs[name].floor if name in self.pairs else None

    def noise(self, name: str) -> float:
        """The larger of the run's floor and the operation's own."""
        return max(self.floor, self.own_floor(name) or 0.0)

    def threshold(self, name: str, minimum_effect: float) -> float:
        """What a difference has to exceed, a share: the minimum effect or the noise."""
        return max(minimum_effect, self.noise(name))

    @property
    def ci95(self) -> tuple[float, float]:
        """The interval that holds 95 % of the A/A ratios."""
        reach = math.exp(stats.NORMAL_95 * stats.spread_of_run(list(self.pairs.values())))
        return 1 / reach, reach

    @property
    def worst(self) -> str:
        """The operation whose own floor is the largest."""
        return max(self.pairs, key=lambda name: (self.pairs[name].floor, name))


NO_CONTROLS = Controls(0.0, {})


def noise_floor(measured: Mapping[str, tuple[str, Rounds, Rounds]]) -> tuple[Controls, NoiseFloor]:
    """The controls of a run and their document; `measured` is arm and both times by operation.

    `floor` is the run's (`stats.floor_of_run`), `worst_floor` the largest of a single operation,
    both shares; `ci95` holds 95 % of the run's A/A ratios.

    Raises:
        MissingNoiseFloor: no pair can be used.
    """
    pairs: dict[str, Speedup] = {}
    unusable: dict[str, str] = {}
    for operation, (_, first, second) in sorted(measured.items()):
        try:
            pairs[operation] = stats.speedup(first, second)
        except stats.StatisticsError as error:
            unusable[operation] = str(error)
    if not pairs:
        raise MissingNoiseFloor(
            "The run has no usable A/A pair, so its noise floor is unknown; "
            "measure one arm twice in the same rounds."
        )
    controls = Controls.of(pairs)
    return controls, NoiseFloor(
        floor=controls.floor,
        ci95=controls.ci95,
        worst_operation=controls.worst,
        worst_floor=controls.own_floor(controls.worst),
        operations={
            name: ControlPair(
                arm=measured[name][0],
                ratio=pair.ratio,
                ci95=pair.ci95,
                floor=pair.floor,
                rounds=pair.rounds,
            )
            for name, pair in pairs.items()
        },
        unusable=unusable,
    )
