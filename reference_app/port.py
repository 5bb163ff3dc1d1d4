"""The port through which stores run named queries, and its fake for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from reference_app.mail import Change
from reference_app.queries import Parameters

Row = dict[str, Any]
T = TypeVar("T")


class Transaction(Protocol):
    """One write transaction."""

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, as this transaction sees them."""
        ...

    def write(self, name: str, params: Parameters) -> int:
        """Run a write query; the number of rows changed.

        A query about an absent table changes nothing and returns 0: a shop before the migration
        sells without a ledger.
        """
        ...

    def insert(self, name: str, params: Parameters) -> int:
        """Run a write query that inserts; the id of the last row inserted."""
        ...

    def enqueue(self, change: Change) -> None:
        """Send a letter or erase some, if and only if this transaction is committed."""
        ...


class Database(Protocol):
    """A database that runs named queries."""

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

        An exception of `work` rolls all of it back and is raised here. `work` runs on the
        writer's thread and delays every other write: it must not wait.
        """
        ...


class FakeDatabase:
    """The fake: returns given rows, and records (query, parameters) in `calls`."""

    def __init__(self, answers: Mapping[str, list[Row]] | None = None) -> None:
        self._answers = dict(answers or {})
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def can(self, name: str) -> bool:
        """Whether rows were given for that name."""
        return name in self._answers

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows given for that name, none by default."""
        return FakeTransaction(self._answers, self.calls).read(name, params)

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows given for those names."""
        return [await self.read(name, params) for name in names]

    async def write(self, name: str, params: Parameters) -> int:
        """As many changes as rows were given for that name."""
        return FakeTransaction(self._answers, self.calls).write(name, params)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run the work on the same rows."""
        return work(FakeTransaction(self._answers, self.calls))


class FakeTransaction:
    """The fake of a transaction."""

    def __init__(
        self, answers: Mapping[str, list[Row]], calls: list[tuple[str, dict[str, Any]]]
    ) -> None:
        self._answers = answers
        self._calls = calls

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows given for that name, none by default."""
        self._calls.append((name, dict(params)))
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
