"""The verdict in one sentence and four figures: what a reader with one minute sees."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.judge.format import counted
from bench.results.claims import KEPT, Headline, JudgedClaim, Worst
from bench.results.comparison import Comparison
from bench.results.migration import ArmMigration


def headline(
    comparison: Comparison, claims: Sequence[JudgedClaim], migrations: Sequence[ArmMigration]
) -> Headline:
    """The headline of a run.

    A promise is kept when its verdict is confirmed or exceeded. Only the judged arm against the
    base counts here: what another arm mends is told elsewhere.
    """
    pairs = comparison.judged_pairs
    slower = [(entry, pair) for entry, pair in pairs if pair.verdict == "slower"]
    slower.sort(key=lambda item: item[1].speedup or 0.0)
    kept = sum(claim.verdict in KEPT for claim in claims)
    reads = sum(entry.kind == "read" for entry, _ in slower)
    differ = [entry.name for entry in comparison.operations if entry.answers_differ]
    fails = [
        entry.name
        for entry in comparison.operations
        if comparison.judged in entry.not_measured and not entry.arms and not entry.needs
    ]
    writes = [pair.speedup for entry, pair in pairs if entry.kind == "write" and pair.speedup]
    worst = None
    if slower and (first := slower[0][1]).speedup is not None and first.ci95 is not None:
        worst = Worst(operation=slower[0][0].name, speedup=first.speedup, ci95=first.ci95)
    # Each migration is one transaction: meanwhile nobody else can write.
    migration = next((m for m in migrations if m.arm == comparison.judged), None)
    return Headline(
        sentence=_sentence(kept, len(claims), reads, len(slower) - reads, len(differ), len(fails)),
        answers_differ=tuple(differ),
        fails=tuple(fails),
        promises_kept=kept,
        promises_total=len(claims),
        slower=tuple(entry.name for entry, _ in slower),
        worst=worst,
        stall_seconds=migration.duration_ns / 1e9 if migration else None,
        bytes_added=migration.bytes_added if migration else None,
        write_tax=math.exp(-sum(map(math.log, writes)) / len(writes)) if writes else None,
    )


def _sentence(kept: int, total: int, reads: int, writes: int, differ: int, fails: int) -> str:
    counts = ((reads, "query", "queries"), (writes, "write", "writes"))
    slower = " and ".join(counted(*count) for count in counts if count[0]) or "no operation"
    parts = [f"{slower} got slower"]
    if differ:
        parts.insert(0, counted(differ, "operation gives", "operations give") + " other answers")
    if fails:
        parts.insert(0, counted(fails, "operation no longer runs", "operations no longer run"))
    if total:
        return f"The migration keeps {kept} of {'; '.join([counted(total, 'promise'), *parts])}."
    return f"After the migration {'; '.join(parts)}."
