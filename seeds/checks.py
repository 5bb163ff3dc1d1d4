"""Validate the target of a seeding before it starts, and hold its scratch folder."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import scratch
from reference_app.database import demand_utf8
from seeds.scale import Plan

BYTES_AT_SCALE_1 = 1_890_000_000
"""The finished file, the side file of small tables that is merged into it, and a reserve."""
SMALLEST_FILE = 4_000_000


class SeedError(Exception):
    """Seeding cannot begin or cannot be finished; the text says what to do."""

    exit_code = 2


class DatabaseExists(SeedError):
    """The database, or a file that belongs to one, exists already."""


class DirectoryMissing(SeedError):
    """The directory for the database does not exist."""


class DiskTooSmall(SeedError):
    """The disk has not enough free space for the database."""


class BadSetting(SeedError):
    """Workers or chunk size are not usable numbers."""


class BrokenRules(SeedError):
    """Some row breaks a rule of the schema: a defect of the generators."""


def check_before_work(
    db: Path, plan: Plan, workers: int, chunk_rows: int, *, measure_limit: bool
) -> None:
    """Raise a SeedError if seeding cannot succeed, NotADatabase for an unusable name."""
    if workers < 1 or chunk_rows < 1:
        raise BadSetting(
            f"{workers} workers and chunks of {chunk_rows} rows cannot be used: "
            "give at least 1 of each."
        )
    if not db.parent.is_dir():
        raise DirectoryMissing(f"There is no directory {db.parent}: make it, or choose another.")
    demand_utf8(db.absolute())
    # An outbox holds letters of another shop, and its time.
    suffixes = ("-wal", "-shm", "-journal", ".outbox.db")
    for path in (db, *(db.with_name(db.name + suffix) for suffix in suffixes)):
        if os.path.lexists(path):
            raise DatabaseExists(f"{path} exists already: remove it, or choose another name.")
    need = size_estimate(plan) * (2 if measure_limit else 1)
    free = shutil.disk_usage(db.parent).free
    if free < need:
        raise DiskTooSmall(
            f"Seeding needs {need / 1e6:,.0f} MB in {db.parent} and {free / 1e6:,.0f} MB are free: "
            "free some space, or give a smaller scale."
        )


def size_estimate(plan: Plan) -> int:
    """Bytes that the finished file needs at most."""
    return SMALLEST_FILE + int(BYTES_AT_SCALE_1 * plan.scale)


@contextmanager
def partial_folder(db: Path) -> Iterator[Path]:
    """A scratch folder next to ``db``, removed at the end.

    Folders of killed runs are removed first; those of running ones stay.
    """
    prefix = f"{db.name}.partial-{os.getpid()}-"
    scratch.remove_left(db.parent, re.compile(rf"{re.escape(db.name)}\.partial-\d+-\w+"))
    with scratch.held(lambda: Path(tempfile.mkdtemp(prefix=prefix, dir=db.parent))) as folder:
        try:
            yield folder
        finally:
            scratch.remove(folder)
