"""Whether a load was what it says it was: offered in time, by a generator with time to spare.

Judging room: no file, no clock, no database may enter. A saturated server is no reason: that
is what a load finds out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bench.judge.figures import significant
from bench.judge.load_records import LoadBlock


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
