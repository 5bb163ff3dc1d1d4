"""A side that has no application: a database, and queries from a file.

See `bench.gate.worker.adapter` for what it may import.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.engines.sqlite.custom import connect_custom, describe
from bench.engines.sqlite.types import Connection
from bench.engines.sqlite.values import drain, with_bytes
from bench.gate.worker.adapter import CannotExecute, Parameters, Reader


class CustomDatabaseAdapter:
    """Runs the statements that a JSON file names on a database, with SQLite's own defaults.

    The file has `foreign_keys`, whether writes hold to them, and `operations`, which maps each
    name to `{"statements": [SQL], "require": [ROWS], "ordered": bool}`. ROWS is how many rows the
    statement has to change: a number, a parameter that is a JSON array of so many entries, or null.
    """

    def __init__(self, database: Path, queries: Path, files: Path | None = None) -> None:
        self._database = database
        content = json.loads(queries.read_text(encoding="utf-8"))
        self._queries: Mapping[str, Any] = content["operations"]
        self._foreign_keys: bool = content["foreign_keys"]
        # By statement: the same with its text as bytes, of those that answer with other text
        # than UTF-8. The first execution, which is not counted, finds them.
        self._as_bytes: dict[str, str] = {}

    def about(self) -> dict[str, Any]:
        """Versions, the schema, and the operations of the file."""
        with closing(self.connect()) as connection:
            return describe(connection, sorted(self._queries))

    def connect(self, *, writable: bool = False) -> Connection:
        """A connection with SQLite's own defaults."""
        return connect_custom(self._database, writable=writable, foreign_keys=self._foreign_keys)

    def queries_of(self, name: str, connection: Connection) -> list[Any]:
        """The statements of an operation.

        Raises:
            Refused: the file names no such operation.
        """
        if name not in self._queries:
            raise CannotExecute(f"its queries know no operation {name}")
        return [self._queries[name]]

    def reader(self) -> Reader:
        """What fetches all rows of an operation's statements."""

        def read(connection: Connection, query: Any, values: Parameters) -> list[Any]:
            rows: list[Any] = []
            for sql in query["statements"]:
                rows += self._rows(connection, sql, values)
            return rows

        return read

    def _rows(self, connection: Connection, sql: str, values: Parameters) -> list[Any]:
        try:
            return connection.execute(self._as_bytes.get(sql, sql), values).fetchall()
        except UnicodeDecodeError:
            changed = with_bytes(connection, sql)
            if changed is None:
                raise CannotExecute("its answer has text that is not UTF-8") from None
            self._as_bytes[sql] = changed
            return connection.execute(changed, values).fetchall()

    def statements(self, query: Any) -> Sequence[str]:
        """The SQL of one of `queries_of`."""
        statements: Sequence[str] = query["statements"]
        return statements

    def write(self, connection: Connection, query: Any, values: Parameters) -> None:
        """Run the statements in the caller's transaction.

        Raises:
            Refused: one changed another number of rows than it has to.
        """
        for sql, require in zip(query["statements"], query["require"], strict=True):
            drain(connection.execute(sql, values))
            if require is None:
                continue
            wanted = len(json.loads(values[require])) if isinstance(require, str) else require
            changed = connection.changes()
            if changed != wanted:
                raise CannotExecute(
                    f"a statement has to change {wanted} rows and changed {changed}"
                )

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[Connection]:
        """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when an error leaves the block."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A statement may have rolled back itself: INSERT OR ROLLBACK, RAISE(ROLLBACK), and
            # any that a full disk ends. A COMMIT that is refused leaves the transaction open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def comparable(self, loaded: Sequence[Any], rows: Sequence[Any]) -> Sequence[Any]:
        """The rows; sorted where no statement has an ORDER BY, since their order is nobody's."""
        ordered = any(query["ordered"] for query in loaded)
        return rows if ordered else sorted(rows, key=repr)

    def app(self, **settings: Any) -> Any:
        """None: nothing is asked by requests here."""
        return None
