"""What the gate's worker knows of a tree of the shop: the only place that names its parts.

The worker runs today's `bench` beside another tree's `reference_app`. So that is imported within
functions only, nothing else here may import it, and what an older tree lacks (a setting, a fixed
clock) is left out.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from bench.engines.sqlite.custom import describe
from bench.engines.sqlite.types import Connection
from bench.gate.worker.adapter import CannotExecute, Parameters, Reader


class TreeAdapter:
    """A tree's own way to open a database, to ask its queries, and to answer requests.

    Raises:
        ImportError: another `reference_app` is found before the tree's, or the tree has none.
    """

    def __init__(self, database: Path, tree: Path, files: Path) -> None:
        use_tree(tree)
        self._database, self._outbox = database, Path(f"{files}.outbox.db")

    def about(self) -> dict[str, Any]:
        """Versions, the schema, the statistics and the operations of this side."""
        from reference_app import queries

        with closing(self.connect()) as connection:
            return describe(connection, sorted(queries.OPERATIONS))

    def connect(self, *, writable: bool = False) -> Connection:
        """A connection as the tree opens one."""
        from reference_app.database import connect

        return connect(self._database, query_only=not writable)

    def queries_of(self, name: str, connection: Connection) -> list[Any]:
        """The tree's queries of an operation, as they run on this database.

        Raises:
            Refused: its queries know no such operation.
        """
        from reference_app import queries
        from reference_app.database import parts

        if name not in queries.OPERATIONS:
            raise CannotExecute(f"its reference_app.queries knows no operation {name}")
        have = parts(connection)
        return [queries.load(query, have) for query in queries.OPERATIONS[name]]

    def reader(self) -> Reader:
        """What fetches all rows of one of `queries_of`."""
        from reference_app.queries import read

        return read

    def statements(self, query: Any) -> Sequence[str]:
        """The SQL of one of `queries_of`."""
        return [statement.sql for statement in query.statements]

    def write(self, connection: Connection, query: Any, values: Parameters) -> None:
        """Run a writing query in the caller's transaction."""
        from reference_app.queries import write

        write(connection, query, values)

    def transaction(self, connection: Connection) -> AbstractContextManager[Any]:
        """A write transaction as the tree makes one; rolled back when an error leaves it."""
        from reference_app.database import transaction

        return transaction(connection)

    def comparable(self, loaded: Sequence[Any], rows: Sequence[Any]) -> Sequence[Any]:
        """The rows in their order, which counts."""
        return rows

    def app(self, **settings: Any) -> Any:
        """The tree's application; settings that its `Settings` does not know are left out."""
        from reference_app.app import create_app
        from reference_app.settings import Settings

        wanted = {
            "database": self._database, "outbox": self._outbox, "jobs": False,
            "checkpoints": False, "log_level": "error", "tries_by_address": "1000000/second",
            "tries_by_account": "1000000/second", "letters_by_address": "1000000/second",
            "letters_by_account": "1000000/second",
            "reservations_by_address": 1_000_000, "reservations_by_holder": 1_000_000,
            "submissions_by_address": "1000000/second",
            "submission_bytes_by_address": "999999999/second", **settings,
        }  # fmt: skip
        known = Settings.model_fields
        made = Settings.model_validate({k: v for k, v in wanted.items() if k in known})
        standing = "clock" in inspect.signature(create_app).parameters
        return create_app(made, **(self._standing_clock() if standing else {}))

    def _standing_clock(self) -> dict[str, Any]:
        """A clock that stands still at the newest event: "the last 7 days" hold the same rows."""
        try:
            from reference_app.clock import FixedClock
        except ImportError:
            return {}
        with closing(self.connect()) as connection:
            rows = connection.execute("SELECT max(timestamp) FROM analytics_events").fetchall()
        return {"clock": FixedClock(str(rows[0][0]))} if rows and rows[0][0] is not None else {}


def use_tree(tree: Path) -> None:
    """Make `reference_app` mean that of the tree.

    Raises:
        ImportError: another one is found first, or the tree has none.
    """
    sys.path.insert(0, str(tree))
    import reference_app

    package = Path(str(reference_app.__file__)).resolve().parent
    if not package.is_relative_to(tree.resolve()):
        raise ImportError(f"reference_app of {package} is in the way of that of {tree}")
