"""Ways to run a migration beside a server, as data: order, pauses and settings. Pure."""

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
    """A way to run a migration beside a server, as data.

    `pragmas` are set on the migration's connection, `server` are settings of the server
    (RESALE_*, by name). After each statement that held the write lock for LONG_S or more,
    `pause_s` pass in which nothing of the migration holds it; with `checkpoint_between` the log
    is folded in meanwhile (PASSIVE, which makes nobody wait).
    """

    name: str
    title: str
    pragmas: Mapping[str, int | str] = field(default_factory=dict)
    order: Order = "as written"
    pause_s: float = 0.0
    checkpoint_between: bool = False
    server: Mapping[str, str] = field(default_factory=dict)


WAYS: Mapping[str, MigrationStrategy] = MappingProxyType(
    {
        "reported": MigrationStrategy(
            "reported", "as reported: one statement after another, SQLite's own settings"
        ),
        "kind": MigrationStrategy(
            "kind",
            "kindest known: small tables first, a pause after each long statement, quicker "
            "building, and writes that wait instead of being refused",
            pragmas={
                "cache_size": -65_536,
                "mmap_size": 8_589_934_592,
                "wal_autocheckpoint": 0,
            },
            order="small tables first",
            pause_s=0.3,
            checkpoint_between=True,
            server={"RESALE_BUSY_TIMEOUT_MS": "30000"},
        ),
    }
)
"""Both ways of the document, by name. What each setting of the kind one brings stands in its
limits and was measured at one tenth of the size."""
