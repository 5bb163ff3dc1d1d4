"""Every way through a program that fits its counters.

Each instruction has been executed some number of times, unknown to us, and was left each time
for one of the instructions that may follow it. What comes in goes out again (Kirchhoff's law of
nodes), the executions add up to VM_STEP, the steps of scanning loops to FULLSCAN_STEP, and so
on: linear equations, over which the least and the greatest number of rows read is found by
linear programming. See https://www.sqlite.org/opcode.html for the instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from bench.engines.sqlite.program_edges import (
    END,
    POSITIONING,
    SEEKING,
    STEPPING,
    TEMPORARY,
    Edge,
    Instruction,
    NoPath,
    edges,
    hinted_cursors,
)

__all__ = ["Instruction", "NoPath", "Seen", "rows_read_bounds"]

_COUNTS_SCANS = 1  # SQLITE_STMTSTATUS_FULLSCAN_STEP, in p5 of the step of a scan


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one execution of a program.

    `steps`, `scanned` and `sorts` are SQLite's counters VM_STEP, FULLSCAN_STEP and SORT, `rows`
    the rows of the answer; `counted` gives addresses of OP_Count and what each counts. `stored` are
    bounds of the rows read from tables and indexes alone and `passed` how many of these the
    condition let through, where they are known from elsewhere.
    """

    steps: int
    scanned: int
    sorts: int
    rows: int
    counted: tuple[tuple[int, int], ...] = ()
    stored: tuple[int, int] | None = None
    passed: int | None = None


@lru_cache(maxsize=4096)
def rows_read_bounds(program: tuple[Instruction, ...], seen: Seen) -> tuple[int, int]:
    """The fewest and the most rows that one execution can have read, as D1 counts them.

    Raises:
        NoPath: an instruction is not known, or nothing fits.
    """
    flow = list(edges(program))
    bounds: list[tuple[float, float]] = []
    for full in _kept_full(program):
        system = _System(program, flow)
        goal = _describe(system, program, seen, full)
        try:
            bounds.append((system.least(goal), -system.least(-goal)))
        except NoPath:
            continue
    if not bounds:
        raise NoPath("no way through its program fits the counters of this execution")
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    return math.ceil(low - 1e-3), math.floor(high + 1e-3)


def _kept_full(program: Sequence[Instruction]) -> list[bool]:
    """A list that keeps its best N rows was filled, or was not: each case has its equations."""
    return [False, True] if any(at.opcode == "IfNotZero" for at in program) else [False]


def _describe(
    system: _System, program: Sequence[Instruction], seen: Seen, full: bool
) -> np.ndarray[Any, Any]:
    """Put what is known into the system; return what each way counts."""
    system.conserve()
    system.equal(system.weights(lambda _, __: 1), seen.steps)
    system.equal(system.weights(_scanning), seen.scanned)
    system.equal(system.weights(lambda at, _: at.opcode in ("Sort", "SorterSort")), seen.sorts)
    system.equal(system.weights(lambda at, _: at.opcode == "ResultRow"), seen.rows)
    system.bound_loops(seen.steps)
    system.bound_best(full)
    hinted = hinted_cursors(program)
    counted: Mapping[int, int] = dict(seen.counted)
    temporary = {at.p1 for at in program if at.opcode in TEMPORARY}

    def counts(at: Instruction, edge: Edge) -> float:
        if at.opcode in STEPPING:
            return edge.jumps or at.opcode == "VNext"
        if at.opcode in SEEKING:
            return not (edge.jumps and at.p1 in hinted)
        return counted.get(at.address, at.opcode in POSITIONING)

    kept = [at for at in program if at.opcode in ("IfNotZero", "SorterInsert")]
    if seen.passed is not None and kept:
        system.equal(system.weights(lambda at, _: at is kept[0]), seen.passed)
    if seen.stored is not None:
        stored = system.weights(lambda at, edge: at.p1 not in temporary and counts(at, edge))
        system.at_most(stored, seen.stored[1])
        system.at_most(-stored, -seen.stored[0])
    return system.weights(counts)


def _scanning(at: Instruction, edge: Edge) -> bool:
    return at.opcode in STEPPING and edge.jumps and at.p5 == _COUNTS_SCANS


Row = np.ndarray[Any, Any]
Weight = Callable[[Instruction, Edge], float]


