"""How much disk a job needs, said and checked before it starts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


class DiskTooSmall(Exception):
    """Less disk is free than the job needs at its peak; the text gives both figures."""


# Measured at 100,000 products and 10,000,000 events: the source has 1.77 GB, a file
# with the report's migration 2.39 GB, one with the audit's indexes as well 2.78 GB.
# Building the last one spills its new pages, 0.39 GB, through the write-ahead log.
MIGRATED_SHARE = 1.36
FOLLOWED_UP_SHARE = 1.58
SPILL_SHARE = 0.25
LIMIT_BYTES = 8_000_000_000


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """What a comparison of arms needs beside its source file, in bytes, at its peak."""

    source_bytes: int
    copies_bytes: int
    spill_bytes: int

    @property
    def total_bytes(self) -> int:
        """Everything, the source included."""
        return self.source_bytes + self.copies_bytes + self.spill_bytes


def need(source_bytes: int, *, copies: int) -> DiskNeed:
    """The peak for `copies` arm files (at most two) beside a source of `source_bytes`.

    Raises:
        ValueError: more than two copies were asked for.
    """
    if not 0 <= copies <= 2:
        raise ValueError(f"At most two files exist beside the source, not {copies}.")
    shares = (MIGRATED_SHARE, FOLLOWED_UP_SHARE)[:copies]
    return DiskNeed(
        source_bytes=source_bytes,
        copies_bytes=int(source_bytes * sum(shares)),
        spill_bytes=int(source_bytes * SPILL_SHARE) if copies else 0,
    )


def demand(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin where less than `needed_bytes` are free.

    Raises:
        DiskTooSmall: says how much is needed, how much is free, and where.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < needed_bytes:
        raise DiskTooSmall(
            f"This needs {needed_bytes / 1e9:.1f} GB of disk at its peak and {folder} has "
            f"{free_bytes / 1e9:.1f} GB free; free some, name another folder, or lower --scale."
        )
