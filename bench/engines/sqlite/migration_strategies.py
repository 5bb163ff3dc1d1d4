"""Strategies for running a migration beside a server: order, pauses and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Order = Literal["as written", "small tables first"]

LONG_S = 0.1
"""What held the write lock for so long has kept writes waiting, which then get a pause."""


@dataclass(frozen=True, slots=True)
class MigrationStrategy:
    """How a migration is run beside a server.

    `pragmas` are set on the migration's connection; `busy_timeout_ms` is how long the server's
    writes wait for the lock, as they do by themselves if None. After each statement that held the
    write lock for LONG_S or more, `pause_s` pass in which nothing of the migration holds it; with
    `checkpoint_between` the log is folded in meanwhile (PASSIVE, which makes nobody wait).
    """

    name: str
    title: str
    pragmas: Mapping[str, int | str] = field(default_factory=dict)
    order: Order = "as written"
    pause_s: float = 0.0
    checkpoint_between: bool = False
    busy_timeout_ms: int | None = None


STRATEGIES: Mapping[str, MigrationStrategy] = MappingProxyType(
    {
        "reported": MigrationStrategy(
            "reported", "as reported: one statement after another, SQLite's own settings"
        ),
        "low_impact": MigrationStrategy(
            "low_impact",
            "low impact: small tables first, a pause after each long statement, quicker "
            "building, and writes that wait instead of being refused",
            pragmas={
                "cache_size": -65_536,
                "mmap_size": 8_589_934_592,
                "wal_autocheckpoint": 0,
            },
            order="small tables first",
            pause_s=0.3,
            checkpoint_between=True,
            busy_timeout_ms=30_000,
        ),
    }
)
"""The strategies by name. The document's limits say what each setting of the low-impact one
brings, as measured at one tenth of the size."""
