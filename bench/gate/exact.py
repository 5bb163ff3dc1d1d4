"""Room: bench.gate, the exact layer: both sides are counted at once, each by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.gate.drawing import Asked
from bench.gate.lanes import Lane, LaneSpec, SideFailed, lanes
from bench.judge.gate_limits import GateLimits
from bench.judge.gate_seen import Schema, Seen

LEAST_LIMIT_S = 1.0
Progress = Callable[[str], None]


def observe(
    specs: Sequence[LaneSpec],
    asked: Sequence[Asked],
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
            for lane in able:
                _send(lane, one, limit_s)
            for lane in able:
                seen[lane.name][one.operation.name] = _received(lane, one)
    return about, seen


def _knows(about: Mapping[str, Any], one: Asked) -> bool:
    return one.operation.name in about["operations"]


def _send(lane: Lane, one: Asked, limit_s: float) -> None:
    parameters, requests = one.exact()
    lane.send(
        "observe",
        name=one.operation.name,
        kind=one.operation.kind,
        parameters=parameters,
        requests=requests,
        limit_s=limit_s,
    )


def _received(lane: Lane, one: Asked) -> tuple[Seen, ...]:
    try:
        found = lane.receive()
    except SideFailed as error:
        raise SideFailed(f"{error} (while counting {one.operation.name})") from error
    return tuple(Seen(**{**entry, "plan": tuple(entry["plan"])}) for entry in found)


def schema_of(about: Mapping[str, Any]) -> Schema:
    """What the judging room is told of a side's database."""
    return Schema(about["indexes"], about["analysed"])
