"""A copy of a database for a server of a long proof."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engines.sqlite.files import DatabaseMissing
from bench.load.server_process import copy_for_serving
from bench.measure.scratch import scratch


@contextmanager
def copied(database: Path, work: Path | None = None) -> Iterator[Path]:
    """A copy of a database that nobody serves, in a folder of its own beside it, or in `work`.

    Raises:
        DatabaseMissing: there is no such file.
    """
    if not database.is_file():
        raise DatabaseMissing(f"There is no database {database}; seed one or check the path.")
    with scratch(work or database.parent) as folder:
        copy = folder / "served.db"
        copy_for_serving(database, copy)
        yield copy
