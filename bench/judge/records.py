"""What is measured of a run, as it is given to `bench.judge.compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.stats import Rounds as Rounds


@dataclass(frozen=True, slots=True)
class ArmSamples:
    """What was timed of one operation on one arm.

    `rounds[r][i]` is the latency in nanoseconds of the i-th parameter set of round r; where that
    was repeated it is the median of its repetitions. All arms of an operation have the same rounds
    and parameters. `control` marks the second measurement of an arm, under the same arm name: the
    A/A control. `executions_ns` are all timed executions, round after round and equally many of
    each; empty where `rounds` holds them all.
    """

    operation: str
    arm: str
    rounds: Rounds
    control: bool = False
    executions_ns: tuple[int, ...] = ()

    def timed(self) -> Rounds:
        """Every timed execution, by round; BenchError where they cannot be shared out."""
        if not self.executions_ns:
            return self.rounds
        each, left = divmod(len(self.executions_ns), max(len(self.rounds), 1))
        if left or not self.rounds:
            raise BenchError(
                f"{self.operation} on {self.arm} has {len(self.executions_ns)} executions in "
                f"{len(self.rounds)} rounds; time equally many in every round.",
                INVALID,
            )
        starts = range(0, len(self.executions_ns), each)
        return tuple(self.executions_ns[start : start + each] for start in starts)


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """What an arm's file holds: its tables, and its indexes by table.

    `samples` says whether the planner has samples of its values (sqlite_stat4).
    """

    tables: frozenset[str]
    indexes: Mapping[str, Sequence[str]]
    samples: bool


@dataclass(frozen=True, slots=True)
class Counters:
    """SQLite's statement counters for one fixed set of parameters; noise cannot touch them.

    `vm_steps` are virtual machine instructions, `fullscan_steps` steps forward in a full table
    scan, `sorts` sort operations, `autoindexes` rows put into automatic indexes, `rows` the rows
    that were answered (or changed). Of a write also the pages that it read into its cache and
    wrote to the log, and the bytes of the log.
    """

    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int = 0
    rows: int = 0
    pages_read: int | None = None
    pages_written: int | None = None
    log_bytes: int | None = None
