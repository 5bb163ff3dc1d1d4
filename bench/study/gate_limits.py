"""What the gate allows: `[gate]` of study.toml; without a study that of pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic.dataclasses import dataclass

COUNTERS = ("statements", "vm_steps", "fullscan_steps", "sorts", "autoindexes", "rows")
"""What is counted of each execution and has a limit of its own."""
ABSOLUTE = ("statements", "sorts", "autoindexes")
"""Counters whose limit is a number of them: a share of one or two says nothing."""

CONFIG = ConfigDict(extra="forbid")
Share = Annotated[float, Field(strict=True, ge=0, description="a share of 0 or more")]
Count = Annotated[StrictInt, Field(ge=0, description="a whole number of 0 or more")]
Flag = Annotated[StrictBool, Field(description="true or false")]


@dataclass(frozen=True, slots=True, config=CONFIG)
class Limits:
    """By how much the head may exceed the base: shares, and numbers of what ABSOLUTE names.

    `time_ns` are nanoseconds that count for nothing, whatever share of a very short operation
    they are: two processes of one code differ by some by the layout of their memory. `steps` are
    steps, of SQLite's and of scans, that count for nothing: 20 are a fifth of `time_ns`, at some
    10 ns each. `write_tax` is the share of steps that a write may take more for indexes that are
    new on the table it writes. `answers` says that answers must be equal; `removed` that the head
    may lack the operation.
    """

    time: Annotated[
        float, Field(strict=True, gt=0, description="a share above 0, as no two times are equal")
    ] = 0.05
    time_ns: Annotated[
        float, Field(strict=True, ge=0, description="a number of nanoseconds, 0 or more")
    ] = 1_000
    vm_steps: Share = 0.02
    fullscan_steps: Share = 0.02
    steps: Count = 20
    write_tax: Share = 1.0
    statements: Count = 0
    sorts: Count = 0
    autoindexes: Count = 0
    rows: Share = 0.0
    answers: Flag = True
    removed: Flag = False

    def time_of(self, base_ns: float) -> float:
        """The limit of an operation that takes so long on the base, a share."""
        return max(self.time, self.time_ns / max(1.0, base_ns))

    def of_counter(self, counter: str) -> float:
        """The limit of one of COUNTERS, a share or a number."""
        return float(getattr(self, counter))


@dataclass(frozen=True, slots=True, config=CONFIG)
class GateLimits(Limits):
    """The limits of all operations, those of some, and the seconds that measuring may take.

    What a table of `operations` leaves out is as for all operations.

    A calm machine decides in a fifth of the default seconds. Where neighbours halve the pace of
    its cores for most of an hour, 45 s left each of nine trials of a tree against itself undecided,
    and 150 s none of three, which took 56 to 81 s.
    """

    file: ClassVar[str] = "study.toml"
    table: ClassVar[str] = "gate"

    seconds: Annotated[
        float, Field(strict=True, gt=0, description="a number of seconds above 0")
    ] = 120.0
    operations: Mapping[str, Limits] = field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _operations_rest_on_all(cls, values: object) -> object:
        """Complete the tables of single operations; values that code gives are whole."""
        if not isinstance(values, dict) or not isinstance(values.get("operations"), dict):
            return values
        usual = {entry.name: values[entry.name] for entry in fields(Limits) if entry.name in values}
        operations = {
            name: {**usual, **table} if isinstance(table, dict) else table
            for name, table in values["operations"].items()
        }
        return {**values, "operations": operations}

    def of(self, operation: str) -> Limits:
        """The limits of one operation."""
        return self.operations.get(operation, self)

    def heading(self, operation: str) -> str:
        """The line that begins the limits of one operation in `file`."""
        return f"[{self.table}.operations.{operation}]"


@dataclass(frozen=True, slots=True, config=CONFIG)
class ProjectLimits(GateLimits):
    """The same in the pyproject.toml of a project that has no study with limits."""

    file: ClassVar[str] = "pyproject.toml"
    table: ClassVar[str] = "tool.resale-bench.gate"
