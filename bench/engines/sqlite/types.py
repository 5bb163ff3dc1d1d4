"""Types of SQLite's driver, for modules that use a connection without knowing the driver."""

from __future__ import annotations

from apsw import Connection, InterruptError
from apsw import Error as SqlError

__all__ = ["Connection", "InterruptError", "SqlError"]
