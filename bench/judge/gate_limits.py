"""What the gate allows, as `[tool.resale-bench.gate]` of a pyproject.toml says it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from bench.errors import BenchError

COUNTERS = ("statements", "vm_steps", "fullscan_steps", "sorts", "autoindexes", "rows")
"""What is counted of each execution and has a limit of its own."""
ABSOLUTE = ("statements", "sorts", "autoindexes")
"""Counters whose limit is a number of them: a share of one or two says nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """By how much the head may exceed the base: shares, and numbers of what ABSOLUTE names.

    `time_ns` are nanoseconds that count for nothing, whatever share of a very short operation
    they are: two processes of one code differ by some by the layout of their memory. `steps` are
    steps, of SQLite's and of scans, that count for nothing: 20 are a fifth of `time_ns`, at some
    10 ns each. `write_tax` is the share of steps that a write may take more for indexes that are
    new on the table it writes. `answers` says that answers must be equal; `removed` that the head
    may lack the operation.
    """

    time: float = 0.05
    time_ns: float = 1_000
    vm_steps: float = 0.02
    fullscan_steps: float = 0.02
    steps: int = 20
    write_tax: float = 1.0
    statements: int = 0
    sorts: int = 0
    autoindexes: int = 0
    rows: float = 0.0
    answers: bool = True
    removed: bool = False

    def time_of(self, base_ns: float) -> float:
        """The limit of an operation that takes so long on the base, a share."""
        return max(self.time, self.time_ns / max(1.0, base_ns))

    def of(self, counter: str) -> float:
        """The limit of one of COUNTERS, a share or a number."""
        return float(getattr(self, counter))


@dataclass(frozen=True, slots=True)
class GateLimits:
    """The limits of all operations, those of some, and the seconds that measuring may take.

    A calm machine decides in a fifth of the default. Where neighbours halve the pace of its cores
    for most of an hour, 45 s left each of nine trials of a tree against itself undecided, and 150 s
    none of three, which took 56 to 81 s.
    """

    usual: Limits = field(default_factory=Limits)
    operations: Mapping[str, Limits] = field(default_factory=dict)
    seconds: float = 120.0

    def of(self, operation: str) -> Limits:
        """The limits of one operation."""
        return self.operations.get(operation, self.usual)


_OWN = ("seconds", "operations")


def limits_of(table: Mapping[str, Any], known: frozenset[str] | None = None) -> GateLimits:
    """Read the table; `known` are the names that operations may have (None: any).

    Raises:
        BenchError: an unknown key, a value of another kind, or an operation nobody knows.
    """
    where = "[tool.resale-bench.gate]"
    usual = _limits(Limits(), {k: v for k, v in table.items() if k not in _OWN}, where, _OWN)
    seconds = table.get("seconds", GateLimits().seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise BenchError(f"`seconds` in {where} is a number above 0, not {seconds!r}.")
    operations = table.get("operations", {})
    if not isinstance(operations, Mapping):
        raise BenchError(f"Write limits of one operation as {where[:-1]}.operations.NAME].")
    found = {}
    for name, own in operations.items():
        here = f"[tool.resale-bench.gate.operations.{name}]"
        # One that was allowed to go is gone later on both sides, which is no mistake.
        allowed = isinstance(own, Mapping) and own.get("removed") is True
        if known is not None and name not in known and not allowed:
            raise BenchError(f"{here} is about an operation that neither side has; remove it.")
        if not isinstance(own, Mapping):
            raise BenchError(f"{here} has to be a table of limits.")
        found[name] = _limits(usual, own, here)
    return GateLimits(usual, found, float(seconds))


def _limits(
    start: Limits, table: Mapping[str, Any], where: str, besides: tuple[str, ...] = ()
) -> Limits:
    kinds = {entry.name: type(getattr(start, entry.name)) for entry in fields(Limits)}
    for name, value in table.items():
        if name not in kinds:
            raise BenchError(
                f"{where} has the unknown key {name!r}; choose among "
                f"{', '.join([*kinds, *besides])}."
            )
        if kinds[name] is bool:
            if not isinstance(value, bool):
                raise BenchError(f"`{name}` in {where} is true or false, not {value!r}.")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            what = "a number of nanoseconds" if name == "time_ns" else "a share"
            what = "a whole number" if kinds[name] is int else what
            raise BenchError(f"`{name}` in {where} is {what} of 0 or more, not {value!r}.")
        elif kinds[name] is int and value != int(value):
            raise BenchError(
                f"`{name}` in {where} is a whole number of them, no share; not {value!r}."
            )
    if table.get("time") == 0:
        raise BenchError(f"`time` in {where} has to be above 0: no two times are ever equal.")
    return replace(start, **table)
