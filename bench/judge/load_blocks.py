"""Blocks of load, what they add up to, and whether they can be judged.

A saturated server does not make a load invalid: that is what a load is there to find.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.judge.format import significant
from bench.judge.generator_limits import MOST_CPU_SHARE, MOST_LATE_SHARE, fell_behind, was_busy
from bench.results.load import ALL

MOST_ERRORS_APART = 0.01
"""Arms whose shares of errors differ by more did not answer the same requests."""


@dataclass(frozen=True, slots=True)
class LoadBlock:
    """One schedule of requests played once to one arm's server.

    `arm` is one of the compared arms; where an arm is compared with itself they are "before" and
    "before (again)". All blocks of a `group` played the same schedule, in the order of `position` 0
    to 3: base, arm, arm, base. What came in the warm-up is in none of the fields.

    `seconds` is the counted time. `since_due_ns` and `service_ns` hold the times of good answers by
    operation, in the order in which they were due; `scheduled` the requests due, by the schedule's
    names, and `errors` by operation and kind those that got no good answer. `late` requests were
    sent too long after they were due, `missed` ones never. `cpu_share` is the generator's share of
    one core, `server_cpu_s` the server's processor time. `counters` are the application's, by
    operation: sums of requests, statements, vm_steps, fullscan_steps, sorts and autoindexes.
    `begun_at_ns` is when it began, by a monotonic clock of which only differences count.
    """

    arm: str
    group: int
    position: int
    seconds: float
    since_due_ns: Mapping[str, tuple[int, ...]]
    service_ns: Mapping[str, tuple[int, ...]]
    scheduled: Mapping[str, int]
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
    """Every operation of which a request was due or an answer came, by name."""
    return sorted(
        {
            name
            for block in blocks
            for name in (*block.scheduled, *block.since_due_ns, *block.errors)
        }
    )


def scheduled_of(blocks: Sequence[LoadBlock], name: str) -> int:
    """How many requests of one operation, or of all, were due."""
    return sum(
        sum(block.scheduled.values()) if name == ALL else block.scheduled.get(name, 0)
        for block in blocks
    )


def errors_of(blocks: Sequence[LoadBlock], name: str = ALL) -> Counter[str]:
    """How many got no good answer, by kind, of one operation or of all."""
    return _total([block.errors for block in blocks], name)


def error_share(blocks: Sequence[LoadBlock], name: str) -> float:
    """The share of one operation's requests, or of all, that got no good answer."""
    failed = errors_of(blocks, name).total()
    good = sum(len(times_of(block.since_due_ns, name)) for block in blocks)
    return failed / (failed + good) if failed + good else 0.0


def errors_apart(groups: Sequence[Sequence[LoadBlock]], name: str) -> tuple[float, float]:
    """The shares of errors of base and arm, of one operation or of all."""
    base = [group[position] for group in groups for position in (0, 3)]
    arm = [group[position] for group in groups for position in (1, 2)]
    return error_share(base, name), error_share(arm, name)


def errors_sentence(base: float, arm: float) -> str:
    """Why the times of two arms that fail unequally often cannot be compared as they are."""
    return (
        f"{significant(100 * base)} % of the base's requests failed and {significant(100 * arm)} "
        "% of the other arm's: the times of good answers are those of a selection; find out why "
        "they fail, or lower --rate."
    )


def counters_of(blocks: Sequence[LoadBlock], name: str) -> dict[str, float] | None:
    """The application's counters as averages of one request."""
    total = _total([block.counters for block in blocks], name)
    requests = total.pop("requests", 0)
    return {key: value / requests for key, value in sorted(total.items())} if requests else None


def _total(counted: Sequence[Mapping[str, Mapping[str, int]]], name: str) -> Counter[str]:
    """The sums of what was counted by operation, of one operation or of all."""
    total: Counter[str] = Counter()
    for by_operation in counted:
        for operation, counts in by_operation.items():
            if name in (ALL, operation):
                total.update(counts)
    return total


def validity(blocks: Sequence[LoadBlock]) -> list[str]:
    """Why a load cannot be judged, in sentences; empty where it can."""
    if not blocks:
        return ["No block was played; start the load again."]
    sentences = [
        *_incomplete(blocks),
        *_unequal(blocks),
        _worst(
            blocks,
            lambda block: fell_behind(_scheduled(block), block.late, block.missed),
            lambda block: (block.late + block.missed) / max(_scheduled(block), 1),
            MOST_LATE_SHARE, "{count} sent more than {most} of its requests late or never, the "
            "worst {worst} ({where}): something else was offered than planned; lower --rate or "
            "give the generator a processor of its own.",
        ),
        _worst(
            blocks, lambda block: was_busy(block.cpu_share), lambda block: block.cpu_share,
            MOST_CPU_SHARE, "{count} kept the generator's processor busy for more than {most} of "
            "the time, the worst {worst} ({where}), so it measured itself; lower --rate.",
        ),
    ]  # fmt: skip
    return [sentence for sentence in sentences if sentence]


def _scheduled(block: LoadBlock) -> int:
    return sum(block.scheduled.values())


def _worst(
    blocks: Sequence[LoadBlock],
    beyond: Callable[[LoadBlock], bool],
    share: Callable[[LoadBlock], float],
    most: float,
    sentence: str,
) -> str | None:
    over = [block for block in blocks if beyond(block)]
    if not over:
        return None
    worst = max(over, key=share)
    return sentence.format(
        count=f"{len(over)} of {len(blocks)} blocks",
        most=f"{significant(100 * most)} %",
        worst=f"{significant(100 * share(worst))} %",
        where=f"{worst.arm}, group {worst.group + 1}, place {worst.position + 1}",
    )


def _incomplete(blocks: Sequence[LoadBlock]) -> list[str]:
    arms = {block.arm for block in blocks}
    if len(arms) != 2:
        named = ", ".join(sorted(arms))
        return [f"A comparison needs blocks of two arms and has those of {named}; play both."]
    outer = Counter(block.arm for block in blocks if block.position in (0, 3))
    base, arm = sorted(arms, key=lambda name: (-outer[name], name))
    ordered = sorted(blocks, key=lambda block: block.position)
    sentences = []
    for group in range(max(block.group for block in blocks) + 1):
        played = [(block.position, block.arm) for block in ordered if block.group == group]
        if played != [(0, base), (1, arm), (2, arm), (3, base)]:
            order = ", ".join(name for _, name in played) or "nothing"
            sentences.append(
                f"Group {group + 1} played {order} and not {base}, {arm}, {arm}, {base}; "
                "start the load again."
            )
    return sentences


def _unequal(blocks: Sequence[LoadBlock]) -> list[str]:
    """Groups whose blocks had different requests due: they did not play the same schedule."""
    schedules: dict[int, set[tuple[tuple[str, int], ...]]] = defaultdict(set)
    for block in blocks:
        schedules[block.group].add(tuple(sorted(_due_by_name(block).items())))
    return [
        f"The blocks of group {group + 1} did not have the same requests due, so they "
        "did not play the same tape; start the load again."
        for group, different in sorted(schedules.items())
        if len(different) > 1
    ]


def _due_by_name(block: LoadBlock) -> Counter[str]:
    """Requests due by name; a refusal in order counts apart as `checkout: 409`, and was due too."""
    counts: Counter[str] = Counter()
    for name, scheduled in block.scheduled.items():
        counts[name.partition(":")[0]] += scheduled
    return +counts
