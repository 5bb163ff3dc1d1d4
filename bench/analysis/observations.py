"""Operations observed in many states of one file: what noise cannot touch.

States differ in hidden indexes and in statistics (`bench.engines.sqlite.index_hiding`). EXPLAIN
tells which of them run the same program, and only distinct programs are executed. Times are taken
by `bench.analysis.timing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import apsw
import numpy as np

from bench.engines.sqlite import counters as measured
from bench.engines.sqlite.connection import parts, transaction
from bench.engines.sqlite.counters import Program, answer_hash, count, plan, program
from bench.engines.sqlite.index_hiding import State
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.evidence import Observed, Seen
from bench.judge.records import Counters
from bench.micro.paired import COLD_NS_A_STEP, SINGLE_NS, STEADY_NS, execute
from bench.study import Operation
from bench.study.hooks import Bind, BoundOperation, Draw, OperationFailed, Parameters

Say = Callable[[str], None]


class _Undone(Exception):
    """Leaves a transaction so that it rolls back."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What one execution of a program gave."""

    counters: Counters
    answer: str
    duration_ns: int


class Observer:
    """Observes a study's operations in states of one file, each distinct program once.

    `draw` and `seed` give the same first parameters as `bench.micro` has, so that counters
    are those of comparison.json. `draws` sets of parameters tell programs apart where samples
    of values let a plan depend on them.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        draw: Draw,
        bind: Bind,
        *,
        seed: int,
        draws: int = 7,
    ) -> None:
        self._operations = tuple(operations)
        self._bind = bind
        self._drawn = {one.name: drawn(draw, one, seed, draws) for one in self._operations}
        self._numbers: dict[str, dict[tuple[Program, ...], int]] = {
            one.name: {} for one in self._operations
        }
        self._done: dict[tuple[str, Program], _Done] = {}
        self._seen: dict[str, dict[str, Seen]] = {one.name: {} for one in self._operations}

    def observe(self, states: Iterable[State], progress: Say = lambda _: None) -> list[Observed]:
        """Look at every operation in these states; return it in all states seen so far.

        Operations for which the file lacks a table are left out.

        Raises:
            BenchError: an operation cannot run.
        """
        for state in states:
            progress(f"observing {state.name}")
            self._reads(state)
            self._writes(state)
        return [
            Observed(one.name, one.kind, dict(seen), _difference(one, seen))
            for one in self._operations
            if (seen := self._seen[one.name])
        ]

    def _able(self, kind: str, have: frozenset[str]) -> list[Operation]:
        return [one for one in self._operations if one.kind == kind and set(one.needs) <= have]

    def _reads(self, state: State) -> None:
        connection = state.open()
        try:
            have = parts(connection)
            for operation in self._able("read", have):
                bound, values = self._bind(operation.name, have), self._drawn[operation.name]
                with said(operation, state):
                    # Without samples no plan depends on the values that are bound (QPSG).
                    told = values if state.statistics.has_samples else values[:1]
                    programs = [program(connection, bound.statements, each) for each in told]
                    known = (operation.name, programs[0])
                    if known not in self._done:
                        self._done[known] = _read(bound, connection, values[0])
                    lines = plan(connection, bound.statements, values[0])
                self._keep(operation, state, programs, lines, self._done[known])
        finally:
            connection.close()

    def _writes(self, state: State) -> None:
        if not any(one.kind == "write" for one in self._operations):
            return
        connection = state.open(query_only=False)
        try:
            have = parts(connection)
            for operation in self._able("write", have):
                bound, values = self._bind(operation.name, have), self._drawn[operation.name][0]
                with said(operation, state):
                    lines = plan(connection, bound.statements, values)
                    programs = [program(connection, bound.statements, values)]
                    done = _written(bound, connection, values)
                self._keep(operation, state, programs, lines, done)
        finally:
            connection.close()

    def _keep(
        self,
        operation: Operation,
        state: State,
        programs: Sequence[Program],
        lines: tuple[str, ...],
        done: _Done,
    ) -> None:
        identity = tuple(programs) if len(set(programs)) > 1 else (programs[0],)
        numbers = self._numbers[operation.name]
        self._seen[operation.name][state.name] = Seen(
            counters=done.counters,
            plan=lines,
            answer=done.answer,
            program=numbers.setdefault(identity, len(numbers)),
            samples=state.statistics.has_samples,
            opened=_opened(programs, state.file.roots),
            duration_ns=done.duration_ns,
        )


def observe(
    states: Sequence[State],
    operations: Sequence[Operation],
    draw: Draw,
    bind: Bind,
    *,
    seed: int,
    draws: int = 7,
    progress: Say = lambda _: None,
) -> list[Observed]:
    """Look at every operation in every state; see `Observer`.

    Raises:
        BenchError: an operation cannot run.
    """
    return Observer(operations, draw, bind, seed=seed, draws=draws).observe(states, progress)


def drawn(draw: Draw, operation: Operation, seed: int, wanted: int) -> list[Parameters]:
    """The operation's first parameters of this seed, the same in all of a run's measurements."""
    rng = np.random.default_rng([seed, *operation.name.encode()])
    return [draw(operation.name, rng) for _ in range(wanted)]


@contextmanager
def said(operation: Operation, state: State) -> Iterator[None]:
    """Say which operation cannot run, and where."""
    try:
        yield
    except (apsw.Error, OperationFailed) as error:
        raise BenchError(
            f"{operation.name} cannot run in the state {state.name}: {error}; "
            "check the query and its draws against the file's migrations.",
            INVALID,
        ) from error


def _read(bound: BoundOperation, connection: apsw.Connection, values: Parameters) -> _Done:
    begun = time.perf_counter_ns()
    counted, answer = count(connection, partial(bound.read, connection, values))
    duration_ns = time.perf_counter_ns() - begun
    # Few steps in a long time waited for the disk: that is no typical execution.
    if duration_ns > COLD_NS_A_STEP * counted.vm_steps or duration_ns < STEADY_NS:
        again_ns = np.zeros(1 if duration_ns > SINGLE_NS else 3, np.int64)
        execute(bound, connection, values, again_ns, warm=False)
        duration_ns = int(np.median(again_ns))
    return _Done(
        _counters(counted, len(answer)), answer_hash(answer, ordered=bound.ordered), duration_ns
    )


def _written(bound: BoundOperation, connection: apsw.Connection, values: Parameters) -> _Done:
    """Run a write and roll it back: nothing of it reaches the file."""
    before = connection.total_changes()
    begun = time.perf_counter_ns()
    try:
        with transaction(connection):
            counted, _ = count(connection, partial(bound.run, connection, values))
            changed = connection.total_changes() - before
            raise _Undone
    except _Undone:
        duration_ns = time.perf_counter_ns() - begun
        return _Done(_counters(counted, changed), "", duration_ns)


def _counters(counted: measured.Counters, rows: int) -> Counters:
    return Counters(
        counted.vm_steps, counted.fullscan_steps, counted.sorts, counted.autoindexes, rows
    )


def _opened(programs: Iterable[Program], roots: Mapping[int, str]) -> frozenset[str]:
    """The tables and indexes of the file that programs open, by their root pages.

    Operand 2 of these instructions is the root page, operand 3 the database, 0 the file's own
    (https://www.sqlite.org/opcode.html).
    """
    return frozenset(
        roots[int(str(row[3]))]
        for one in programs
        for row in one
        if row[1] in ("OpenRead", "OpenWrite", "ReopenIdx")
        and row[4] == 0
        and int(str(row[3])) in roots
    )


def _difference(operation: Operation, seen: Mapping[str, Seen]) -> str | None:
    """How the answers differ; writes are held against each other by the rows they change."""
    answers: dict[tuple[str, int], str] = {}
    for state, one in seen.items():
        answers.setdefault((one.answer, one.counters.rows), state)
    if len(answers) < 2:
        return None
    first, second = list(answers.values())[:2]
    return (
        f"{operation.name} answers otherwise in the state {second} ({seen[second].counters.rows} "
        f"rows) than in {first} ({seen[first].counters.rows} rows), so it is not judged."
    )
