"""Files of SQLite databases: read and copied so that nothing of them changes."""

from __future__ import annotations

from bench.engines.sqlite.database_files import (
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    beside,
)
from bench.engines.sqlite.sqltext import describe, pieces
from bench.engines.sqlite.untouched import reading, snapshot, whole

__all__ = [
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseMissing",
    "beside",
    "describe",
    "pieces",
    "reading",
    "snapshot",
    "whole",
]
