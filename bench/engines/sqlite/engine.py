"""SQLite as an engine: what `bench.engines.base.Engine` asks for, from the modules here."""

from __future__ import annotations

from typing import Any

import apsw

from bench.engines.base import Capability, Engine
from bench.engines.sqlite import (
    connection,
    counters,
    files,
    gathering,
    index_hiding,
    inspection,
    migration_file,
    row_bounds,
    row_counts,
    schema,
    sessions,
    sqltext,
    statistics,
)


class Sqlite:
    """See `bench.engines.base.Engine`."""

    name = "sqlite"
    capabilities: frozenset[Capability] = frozenset(("hide_index", "row_bill", "statistics"))
    errors: tuple[type[Exception], ...] = (apsw.Error,)
    statement_errors: tuple[type[Exception], ...] = (apsw.SQLError,)

    version = staticmethod(apsw.sqlite_lib_version)
    settings = staticmethod(connection.settings)
    reading = staticmethod(files.reading)
    clone = staticmethod(files.snapshot)
    connect = staticmethod(connection.connect)
    keep_open = staticmethod(sessions.OpenFile)
    files = staticmethod(connection.files)
    size_bytes = staticmethod(connection.size_bytes)
    remove = staticmethod(connection.remove)
    flush = staticmethod(connection.flush)
    page_bytes = staticmethod(connection.page_bytes)
    used_bytes = staticmethod(connection.used_bytes)

    transaction = staticmethod(connection.transaction)
    rolled_back = staticmethod(connection.rolled_back)
    count = staticmethod(counters.count)
    count_commit = staticmethod(counters.count_pages)
    changes = staticmethod(connection.changes)
    changed_rows = staticmethod(connection.changed_rows)
    plan = staticmethod(counters.plan)
    program = staticmethod(counters.program)
    inspect = staticmethod(inspection.inspect)
    named_rows = staticmethod(inspection.named_rows)

    pieces = staticmethod(sqltext.pieces)
    syntax = staticmethod(inspection.syntax)
    describe = staticmethod(sqltext.describe)
    read_migration = staticmethod(migration_file.read_migration)
    run_migration = staticmethod(migration_file.run_migration)

    tables = staticmethod(connection.tables)
    parts = staticmethod(connection.parts)
    indexes = staticmethod(schema.indexes)
    tables_by_index = staticmethod(schema.tables_by_index)
    row_count = staticmethod(schema.row_count)

    write_session = staticmethod(sessions.write_session)
    watch_writes = staticmethod(sessions.WriteComparison)

    capture_statistics = staticmethod(statistics.capture)
    put_statistics = staticmethod(statistics.put)
    gather_statistics = staticmethod(gathering.gather_states)

    private_copy = staticmethod(index_hiding.PrivateFile)
    sought_columns = staticmethod(index_hiding.sought_columns)

    rows_read = staticmethod(row_bounds.rows_read)
    rows_written = staticmethod(row_counts.rows_written)
    rows_of_index = staticmethod(schema.rows_of_index)

    def environment(self) -> dict[str, Any]:
        """Return the version and how SQLite was built."""
        return {"sqlite": self.version(), "sqlite_options": sorted(apsw.compile_options)}


ENGINE: Engine = Sqlite()
