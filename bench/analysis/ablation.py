"""Ablation: every index of a migration left out in turn, and each alone.

Indexes are those that the judged arm has and the base lacks. They are hidden, not dropped, in a
private copy: a capability of the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path

from bench.analysis.observations import Observer, first_parameters
from bench.analysis.timing import time_programs
from bench.engines.base import DatabaseState, PrivateCopy
from bench.engines.records import Index
from bench.engines.registry import engine_of
from bench.judge.ablation_effects import (
    ALL,
    NONE,
    AblationRecord,
    IndexFacts,
    only,
    pairs_of,
    without,
)
from bench.judge.evidence import SAME_STEPS, Observed, Paired
from bench.results.model import DatasetSummary
from bench.study import Study
from bench.study.hooks import ParameterSampler, hooks_of

Say = Callable[[str], None]

# Operations whose slowest program stays below this get the study's quick rounds.
QUICK_NS = 5_000_000


def measure_ablation(
    study: Study,
    file: Path,
    base_indexes: Collection[str],
    sample_parameters: ParameterSampler,
    *,
    seed: int,
    dataset: DatasetSummary,
    progress: Say = lambda _: None,
) -> AblationRecord:
    """Observe and time the study's operations without each new index, and with each alone.

    `file` is a private copy in the state of the judged arm, statistics and all; it comes back
    in that state. `base_indexes` are the names of the indexes that the base has; what the file
    has beyond them is judged. `dataset` goes into the record as it is.

    Raises:
        BenchError: an operation cannot run.
    """
    engine = engine_of(study)
    with engine.private_copy(file) as private:
        new = [index for index in private.indexes if index.name not in set(base_indexes)]
        facts = _facts(study, private, new, sample_parameters, seed)
        bind = hooks_of(study).bind
        observer = Observer(
            engine, study.operations, sample_parameters, bind, seed=seed, wanted=study.rounds
        )
        states = _observed_states(private, [index.name for index in new])
        pairs = pairs_of(facts, observer.observe(states, progress))
        states += [private.state(without(*pair.names), pair.names) for pair in pairs]
        observed = observer.observe(states[len(states) - len(pairs) :], progress)
        timed = _timed(study, observed, states, sample_parameters, seed, progress)
    return AblationRecord(
        study=study,
        dataset=dataset,
        arm=study.judged,
        sqlite_version=engine.version(),
        indexes=facts,
        pairs=pairs,
        operations=tuple(observed),
        timed=timed,
    )


def _observed_states(file: PrivateCopy, names: Sequence[str]) -> list[DatabaseState]:
    return [
        file.state(ALL),
        file.state(NONE, names),
        *(file.state(without(name), [name]) for name in names),
        *(file.state(only(name), [other for other in names if other != name]) for name in names),
    ]


def _timed(
    study: Study,
    observed: Sequence[Observed],
    states: Sequence[DatabaseState],
    sample_parameters: ParameterSampler,
    seed: int,
    progress: Say,
) -> tuple[Paired, ...]:
    timed = []
    for entry in observed:
        if entry.kind == "read" and entry.difference is None and differs(entry):
            progress(f"timing {entry.operation}")
            longest_ns = max(state.duration_ns for state in entry.states.values())
            rounds = study.quick_rounds if longest_ns < QUICK_NS else study.rounds
            timed.append(
                time_programs(study, entry, states, sample_parameters, seed=seed, rounds=rounds)
            )
    return tuple(timed)


def differs(observed: Observed) -> bool:
    """Whether the states differ in anything that times could confirm: steps, or the plan."""
    seen = list(observed.states.values())
    steps = [state.counters.vm_steps for state in seen]
    return max(steps) > (1 + SAME_STEPS) * min(steps) or len({state.plan for state in seen}) > 1


def _facts(
    study: Study,
    file: PrivateCopy,
    new: Sequence[Index],
    sample_parameters: ParameterSampler,
    seed: int,
) -> tuple[IndexFacts, ...]:
    sought: dict[str, set[tuple[str, str]]] = {}
    engine = engine_of(study)
    with closing(engine.connect(file.path, query_only=True)) as connection:
        have = engine.parts(connection)
        for operation in study.operations:
            if operation.kind == "read" and set(operation.needs) <= have:
                bound = hooks_of(study).bind(operation.name, have)
                values = first_parameters(sample_parameters, operation, seed, 1)[0]
                sought[operation.name] = engine.sought_columns(connection, bound.statements, values)
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
