"""The verdict in one sentence and four figures: what a reader with one minute sees."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.results.claims import KEPT, Headline, JudgedClaim, Worst
from bench.results.comparison import Comparison, OperationComparison, Pair
from bench.results.migration import ArmMigration


def headline(
    comparison: Comparison, claims: Sequence[JudgedClaim], migrations: Sequence[ArmMigration]
) -> Headline:
    """The headline of a run.

    A promise is kept when its verdict is confirmed or exceeded. Only the judged arm against the
    base counts here: what another arm mends is told elsewhere.
    """
    slower = sorted(
        (one for one in comparison.judged_pairs if one[1].verdict == "slower"),
        key=lambda one: one[1].speedup or 0.0,
    )
    kept = sum(claim.verdict in KEPT for claim in claims)
    reads = sum(entry.kind == "read" for entry, _ in slower)
    stall_seconds, bytes_added = _price(migrations, comparison.judged)
    differ = tuple(entry.name for entry in comparison.operations if entry.answers_differ)
    fails = tuple(
        entry.name
        for entry in comparison.operations
        if comparison.judged in entry.not_measured and not entry.arms and not entry.needs
    )
    return Headline(
        sentence=_sentence(kept, len(claims), reads, len(slower) - reads, len(differ), len(fails)),
        answers_differ=differ,
        fails=fails,
        promises_kept=kept,
        promises_total=len(claims),
        slower=tuple(entry.name for entry, _ in slower),
        worst=_worst(*slower[0]) if slower else None,
        stall_seconds=stall_seconds,
        bytes_added=bytes_added,
        write_tax=_write_tax(
            [
                pair.speedup
                for entry, pair in comparison.judged_pairs
                if entry.kind == "write" and pair.speedup is not None
            ]
        ),
    )


def _sentence(
    kept: int, total: int, reads: int, writes: int, differ: int = 0, fails: int = 0
) -> str:
    promises = "promise" if total == 1 else "promises"
    counted = [
        f"{count} {word if count == 1 else plural}"
        for count, word, plural in ((reads, "query", "queries"), (writes, "write", "writes"))
        if count
    ]
    got = " and ".join(counted) if counted else "no operation"
    parts = [
        f"{_operations(fails)} no longer run{'s' if fails == 1 else ''}" if fails else "",
        f"{_operations(differ)} give{'s' if differ == 1 else ''} other answers" if differ else "",
        f"{got} got slower",
    ]
    if total:
        found = f"The migration keeps {kept} of {total} {promises}"
        return f"{'; '.join([found, *filter(None, parts)])}."
    return f"After the migration {'; '.join(filter(None, parts))}."


def _operations(count: int) -> str:
    return f"{count} operation{'' if count == 1 else 's'}"


def _worst(entry: OperationComparison, pair: Pair) -> Worst | None:
    if pair.speedup is None or pair.ci95 is None:
        return None
    return Worst(operation=entry.name, speedup=pair.speedup, ci95=pair.ci95)


def _price(migrations: Sequence[ArmMigration], arm: str) -> tuple[float | None, int | None]:
    """Seconds in which nobody else can write, and bytes; each migration is one transaction."""
    for migration in migrations:
        if migration.arm == arm:
            added = migration.database_bytes_after - migration.database_bytes_before
            return migration.duration_ns / 1e9, added
    return None, None


def _write_tax(speedups: list[float]) -> float | None:
    if not speedups:
        return None
    return math.exp(-sum(math.log(value) for value in speedups) / len(speedups))
