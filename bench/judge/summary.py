"""The verdict in one sentence and four figures: what a reader with one minute sees.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from bench.judge.claims import KEPT
from bench.results.migration import ArmMigration


class Worst(NamedTuple):
    """The operation that suffered most.

    `speedup` is base time / arm time, so 0.5 is twice as slow; `ci95` its interval.
    """

    operation: str
    speedup: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence and four figures.

    `slower` names reads and writes that got slower, worst first. `stall_seconds` is how long
    the migration holds the writer, `bytes_added` how much the file grew, `write_tax` the geometric
    mean of the write operations' arm time / base time. None: not measured.
    """

    sentence: str
    promises_kept: int
    promises_total: int
    slower: tuple[str, ...]
    worst: Worst | None
    stall_seconds: float | None
    bytes_added: int | None
    write_tax: float | None


def headline_entry(found: Headline) -> dict[str, Any]:
    """The headline as claims.json holds it."""
    entry = asdict(found)
    if found.worst is not None:
        entry["worst"] = found.worst._asdict()
    return entry


def headline(
    comparison: Mapping[str, Any], claims: Mapping[str, Any], migrations: Sequence[ArmMigration]
) -> Headline:
    """The headline of a run, from comparison.json, claims.json and the arms of migration.json.

    A promise is kept when its verdict is confirmed or exceeded. Only the judged arm against the
    base counts here: what another arm mends is told elsewhere.
    """
    judged = [
        (entry, found)
        for entry in comparison["operations"]
        for found in entry["comparisons"]
        if (found["base"], found["arm"]) == (comparison["base"], comparison["judged"])
    ]
    slower = sorted(
        ((entry, found) for entry, found in judged if found["verdict"] == "slower"),
        key=lambda pair: float(pair[1]["speedup"]),
    )
    kept = sum(claim["verdict"] in KEPT for claim in claims["claims"])
    total = len(claims["claims"])
    reads = sum(entry["kind"] == "read" for entry, _ in slower)
    stall_seconds, bytes_added = _price(migrations, comparison["judged"])
    return Headline(
        sentence=_sentence(kept, total, reads, len(slower) - reads),
        promises_kept=kept,
        promises_total=total,
        slower=tuple(entry["name"] for entry, _ in slower),
        worst=_worst(*slower[0]) if slower else None,
        stall_seconds=stall_seconds,
        bytes_added=bytes_added,
        write_tax=_write_tax(
            [
                float(found["speedup"])
                for entry, found in judged
                if entry["kind"] == "write" and found["speedup"] is not None
            ]
        ),
    )


def _sentence(kept: int, total: int, reads: int, writes: int) -> str:
    promises = "promise" if total == 1 else "promises"
    counted = [
        f"{count} {word if count == 1 else plural}"
        for count, word, plural in ((reads, "query", "queries"), (writes, "write", "writes"))
        if count
    ]
    got = " and ".join(counted) if counted else "no operation"
    return f"The migration keeps {kept} of {total} {promises}; {got} got slower."


def _worst(entry: Mapping[str, Any], found: Mapping[str, Any]) -> Worst:
    low, high = found["ci95"]
    return Worst(entry["name"], found["speedup"], (low, high))


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
