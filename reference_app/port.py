"""The port through which stores reach a database, and the fake behind it for tests.

Stores ask by the names of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from reference_app.mail import Change
from reference_app.queries import Parameters

Row = dict[str, Any]
T = TypeVar("T")


class Transaction(Protocol):
    """What work inside one write transaction may do: named queries, one after another."""

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, as this transaction sees them."""
        ...

    def write(self, name: str, params: Parameters) -> int:
        """Run a write query; the number of rows changed.

        A query about a table that this database does not have changes nothing and
        returns 0: a shop before the migration sells without a ledger.
        """
        ...

    def insert(self, name: str, params: Parameters) -> int:
        """Run a write query that inserts; the id of the last row inserted."""
        ...

    def enqueue(self, change: Change) -> None:
        """Send a letter or erase some, if and only if this transaction is committed."""
        ...


class Database(Protocol):
    """What the stores need of a database: named queries, read and written."""

    def can(self, name: str) -> bool:
        """Whether this database has what a query needs; decided when it was opened."""
        ...

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name."""
        ...

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows of several read queries, all of one state of the database."""
        ...

    async def write(self, name: str, params: Parameters) -> int:
        """Run a write query in a transaction of its own; the number of rows changed."""
        ...

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a write transaction: all of it is committed when this returns.

        What `work` raises undoes all of it and is raised here. It runs on the
        writer's thread and holds up every other write: no waiting inside.
        """
        ...


class FakeDatabase:
    """The fake: answers from a table of rows, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, list[Row]] | None = None) -> None:
        self._answers = dict(answers or {})
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def can(self, name: str) -> bool:
        """Whether rows were given for that name."""
        return name in self._answers

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows given for that name, none by default."""
        return FakeTransaction(self._answers, self.asked).read(name, params)

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows given for those names."""
        return [await self.read(name, params) for name in names]

    async def write(self, name: str, params: Parameters) -> int:
        """As many changes as rows were given for that name."""
        return FakeTransaction(self._answers, self.asked).write(name, params)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run the work on the same rows."""
        return work(FakeTransaction(self._answers, self.asked))


class FakeTransaction:
    """The fake of a transaction."""

    def __init__(
        self, answers: Mapping[str, list[Row]], asked: list[tuple[str, dict[str, Any]]]
    ) -> None:
        self._answers = answers
        self._asked = asked

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows given for that name, none by default."""
        self._asked.append((name, dict(params)))
        return self._answers.get(name, [])

    def write(self, name: str, params: Parameters) -> int:
        """As many changes as rows were given for that name."""
        return len(self.read(name, params))

    def insert(self, name: str, params: Parameters) -> int:
        """The id in the first row given for that name, 1 by default."""
        rows = self.read(name, params)
        return int(rows[0]["id"]) if rows else 1

    def enqueue(self, change: Change) -> None:
        """Change nothing."""
