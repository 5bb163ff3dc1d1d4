"""Room: bench.gate, what the gate knows of a side's tree: the only place that names its parts.

`reference_app` is the tree's here, see `bench.gate.side`; what an older tree lacks (a setting,
a fixed clock) is left out. Of the harness nothing may enter that imports `reference_app`.
"""

from __future__ import annotations

import inspect
import platform
from pathlib import Path
from typing import Any

import apsw

from bench.measure.counters import answer_hash


class Refused(Exception):
    """The side cannot execute an operation; the text is its reason."""


def about(database: Path) -> dict[str, Any]:
    """Versions, the schema, the statistics and the operations of this side."""
    from reference_app import queries

    connection = opened(database)
    try:
        schema = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema "
            "WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name"
        ).fetchall()
        has = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")
        analysed = has.fetchone() is not None and (
            connection.execute("SELECT 1 FROM sqlite_stat1 LIMIT 1").fetchone() is not None
        )
    finally:
        connection.close()
    return {
        "sqlite": apsw.sqlite_lib_version(),
        "python": platform.python_version(),
        "schema_hash": answer_hash(schema),
        "indexes": {str(row[1]): str(row[2]) for row in schema if row[0] == "index"},
        "analysed": analysed,
        "operations": sorted(queries.OPERATIONS),
    }


def opened(database: Path, *, writable: bool = False) -> apsw.Connection:
    """A connection as the tree opens one."""
    from reference_app.database import connect

    return connect(database, query_only=not writable)


def queries_of(name: str, connection: apsw.Connection) -> list[Any]:
    """The tree's queries of an operation, as they run on this database.

    Raises:
        Refused: its queries know no such operation.
    """
    from reference_app import queries
    from reference_app.database import parts

    if name not in queries.OPERATIONS:
        raise Refused(f"its reference_app.queries knows no operation {name}")
    have = parts(connection)
    return [queries.load(query, have) for query in queries.OPERATIONS[name]]


def app_of(database: Path, outbox: Path, **settings: Any) -> Any:
    """The tree's application; settings that its `Settings` does not know are left out."""
    from reference_app.app import create_app
    from reference_app.settings import Settings

    wanted = {
        "database": database, "outbox": outbox, "jobs": False, "checkpoints": False,
        "log_level": "error", "tries_by_address": "1000000/second",
        "tries_by_account": "1000000/second", **settings,
    }  # fmt: skip
    known = Settings.model_fields
    made = Settings.model_validate({k: v for k, v in wanted.items() if k in known})
    standing = "clock" in inspect.signature(create_app).parameters
    return create_app(made, **(_standing_clock(database) if standing else {}))


def _standing_clock(database: Path) -> dict[str, Any]:
    """A clock that stands still at the newest event: "the last 7 days" hold the same rows."""
    try:
        from reference_app.clock import FixedClock
    except ImportError:
        return {}
    connection = opened(database)
    try:
        rows = connection.execute("SELECT max(timestamp) FROM analytics_events").fetchall()
    finally:
        connection.close()
    return {"clock": FixedClock(str(rows[0][0]))} if rows and rows[0][0] is not None else {}
