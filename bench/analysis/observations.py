"""Operations observed in many states of one file: what noise cannot touch.

States differ in hidden indexes and in statistics. Those of one program do the same work: only
distinct programs are executed. Times are taken by `bench.analysis.timing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.engines import base
from bench.engines.answers import answer_hash
from bench.engines.base import Connection, DatabaseState, Engine, Program
from bench.judge.evidence import Observed, Seen
from bench.judge.records import Counters
from bench.measure.failures import explained
from bench.measure.timing import CLOCK, execute_first
from bench.study import Operation
from bench.study.hooks import Bind, BoundOperation, Parameters, ParameterSampler

Say = Callable[[str], None]


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
        engine: Engine,
        operations: Sequence[Operation],
        sample_parameters: ParameterSampler,
        bind: Bind,
        *,
        seed: int,
        wanted: int = 7,
    ) -> None:
        self._engine = engine
        self._operations = tuple(operations)
        self._bind = bind
        self._parameters = {
            operation.name: first_parameters(sample_parameters, operation, seed, wanted)
            for operation in self._operations
        }
        self._numbers: dict[str, dict[tuple[Program, ...], int]] = {
            operation.name: {} for operation in self._operations
        }
        self._done: dict[tuple[str, Program], _Done] = {}
        self._seen: dict[str, dict[str, Seen]] = {
            operation.name: {} for operation in self._operations
        }

    def observe(
        self, states: Iterable[DatabaseState], progress: Say = lambda _: None
    ) -> list[Observed]:
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
            Observed(operation.name, operation.kind, dict(seen), _difference(operation, seen))
            for operation in self._operations
            if (seen := self._seen[operation.name])
        ]

    def _able(self, kind: str, have: frozenset[str]) -> list[Operation]:
        return [
            operation
            for operation in self._operations
            if operation.kind == kind and set(operation.needs) <= have
        ]

    def _reads(self, state: DatabaseState) -> None:
        engine = self._engine
        with closing(state.open()) as connection:
            have = engine.parts(connection)
            for operation in self._able("read", have):
                bound, values = self._bind(operation.name, have), self._parameters[operation.name]
                with explain_state(engine, operation, state):
                    # Without samples no plan depends on the values that are bound (QPSG).
                    telling = values if state.statistics.has_samples else values[:1]
                    programs = [
                        engine.program(connection, bound.statements, each) for each in telling
                    ]
                    known = (operation.name, programs[0])
                    if known not in self._done:
                        self._done[known] = _read(engine, bound, connection, values[0])
                    lines = engine.plan(connection, bound.statements, values[0])
                self._keep(operation, state, programs, lines, self._done[known])

    def _writes(self, state: DatabaseState) -> None:
        if not any(entry.kind == "write" for entry in self._operations):
            return
        engine = self._engine
        with closing(state.open(query_only=False)) as connection:
            have = engine.parts(connection)
            for operation in self._able("write", have):
                bound, values = (
                    self._bind(operation.name, have),
                    self._parameters[operation.name][0],
                )
                with explain_state(engine, operation, state):
                    lines = engine.plan(connection, bound.statements, values)
                    programs = [engine.program(connection, bound.statements, values)]
                    done = _written(engine, bound, connection, values)
                self._keep(operation, state, programs, lines, done)

    def _keep(
        self,
        operation: Operation,
        state: DatabaseState,
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
            opened=state.objects_opened(programs),
            duration_ns=done.duration_ns,
        )


def observe(
    engine: Engine,
    states: Sequence[DatabaseState],
    operations: Sequence[Operation],
    sample_parameters: ParameterSampler,
    bind: Bind,
    *,
    seed: int,
    wanted: int = 7,
    progress: Say = lambda _: None,
) -> list[Observed]:
    """Observe every operation in every state; see `Observer`.

    Raises:
        BenchError: an operation cannot run.
    """
    return Observer(engine, operations, sample_parameters, bind, seed=seed, wanted=wanted).observe(
        states, progress
    )


def first_parameters(
    sample_parameters: ParameterSampler, operation: Operation, seed: int, wanted: int
) -> list[Parameters]:
    """The operation's first parameters of this seed, the same in all of a run's measurements."""
    rng = np.random.default_rng([seed, *operation.name.encode()])
    return [sample_parameters(operation.name, rng) for _ in range(wanted)]


@contextmanager
def explain_state(engine: Engine, operation: Operation, state: DatabaseState) -> Iterator[None]:
    """Say which operation cannot run, and where."""
    what = f"{operation.name} cannot run in the state {state.name}"
    with explained(engine, what, "the query and its parameters against the file's migrations"):
        yield


def _read(
    engine: Engine, bound: BoundOperation, connection: Connection, values: Parameters
) -> _Done:
    first = execute_first(engine, bound, connection, values)
    answer = answer_hash(first.answer, ordered=bound.ordered)
    return _Done(_counters(first.counters, len(first.answer)), answer, first.typical_ns)


def _written(
    engine: Engine, bound: BoundOperation, connection: Connection, values: Parameters
) -> _Done:
    """Run a write and roll it back: nothing of it reaches the file."""
    before = engine.changes(connection)
    CLOCK.begin()
    begun = CLOCK.start()
    with engine.rolled_back(connection):
        counted, _ = engine.count(connection, partial(bound.run, connection, values))
        changed = engine.changes(connection) - before
    duration_ns = CLOCK.since(begun)
    return _Done(_counters(counted, changed), "", duration_ns)


def _counters(counted: base.Counters, rows: int) -> Counters:
    return Counters(**counted.by_name(), rows=rows)


def _difference(operation: Operation, seen: Mapping[str, Seen]) -> str | None:
    """How the answers differ; writes are held against each other by the rows they change."""
    answers: dict[tuple[str, int], str] = {}
    for state, state_seen in seen.items():
        answers.setdefault((state_seen.answer, state_seen.counters.rows), state)
    if len(answers) < 2:
        return None
    first, second = list(answers.values())[:2]
    return (
        f"{operation.name} answers otherwise in the state {second} ({seen[second].counters.rows} "
        f"rows) than in {first} ({seen[first].counters.rows} rows), so it is not judged."
    )
