"""How much disk a job needs, said and checked before it starts, and where SQLite may spill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

# Measured on the built-in study at full size: the source has 1.77 GB, a file
# with the report's migration 2.39 GB, one with the audit's indexes as well 2.78 GB.
# Building the last one spills its new pages, 0.39 GB, through the write-ahead log. The
# sorter's file of an index is no larger than the index, and gone before the pages of the
# last one go from the log into the file, which is the peak.
MIGRATED_SHARE = 1.36
FOLLOWED_UP_SHARE = 1.58
SPILL_SHARE = 0.25
LIMIT_BYTES = 10_000_000_000


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


def need(source_bytes: int, *, copies: int, plain: int = 0) -> DiskNeed:
    """The peak for `copies` migrated files (at most two) beside a source of `source_bytes`.

    `plain` is how many copies of the source as it is exist besides.

    Raises:
        ValueError: more than two migrated copies were asked for.
    """
    if not 0 <= copies <= 2:
        raise ValueError(f"At most two migrated files exist beside the source, not {copies}.")
    shares = (MIGRATED_SHARE, FOLLOWED_UP_SHARE)[:copies]
    return DiskNeed(
        source_bytes=source_bytes,
        copies_bytes=int(source_bytes * (plain + sum(shares))),
        spill_bytes=int(source_bytes * SPILL_SHARE) if copies else 0,
    )


def require_free_space(folder: Path, needed_bytes: int, *, sized: bool) -> None:
    """Refuse to begin where less than `needed_bytes` are free.

    `sized` says that the user chooses the size of the data, and can choose a smaller one.

    Raises:
        BenchError: says how much is needed, how much is free, and where.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < needed_bytes:
        other = (
            "name another folder, or seed a smaller scale" if sized else "or name another folder"
        )
        raise BenchError(
            f"This needs {amount(needed_bytes)} of disk at its peak and {folder} has "
            f"{amount(free_bytes)} free; free some, {other}."
        )


def amount(size_bytes: int) -> str:
    """A size in the unit that suits it, decimal as disks are sold: "8.0 GB", "96 MB", "12 kB"."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    if size_bytes >= 1e6:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{size_bytes / 1e3:.0f} kB"


@contextmanager
def spilling_into(folder: Path) -> Iterator[None]:
    """Let SQLite put what it sorts outside memory into `folder`, on the disk that was checked.

    Otherwise CREATE INDEX on millions of rows fills the system's temporary folder.
    https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations
    """
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before
