"""Ablation: every index of a migration left out in turn, and each alone.

Indexes are those that the judged arm has and the base lacks. They are hidden, not dropped
(`bench.engines.sqlite.index_hiding`), in a private copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from bench.analysis.observations import Observer, drawn
from bench.analysis.timing import time_programs
from bench.engines.sqlite.connection import connect, parts
from bench.engines.sqlite.index_hiding import Index, PrivateFile, State
from bench.judge.ablation_effects import (
    ALL,
    NONE,
    AblationRecord,
    IndexFacts,
    alone,
    pairs_of,
    without,
)
from bench.judge.evidence import SAME_STEPS, Observed, Paired
from bench.study import Study
from bench.study.hooks import Draw, Parameters, hooks_of

Say = Callable[[str], None]

# Operations whose slowest program stays below this get the study's quick rounds.
QUICK_NS = 5_000_000
_NO_DATASET: Mapping[str, Any] = {}


def measure_ablation(
    study: Study,
    file: Path,
    base_indexes: Collection[str],
    draw: Draw,
    *,
    seed: int,
    dataset: Mapping[str, Any] = _NO_DATASET,
    progress: Say = lambda _: None,
) -> AblationRecord:
    """Observe and time the study's operations without each new index, and with each alone.

    `file` is a private copy in the state of the judged arm, statistics and all; it comes back
    in that state. `base_indexes` are the names of the indexes that the base has (see
    `bench.engines.sqlite.index_hiding.indexes`); what the file has beyond them is judged.
    `dataset` goes into the record as it is.

    Raises:
        BenchError: an operation cannot run.
    """
    with PrivateFile(file) as private:
        new = [index for index in private.indexes if index.name not in set(base_indexes)]
        facts = _facts(study, private, new, draw, seed)
        bind = hooks_of(study).bind
        observer = Observer(study.operations, draw, bind, seed=seed, draws=study.rounds)
        states = _states(private, [index.name for index in new])
        pairs = pairs_of(facts, observer.observe(states, progress))
        states += [private.state(without(*pair.names), pair.names) for pair in pairs]
        observed = observer.observe(states[len(states) - len(pairs) :], progress)
        timed = _timed(study, observed, states, draw, seed, progress)
    return AblationRecord(
        study=study,
        dataset=dataset,
        arm=study.judged,
        sqlite_version=apsw.sqlite_lib_version(),
        indexes=facts,
        pairs=pairs,
        operations=tuple(observed),
        timed=timed,
    )


def _states(file: PrivateFile, names: Sequence[str]) -> list[State]:
    return [
        file.state(ALL),
        file.state(NONE, names),
        *(file.state(without(name), [name]) for name in names),
        *(file.state(alone(name), [other for other in names if other != name]) for name in names),
    ]


def _timed(
    study: Study,
    observed: Sequence[Observed],
    states: Sequence[State],
    draw: Draw,
    seed: int,
    progress: Say,
) -> tuple[Paired, ...]:
    found, bind = [], hooks_of(study).bind
    for one in observed:
        if one.kind == "read" and one.difference is None and differs(one):
            progress(f"timing {one.operation}")
            operation = study.operation(one.operation)
            longest_ns = max(state.duration_ns for state in one.states.values())
            rounds = study.quick_rounds if longest_ns < QUICK_NS else study.rounds
            found.append(
                time_programs(operation, one, states, draw, bind, seed=seed, rounds=rounds)
            )
    return tuple(found)


def differs(observed: Observed) -> bool:
    """Whether the states differ in anything that times could confirm: steps, or the plan."""
    seen = list(observed.states.values())
    steps = [one.counters.vm_steps for one in seen]
    return max(steps) > (1 + SAME_STEPS) * min(steps) or len({one.plan for one in seen}) > 1


def _facts(
    study: Study, file: PrivateFile, new: Sequence[Index], draw: Draw, seed: int
) -> tuple[IndexFacts, ...]:
    sought: dict[str, set[tuple[str, str]]] = {}
    connection = connect(file.path, query_only=True)
    try:
        have = parts(connection)
        for operation in study.operations:
            if operation.kind == "read" and set(operation.needs) <= have:
                bound = hooks_of(study).bind(operation.name, have)
                values = drawn(draw, operation, seed, 1)[0]
                sought[operation.name] = sought_columns(connection, bound.statements, values)
    finally:
        connection.close()
    return tuple(
        IndexFacts(
            index.name,
            index.table,
            index.columns,
            tuple(
                name for name, pairs in sought.items() if (index.table, index.columns[0]) in pairs
            ),
            file.bytes_of(index.name),
        )
        for index in new
    )


def sought_columns(
    connection: apsw.Connection, statements: Sequence[str], parameters: Parameters
) -> set[tuple[str, str]]:
    """The columns, with their tables, that statements look for, sort by or group by.

    SQLite's authorizer tells which columns a statement reads
    (https://www.sqlite.org/c3ref/set_authorizer.html). Those that are shown and no more have
    no use for an index: a column counts where its name stands after the first FROM.
    """
    found: set[tuple[str, str]] = set()
    for sql in statements:
        _, _, after = sql.upper().partition("FROM")
        words = set("".join(one if one.isalnum() or one == "_" else " " for one in after).split())
        read: set[tuple[str, str]] = set()

        def note(
            action: int, table: str | None, column: str | None, _: str | None, __: str | None,
            read: set[tuple[str, str]] = read,
        ) -> int:  # fmt: skip
            if action == apsw.SQLITE_READ and table and column:
                read.add((table, column))
            return int(apsw.SQLITE_OK)

        connection.set_authorizer(note)
        try:
            connection.execute(f"EXPLAIN {sql}", dict(parameters)).fetchall()
        finally:
            connection.set_authorizer(None)
        found |= {(table, column) for table, column in read if column.upper() in words}
    return found
