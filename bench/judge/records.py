"""What the judging room is given: frozen records of one run's measurements.

Judging room: no file, no clock, no database may enter. Who measures builds these records;
`bench.judge.compare` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["faster", "slower", "same", "inconclusive"]
ClaimVerdict = Literal["exceeded", "confirmed", "short", "refuted", "inconclusive"]

Rounds = tuple[tuple[int, ...], ...]


class JudgementError(ValueError):
    """Measurements that cannot be judged; the text says what to measure or repair."""


@dataclass(frozen=True, slots=True)
class ArmSamples:
    """Every timed execution of one operation on one arm.

    `rounds[r][i]` is the latency in nanoseconds of the i-th drawn parameters
    of round r. All arms of an operation have the same rounds and draws.
    `twin` marks the second copy of an arm, measured beside the first under
    the same arm name: the A/A pair that tells the noise floor.
    """

    operation: str
    arm: str
    rounds: Rounds
    twin: bool = False

    @property
    def executions(self) -> int:
        """How many executions were timed in all."""
        return sum(len(draws) for draws in self.rounds)


@dataclass(frozen=True, slots=True)
class Counters:
    """What noise cannot touch: SQLite's statement counters for one fixed set of parameters.

    `vm_steps` are virtual machine instructions, `fullscan_steps` steps forward
    in a full table scan, `sorts` sort operations, `autoindexes` rows put into
    automatic indexes, `rows` the rows that were answered (or changed).
    """

    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int = 0
    rows: int = 0
