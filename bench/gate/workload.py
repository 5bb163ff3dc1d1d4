"""What both sides execute: operations with parameter sets and requests, the same for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.judge.gate_seen import Driver
from bench.study import Operation, Study

COUNTED_SETS = 3
TIMED_SETS = 12


@dataclass(frozen=True, slots=True)
class WorkloadItem:
    """One operation as the sides execute it; `requests` is empty where no GET answers it.

    The first parameter set is the one that a run of the study counts, see bench.micro.
    """

    operation: Operation
    parameters: tuple[Mapping[str, Any], ...]
    requests: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.operation.name

    @property
    def driver(self) -> Driver:
        """By what its time is taken: the request, or the query without one."""
        return "http" if self.requests else "sql"

    @property
    def judged_by_time(self) -> bool:
        """Whether its time decides: of a write only what it pays for indexes is timed, and told."""
        return self.operation.kind == "read"

    def timed(self) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Parameters and requests that are timed."""
        return self.parameters[:TIMED_SETS], self.requests[:TIMED_SETS]


def operations_of_both(base: Study | None, head: Study, names: Sequence[str]) -> list[Operation]:
    """The operations of both sides, the head's first; only `names`, where some are given.

    Raises:
        bench.study.StudyError: neither side has an operation of that name.
    """
    operations = {operation.name: operation for operation in head.operations}
    for operation in base.operations if base is not None else ():
        operations.setdefault(operation.name, operation)
    for name in names:
        if name not in operations:
            head.operation(name)
    return [operation for name, operation in operations.items() if not names or name in names]