class _System:
    """Linear equations and bounds over how often each way was taken."""

    def __init__(self, program: Sequence[Instruction], edges: Sequence[Edge]) -> None:
        self._program, self._edges = program, edges
        self._equal: list[Row] = []
        self._values: list[float] = []
        self._most: list[Row] = []
        self._limits: list[float] = []

    def weights(self, weight: Weight) -> Row:
        """One number for each way."""
        return np.array([float(weight(self._program[edge.source], edge)) for edge in self._edges])

    def equal(self, row: Row, value: float) -> None:
        """The ways, each times its number in `row`, add up to `value`."""
        self._equal.append(row)
        self._values.append(float(value))

    def at_most(self, row: Row, limit: float) -> None:
        """They add up to `limit` at most."""
        self._most.append(row)
        self._limits.append(float(limit))

    def conserve(self) -> None:
        """What comes into an instruction goes out of it; one execution begins and one ends."""
        balance = np.zeros((len(self._program), len(self._edges)))
        for column, edge in enumerate(self._edges):
            balance[edge.source, column] += 1
            if edge.target != END:
                balance[edge.target, column] -= 1
        for address, row in enumerate(balance):
            self.equal(row, 1.0 if address == 0 else 0.0)

    def _taken(self, opcode: str, p1: int, *, jumps: bool | None = None) -> Row:
        return self.weights(
            lambda at, edge: (
                at.opcode == opcode and at.p1 == p1 and (jumps is None or edge.jumps == jumps)
            )
        )

    def bound_loops(self, most: int) -> None:
        """Nothing steps that was never positioned; a call returns to where it came from."""
        for cursor in {at.p1 for at in self._program if at.opcode in STEPPING}:
            self.at_most(self._stepped(cursor) - most * self._placed(cursor), 0)
        for call in [at for at in self._program if at.opcode == "Gosub"]:
            self._comes_back(call)
        for opening in [at for at in self._program if at.opcode == "SorterOpen"]:
            self._gives_what_it_took(opening.p1)

    def _stepped(self, cursor: int) -> Row:
        return self.weights(
            lambda at, edge: at.opcode in STEPPING and edge.jumps and at.p1 == cursor
        )

    def _placed(self, cursor: int) -> Row:
        places = POSITIONING | SEEKING | {"VFilter"}
        return self.weights(lambda at, _: at.opcode in places and at.p1 == cursor)

    def _comes_back(self, call: Instruction) -> None:
        back = self.weights(
            lambda at, edge: (
                at.opcode == "Return"
                and (at.p1, edge.target, edge.jumps) == (call.p1, call.address + 1, True)
            )
        )
        self.equal(back - self.weights(lambda at, _: at is call), 0)

    def _gives_what_it_took(self, cursor: int) -> None:
        """A sorter gives as many rows as were put in, or fewer where a limit ends the loop."""
        given = self._taken("SorterNext", cursor, jumps=True)
        given = given + self._taken("SorterSort", cursor, jumps=False)
        rest = given - self._taken("SorterInsert", cursor)
        if any(at.opcode == "DecrJumpZero" for at in self._program):
            self.at_most(rest, 0)
        else:
            self.equal(rest, 0)

    def bound_best(self, full: bool) -> None:
        """A list of the best N rows takes N as they come, and looks at its last row from then on.

        `full`: it took N; otherwise fewer came, and none was looked at.
        """
        for at in self._program:
            if at.opcode != "IfNotZero":
                continue
            limits = [
                instruction.p1
                for instruction in self._program
                if (instruction.opcode, instruction.p2) == ("Integer", at.p1)
            ]
            if full and len(limits) == 1:
                self.equal(self._taken("IfNotZero", at.p1, jumps=True), limits[0])
            elif not full:
                self.equal(self._taken("IfNotZero", at.p1, jumps=False), 0)

    def least(self, goal: Row) -> float:
        """The least value of a sum.

        Raises:
            NoPath: nothing fulfils the equations.
        """
        solution = linprog(
            goal,
            A_eq=csr_array(np.array(self._equal)), b_eq=self._values,
            A_ub=csr_array(np.array(self._most)) if self._most else None,
            b_ub=self._limits or None, method="highs",
        )  # fmt: skip
        if not solution.success:
            raise NoPath("no way through its program fits the counters of this execution")
        return float(solution.fun)
