"""What the judging room is given of a load: one frozen record per block.

Judging room: no file, no clock, no database may enter. Who plays a load builds these records;
`bench.judge.load` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALL = "all"
"""The name under which all requests together are judged."""


@dataclass(frozen=True, slots=True)
class LoadBlock:
    """One tape played once to one lane's server.

    `arm` is the lane: one of the compared arms; where an arm is compared with itself the lanes
    are "before" and "before (again)". All blocks of a `group` played the same tape, in the order
    of `place` 0 to 3: base, arm, arm, base. What came in the warm-up is in none of the fields.

    `seconds` is the counted time. `since_due_ns` and `service_ns` hold the times of good
    answers by operation, in the order in which they were due; `slots` the slots due, by the
    tape's names, and `errors` by operation and kind those that got no good answer.
    `late` slots were sent too long after they were due, `missed` ones never. `cpu_share` is
    the player's share of one core, `server_cpu_s` the server's processor time. `counters`
    are the application's, by operation: sums of requests, statements, vm_steps,
    fullscan_steps, sorts and autoindexes. `begun_at_ns` is when it began, by a monotonic
    clock of which only differences mean anything.
    """

    arm: str
    group: int
    place: int
    seconds: float
    since_due_ns: Mapping[str, tuple[int, ...]]
    service_ns: Mapping[str, tuple[int, ...]]
    slots: Mapping[str, int]
    errors: Mapping[str, Mapping[str, int]]
    late: int
    missed: int
    cpu_share: float
    server_cpu_s: float
    counters: Mapping[str, Mapping[str, int]]
    begun_at_ns: int
