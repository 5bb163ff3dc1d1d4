"""Files of SQLite databases: read and copied so that nothing of them changes, and scratch folders.

The shop that the built-in study serves opens its files by the same code, so it stands there.
"""

from __future__ import annotations

from reference_app import leftovers
from reference_app.database_files import DatabaseBusy, DatabaseError, DatabaseMissing, beside
from reference_app.leftovers import new_folders, scratch, temporary
from reference_app.migrate import describe
from reference_app.sqltext import Piece, ScriptError, pieces
from reference_app.untouched import reading, snapshot

__all__ = [
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseMissing",
    "Piece",
    "ScriptError",
    "beside",
    "describe",
    "leftovers",
    "new_folders",
    "pieces",
    "reading",
    "scratch",
    "snapshot",
    "temporary",
]
