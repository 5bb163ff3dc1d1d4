"""Blocks of load, what they add up to, and whether they can be judged.

A saturated server does not make a load invalid: that is what a load is there to find.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.judge.format import significant
from bench.results.load import ALL


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


def times_of(times_ns: Mapping[str, tuple[int, ...]], name: str) -> tuple[int, ...]:
    """Times of one operation, or of all."""
    if name != ALL:
        return tuple(times_ns.get(name, ()))
    return tuple(itertools.chain.from_iterable(times_ns.values()))


def names_of(blocks: Sequence[LoadBlock]) -> list[str]:
    """Every operation of which a slot was due or an answer came, by name."""
    return sorted({name for one in blocks for name in (*one.slots, *one.since_due_ns, *one.errors)})


def slots_of(blocks: Sequence[LoadBlock], name: str) -> int:
    """How many slots of one operation, or of all, were due."""
    return sum(
        sum(block.slots.values()) if name == ALL else block.slots.get(name, 0) for block in blocks
    )


def errors_of(blocks: Sequence[LoadBlock], name: str = ALL) -> Counter[str]:
    """How many got no good answer, by kind, of one operation or of all."""
    found: Counter[str] = Counter()
    for block in blocks:
        for operation, kinds in block.errors.items():
            if name in (ALL, operation):
                found.update(kinds)
    return found


def error_share(blocks: Sequence[LoadBlock], name: str) -> float:
    """The share of one operation's requests, or of all, that got no good answer."""
    failed = errors_of(blocks, name).total()
    good = sum(len(times_of(block.since_due_ns, name)) for block in blocks)
    return failed / (failed + good) if failed + good else 0.0


def counters_of(blocks: Sequence[LoadBlock], name: str) -> dict[str, float] | None:
    """The application's counters as averages of one request."""
    total: Counter[str] = Counter()
    for block in blocks:
        for operation, counted in block.counters.items():
            if name in (ALL, operation):
                total.update(counted)
    requests = total.pop("requests", 0)
    return {key: value / requests for key, value in sorted(total.items())} if requests else None


def validity(
    blocks: Sequence[LoadBlock], *, most_late_share: float, most_cpu_share: float
) -> list[str]:
    """Why a load cannot be judged, in sentences; empty where it can.

    `most_late_share` is the share of a block's slots that may be sent late or never, and
    `most_cpu_share` how much of its core the generator may use.
    """
    if not blocks:
        return ["No block was played; start the load again."]
    found = [
        *_incomplete(blocks),
        *_unequal(blocks),
        _worst(
            blocks, _late_share, most_late_share, "{count} sent more than {most} of its requests "
            "late or never, the worst {worst} ({where}): something else was offered than planned; "
            "lower --rate or give the generator a processor of its own.",
        ),
        _worst(
            blocks, lambda block: block.cpu_share, most_cpu_share, "{count} kept the generator's "
            "processor busy for more than {most} of the time, the worst {worst} ({where}), so it "
            "measured itself; lower --rate.",
        ),
    ]  # fmt: skip
    return [sentence for sentence in found if sentence]


def _late_share(block: LoadBlock) -> float:
    return (block.late + block.missed) / max(sum(block.slots.values()), 1)


def _worst(
    blocks: Sequence[LoadBlock], share: Callable[[LoadBlock], float], most: float, sentence: str
) -> str | None:
    over = [block for block in blocks if not share(block) <= most]
    if not over:
        return None
    worst = max(over, key=share)
    return sentence.format(
        count=f"{len(over)} of {len(blocks)} blocks",
        most=_percent(most),
        worst=_percent(share(worst)),
        where=f"{worst.arm}, group {worst.group + 1}, place {worst.place + 1}",
    )


def _incomplete(blocks: Sequence[LoadBlock]) -> list[str]:
    lanes = {block.arm for block in blocks}
    if len(lanes) != 2:
        named = ", ".join(sorted(lanes))
        return [f"A comparison needs blocks of two arms and has those of {named}; play both."]
    outer = Counter(block.arm for block in blocks if block.place in (0, 3))
    base, arm = sorted(lanes, key=lambda lane: (-outer[lane], lane))
    found = []
    for group in range(max(block.group for block in blocks) + 1):
        played = [(block.place, block.arm) for block in _ordered(blocks) if block.group == group]
        if played != [(0, base), (1, arm), (2, arm), (3, base)]:
            order = ", ".join(lane for _, lane in played) or "nothing"
            found.append(
                f"Group {group + 1} played {order} and not {base}, {arm}, {arm}, {base}; "
                "start the load again."
            )
    return found


def _unequal(blocks: Sequence[LoadBlock]) -> list[str]:
    """Groups whose blocks had different slots: then they did not play the same tape."""
    found = []
    for group in sorted({block.group for block in blocks}):
        tapes = {tuple(sorted(_asked(block).items())) for block in blocks if block.group == group}
        if len(tapes) > 1:
            found.append(
                f"The blocks of group {group + 1} did not have the same requests due, so they "
                "did not play the same tape; start the load again."
            )
    return found


def _asked(block: LoadBlock) -> Counter[str]:
    """Slots by request; a refusal in order counts apart as `checkout: 409`, and was due as one."""
    found: Counter[str] = Counter()
    for name, slots in block.slots.items():
        found[name.partition(":")[0]] += slots
    return +found


def _ordered(blocks: Sequence[LoadBlock]) -> list[LoadBlock]:
    return sorted(blocks, key=lambda block: (block.group, block.place))


def _percent(share: float) -> str:
    return f"{significant(100 * share)} %"
