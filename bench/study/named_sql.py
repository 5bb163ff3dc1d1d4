"""Named SQL as it runs on one database: a study's bound operation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import orjson

from bench.engines.base import Connection, Engine
from bench.study.hooks import Answer, OperationFailed, Parameters
from bench.study.queries import NamedOperation, Statement


@dataclass(frozen=True, slots=True)
class NamedSql:
    """See `bench.study.hooks.BoundOperation`."""

    body: tuple[Statement, ...]
    ordered: bool
    engine: Engine

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL, in the order in which it runs."""
        return tuple(statement.sql for statement in self.body)

    def read(self, connection: Connection, parameters: Parameters) -> Answer:
        """Return the answer, all of its rows."""
        rows: Answer = []
        try:
            for statement in self.body:
                rows.extend(connection.execute(statement.sql, parameters).fetchall())
        except UnicodeDecodeError as error:
            raise OperationFailed(
                "its answer holds text that is not UTF-8, which only the gate compares"
            ) from error
        return rows

    def write(self, connection: Connection, parameters: Parameters) -> None:
        """Run it in a transaction of its own, commit included."""
        with self.engine.transaction(connection):
            self.run(connection, parameters)

    def run(self, connection: Connection, parameters: Parameters) -> None:
        """Run it in the caller's transaction."""
        for statement in self.body:
            connection.execute(statement.sql, parameters).fetchall()
            if statement.require is not None:
                wanted = required_rows(statement.require, parameters)
                changed = self.engine.changed_rows(connection)
                if changed != wanted:
                    raise OperationFailed(
                        f"a statement has to change {wanted} rows and changed {changed}: "
                        f"{statement.sql[:60]!r}"
                    )


def required_rows(require: int | str, parameters: Parameters) -> int:
    """How many rows a statement has to change: a number, or the entries of a JSON array.

    Raises:
        OperationFailed: the parameter is none.
    """
    if isinstance(require, int):
        return require
    try:
        entries = orjson.loads(str(parameters[require]))
    except (KeyError, orjson.JSONDecodeError):
        entries = None
    if not isinstance(entries, list):
        raise OperationFailed(
            f"`require: {require}` takes the length of :{require}, which is no JSON array"
        )
    return len(entries)


def bind(
    operations: Sequence[NamedOperation],
    parts: Collection[str],
    engine: Engine,
    *,
    ordered: bool | None = None,
) -> NamedSql:
    """Bind the statements of operations, one after another, to a database with these parts.

    `ordered` None: as the SQL says.

    Raises:
        OperationFailed: nothing is left of one that reads.
    """
    body: list[Statement] = []
    for operation in operations:
        left = operation.on(parts)
        if not left.body and not operation.writes:
            needed = ", ".join(sorted({str(statement.needs) for statement in operation.body}))
            raise OperationFailed(f"the database has no {needed}, which {operation.name} needs")
        body.extend(left.body)
    if ordered is None:
        ordered = any(operation.ordered for operation in operations)
    return NamedSql(tuple(body), ordered, engine)
