"""What the judging room is given: frozen records of one run's measurements.

Who measures builds these records; `bench.judge.compare` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.results.claims import ClaimPart
from bench.results.claims import ClaimVerdict as ClaimVerdict
from bench.results.comparison import Verdict as Verdict

Rounds = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ArmSamples:
    """What was timed of one operation on one arm.

    `rounds[r][i]` is the latency in nanoseconds of the i-th drawn parameters
    of round r; where a draw was repeated it is the median of its repetitions.
    All arms of an operation have the same rounds and draws. `twin` marks the
    second measurement of an arm, beside the first under the same arm name: the
    A/A pair that tells the noise floor. `executions_ns` are all timed
    executions, unsummarised, round after round and equally many of each round;
    empty where every draw was timed once and `rounds` holds them all.
    """

    operation: str
    arm: str
    rounds: Rounds
    twin: bool = False
    executions_ns: tuple[int, ...] = ()

    def timed(self) -> Rounds:
        """Every timed execution, by round.

        Raises:
            BenchError: `executions_ns` cannot be shared out among the rounds.
        """
        if not self.executions_ns:
            return self.rounds
        each, left = divmod(len(self.executions_ns), max(len(self.rounds), 1))
        if left or not self.rounds:
            raise BenchError(
                f"{self.operation} on {self.arm} has {len(self.executions_ns)} executions in "
                f"{len(self.rounds)} rounds; time equally many in every round.",
                INVALID,
            )
        return tuple(
            self.executions_ns[start : start + each]
            for start in range(0, len(self.executions_ns), each)
        )


@dataclass(frozen=True, slots=True)
class Counters:
    """What noise cannot touch: SQLite's statement counters for one fixed set of parameters.

    `vm_steps` are virtual machine instructions, `fullscan_steps` steps forward
    in a full table scan, `sorts` sort operations, `autoindexes` rows put into
    automatic indexes, `rows` the rows that were answered (or changed). Of a write also the
    pages that it read into its cache and wrote to the log, and the bytes of the log.
    """

    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int = 0
    rows: int = 0
    pages_read: int | None = None
    pages_written: int | None = None
    log_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found of one claim, in `unit`."""

    verdict: ClaimVerdict
    reason: str
    unit: str
    measured: float | None = None
    ci95: tuple[float, float] | None = None
    operations: tuple[ClaimPart, ...] = ()
    evidence: tuple[str, ...] = ()
