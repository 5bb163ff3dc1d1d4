"""The exact layer: both sides are counted at once, each by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.gate.processes import SideFailed, WorkerProcess, WorkerSpec, lanes
from bench.gate.workload import EXACT_DRAWS, WorkloadItem
from bench.judge.gate_answers import Answer, answer_from
from bench.judge.gate_limits import GateLimits
from bench.judge.gate_seen import Driver, Schema, Seen

LEAST_LIMIT_S = 1.0
Progress = Callable[[str], None]


def observe(
    specs: Sequence[WorkerSpec],
    asked: Sequence[WorkloadItem],
    progress: Progress,
    *,
    seconds: float = GateLimits().seconds,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, tuple[Seen, ...]]]]:
    """What each side says about itself, and what it was seen doing: by lane, then operation.

    No operation is begun once `seconds` are over; one execution may take a tenth of that.

    Raises:
        SideFailed: a process ended, or its tree cannot be imported.
    """
    limit_s = max(LEAST_LIMIT_S, seconds / 10)
    with lanes(specs) as running:
        for lane in running.values():
            lane.send("about")
        about = {name: lane.receive() for name, lane in running.items()}
        # Starting the processes is not counting.
        end = time.monotonic() + seconds
        seen: dict[str, dict[str, tuple[Seen, ...]]] = {name: {} for name in running}
        for one in asked:
            if time.monotonic() > end:
                break
            progress(f"counting {one.operation.name}")
            able = [lane for name, lane in running.items() if _knows(about[name], one)]
            draws = _counted(able, one)
            for lane in able:
                lane.send(
                    "observe",
                    name=one.operation.name,
                    kind=one.operation.kind,
                    parameters=one.parameters,
                    requests=one.requests,
                    draws=draws,
                    limit_s=limit_s,
                )
            found = {lane.name: _received(lane, one) for lane in able}
            if len(found) > 1:
                found = _with_answers(able, found, one, limit_s)
            for name, entries in found.items():
                seen[name][one.operation.name] = entries
    return about, seen


def _with_answers(
    able: Sequence[WorkerProcess],
    found: dict[str, tuple[Seen, ...]],
    one: WorkloadItem,
    limit_s: float,
) -> dict[str, tuple[Seen, ...]]:
    """What was seen, with the answers themselves where two sides' differ."""
    hashes = [{(seen.driver, seen.draw): seen.answer for seen in found[lane.name]} for lane in able]
    differing = {
        key
        for key in hashes[0].keys() & hashes[1].keys()
        if None not in (hashes[0][key], hashes[1][key]) and hashes[0][key] != hashes[1][key]
    }
    return {
        lane.name: tuple(
            replace(seen, given=answer_of(lane, one, seen.driver, seen.draw, limit_s))
            if (seen.driver, seen.draw) in differing
            else seen
            for seen in found[lane.name]
        )
        for lane in able
    }


def answer_of(
    lane: WorkerProcess, one: WorkloadItem, driver: Driver, draw: int, limit_s: float
) -> Answer | None:
    """What a side answers to one draw; None where it takes longer than `limit_s` seconds."""
    given = lane.ask(
        "answer",
        name=one.operation.name,
        parameters=one.parameters[draw],
        request=one.requests[draw] if driver == "http" else None,
        limit_s=limit_s,
    )
    return None if given is None else answer_from(given)


def _knows(about: Mapping[str, Any], one: WorkloadItem) -> bool:
    return one.operation.name in about["operations"]


def _counted(able: Sequence[WorkerProcess], one: WorkloadItem) -> list[int]:
    """The draws to count: the first ones, and the first of each further pair of plans."""
    draws = list(range(min(EXACT_DRAWS, len(one.parameters))))
    for lane in able:
        lane.send("plans", name=one.operation.name, parameters=one.parameters)
    plans = list(zip(*(lane.receive() for lane in able), strict=True))
    known = [plans[draw] for draw in draws]
    for draw, pair in enumerate(plans):
        if pair not in known:
            known.append(pair)
            draws.append(draw)
    return draws


def _received(lane: WorkerProcess, one: WorkloadItem) -> tuple[Seen, ...]:
    try:
        found = lane.receive()
    except SideFailed as error:
        raise SideFailed(f"{error} (while counting {one.operation.name})") from error
    return tuple(Seen(**{**entry, "plan": tuple(entry["plan"])}) for entry in found)


def schema_of(about: Mapping[str, Any]) -> Schema:
    """What the judging room is told of a side's database."""
    return Schema(about["indexes"], about["analysed"])
