"""Room: bench.gate, a side that has no application: a database, and queries from a file.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import apsw.ext

from bench.gate.side_doors import Parameters, Reader, Refused, told
from bench.measure.counters import answer_hash

BUSY_TIMEOUT_MS = 5000


class FileSide:
    """Runs the statements that a JSON file names on a database, with SQLite's own defaults.

    The file maps each operation to `{"statements": [SQL], "ordered": bool}`.
    """

    def __init__(self, database: Path, queries: Path) -> None:
        self._database = database
        self._queries: Mapping[str, Any] = json.loads(queries.read_text(encoding="utf-8"))

    def about(self) -> dict[str, Any]:
        """Versions, the schema, and the operations of the file."""
        connection = self.opened()
        try:
            return told(connection, sorted(self._queries))
        finally:
            connection.close()

    def opened(self, *, writable: bool = False) -> apsw.Connection:
        """A connection with SQLite's own defaults."""
        return opened(self._database, writable=writable)

    def queries_of(self, name: str, connection: apsw.Connection) -> list[Any]:
        """The statements of an operation.

        Raises:
            Refused: the file names no such operation.
        """
        if name not in self._queries:
            raise Refused(f"its queries know no operation {name}")
        return [self._queries[name]]

    def reader(self) -> Reader:
        """What fetches all rows of an operation's statements."""

        def read(connection: apsw.Connection, query: Any, values: Parameters) -> list[Any]:
            rows: list[Any] = []
            for sql in query["statements"]:
                rows += connection.execute(sql, values).fetchall()
            return rows

        return read

    def write(self, connection: apsw.Connection, query: Any, values: Parameters) -> None:
        """Run the statements in the caller's transaction."""
        for sql in query["statements"]:
            connection.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self, connection: apsw.Connection) -> Iterator[apsw.Connection]:
        """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when an error leaves the block."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def answer(self, loaded: Sequence[Any], rows: Sequence[Any]) -> str:
        """The hash of an answer; of statements without ORDER BY the order of rows is nobody's."""
        ordered = any(query["ordered"] for query in loaded)
        return answer_hash(rows if ordered else sorted(rows, key=repr))

    def app(self, **settings: Any) -> Any:
        """None: nothing is asked by requests here."""
        return None


def opened(database: Path, *, writable: bool = False) -> apsw.Connection:
    """A connection to anybody's database, with SQLite's own defaults."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    if not writable:
        connection.pragma("query_only", True)
    return connection


def refusal(connection: apsw.Connection, sql: str) -> str | None:
    """Why a statement cannot be prepared on this database; None where it can."""
    try:
        apsw.ext.query_info(connection, sql)
    except apsw.Error as error:
        return str(error)
    return None
