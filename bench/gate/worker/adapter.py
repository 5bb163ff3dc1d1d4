"""What a side's process asks of its adapter: a tree with an application, or a file.

It runs beside the code of any tree, so no module of this package imports that at its top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol

from bench.engines.sqlite.custom import violates_foreign_keys
from bench.engines.sqlite.types import Connection

Parameters = Mapping[str, Any]
Reader = Callable[[Connection, Any, Parameters], list[Any]]
"""Fetches all rows of a loaded query."""


class CannotExecute(Exception):
    """The side cannot execute an operation; the text is its reason."""


class Undone(Exception):
    """Leaves a transaction so that it rolls back."""


def undo(connection: Connection) -> NoReturn:
    """Leave the transaction of a write so that it rolls back.

    Raises:
        Undone: always but then.
        Refused: a COMMIT would fail.
    """
    if violates_foreign_keys(connection):
        raise CannotExecute("its foreign keys would not hold at COMMIT")
    raise Undone


def reason_of(error: Exception) -> str:
    """One line of why the code of a tree failed."""
    return " ".join(str(error).split()) or type(error).__name__


class Adapter(Protocol):
    """How a side opens its database, runs its queries and answers requests.

    It is made of the database, of its source (a tree, or a file of queries), and of a path
    to which it may add a suffix for files of its own.
    """

    def about(self) -> dict[str, Any]:
        """As `bench.engines.sqlite.custom.describe`."""

    def connect(self, *, writable: bool = False) -> Connection:
        """A connection as this side opens one."""

    def queries_of(self, name: str, connection: Connection) -> list[Any]:
        """The queries that answer an operation. Raises Refused where it knows none."""

    def reader(self) -> Reader:
        """What fetches all rows of one of `queries_of`."""

    def statements(self, query: Any) -> Sequence[str]:
        """The SQL of one of `queries_of`."""

    def write(self, connection: Connection, query: Any, values: Parameters) -> None:
        """Run a writing query in the caller's transaction."""

    def transaction(self, connection: Connection) -> AbstractContextManager[Any]:
        """A write transaction; rolled back when an error leaves it."""

    def comparable(self, loaded: Sequence[Any], rows: Sequence[Any]) -> Sequence[Any]:
        """What `loaded` answered, sorted where its queries leave the order open."""

    def app(self, **settings: Any) -> Any:
        """The ASGI application. Raises Refused where the side has none."""
