"""The exact layer: both sides are counted at once, each by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE
from bench.gate.processes import SideFailed, WorkerProcess, WorkerSpec, worker_processes
from bench.gate.workload import COUNTED_SETS, WorkloadItem
from bench.judge.gate_answers import Answer, answer_from
from bench.judge.gate_seen import Driver, Schema, Seen
from bench.study.gate_limits import GateLimits

LEAST_LIMIT_S = 1.0
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SideFacts:
    """What a side says of itself: versions, its database beside its rows, its operations.

    `indexes` are tables by name of an index; `parts` are tables, views, and columns as
    `table.column`.
    """

    sqlite: str
    python: str
    schema_hash: str
    indexes: Mapping[str, str]
    analysed: bool
    parts: Sequence[str]
    operations: Sequence[str]

    @property
    def schema(self) -> Schema:
        """What is judged of its database."""
        return Schema(self.indexes, self.analysed)


def observe(
    specs: Sequence[WorkerSpec],
    items: Sequence[WorkloadItem],
    progress: Progress,
    *,
    seconds: float = GateLimits().seconds,
) -> tuple[dict[str, SideFacts], dict[str, dict[str, tuple[Seen, ...]]]]:
    """What each side says about itself, and what it was seen doing: by worker, then operation.

    No operation is begun once `seconds` are over; one execution may take a tenth of that.

    Raises:
        SideFailed: a process ended, or the head's tree cannot be imported.
        BenchError: the sides cannot be compared.
    """
    limit_s = max(LEAST_LIMIT_S, seconds / 10)
    with worker_processes(specs) as running:
        about = _about(running)
        # Starting the processes is not counting.
        end = time.monotonic() + seconds
        seen: dict[str, dict[str, tuple[Seen, ...]]] = {name: {} for name in running}
        for item in items:
            if time.monotonic() > end:
                break
            progress(f"counting {item.name}")
            able = [
                worker for name, worker in running.items() if item.name in about[name].operations
            ]
            set_indexes = _counted(able, item)
            for worker in able:
                worker.send(
                    "observe",
                    name=item.name,
                    kind=item.operation.kind,
                    parameters=item.parameters,
                    requests=item.requests,
                    set_indexes=set_indexes,
                    limit_s=limit_s,
                )
            executions = {worker.name: _received(worker, item) for worker in able}
            if len(executions) > 1:
                executions = _with_answers(able, executions, item, limit_s)
            for name, entries in executions.items():
                seen[name][item.name] = entries
    return about, seen


def _about(running: Mapping[str, WorkerProcess]) -> dict[str, SideFacts]:
    """What each side says about itself.

    Raises:
        BenchError: the base's code is of another age, so that it cannot be asked.
        SideFailed: the head's code fails.
    """
    for worker in running.values():
        worker.send("about")
    about: dict[str, SideFacts] = {}
    *others, head = running
    for name in (head, *others):
        try:
            about[name] = SideFacts(**running[name].receive())
        except SideFailed as error:
            if name == head:
                raise
            raise BenchError(
                f"The sides cannot be compared: the head's code can be asked, but not the {name}'s "
                f"({error}); name a later commit as --base.",
                INCOMPARABLE,
            ) from error
    return about


def _with_answers(
    able: Sequence[WorkerProcess],
    executions: dict[str, tuple[Seen, ...]],
    item: WorkloadItem,
    limit_s: float,
) -> dict[str, tuple[Seen, ...]]:
    """What was seen, with the answers themselves where two sides' differ."""
    hashes = [
        {(seen.driver, seen.draw): seen.answer for seen in executions[worker.name]}
        for worker in able
    ]
    differing = {
        key
        for key in hashes[0].keys() & hashes[1].keys()
        if None not in (hashes[0][key], hashes[1][key]) and hashes[0][key] != hashes[1][key]
    }
    return {
        worker.name: tuple(
            replace(seen, given=answer_of(worker, item, seen.driver, seen.draw, limit_s))
            if (seen.driver, seen.draw) in differing
            else seen
            for seen in executions[worker.name]
        )
        for worker in able
    }


def answer_of(
    worker: WorkerProcess, item: WorkloadItem, driver: Driver, set_index: int, limit_s: float
) -> Answer | None:
    """What a side answers to one set; None where it takes longer than `limit_s` seconds."""
    given = worker.ask(
        "answer",
        name=item.name,
        parameters=item.parameters[set_index],
        request=item.requests[set_index] if driver == "http" else None,
        limit_s=limit_s,
    )
    return None if given is None else answer_from(given)


def _counted(able: Sequence[WorkerProcess], item: WorkloadItem) -> list[int]:
    """The draws to count: the first ones, and the first of each further pair of plans."""
    set_indexes = list(range(min(COUNTED_SETS, len(item.parameters))))
    for worker in able:
        worker.send("plans", name=item.name, parameters=item.parameters)
    plans = list(zip(*(worker.receive() for worker in able), strict=True))
    known = [plans[set_index] for set_index in set_indexes]
    for set_index, pair in enumerate(plans):
        if pair not in known:
            known.append(pair)
            set_indexes.append(set_index)
    return set_indexes


def _received(worker: WorkerProcess, item: WorkloadItem) -> tuple[Seen, ...]:
    try:
        executions = worker.receive()
    except SideFailed as error:
        raise SideFailed(f"{error} (while counting {item.name})") from error
    return tuple(Seen(**{**entry, "plan": tuple(entry["plan"])}) for entry in executions)
