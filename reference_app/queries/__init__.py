"""Load and run the shop's named SQL, which is in the .sql files of this folder.

Comment lines before a statement are its directives: `name:` begins a query and `kind:` is read or
write; `needs: TABLE` or `TABLE.COLUMN` leaves the statement out where that is absent;
`require: N` is an error unless N rows change, `require: PARAMETER` unless as many rows change as
that JSON array has entries. A line that ends with `-- if: PARAMETER` is left out where the
parameter is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import apsw
import orjson

from reference_app.sqltext import pieces

DIRECTORY = Path(__file__).parent

_DIRECTIVE = re.compile(r"(name|kind|needs|require):\s*([\w.]+)")
_OPTIONAL = re.compile(r"^(?P<line>.*?)\s*-- if: (?P<parameter>\w+)\s*$")

Parameters = Mapping[str, int | str | float | bytes | None]


class Rows(Protocol):
    """What a statement answers."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        ...


class Reader(Protocol):
    """What runs a query that reads: a connection."""

    def execute(self, sql: str, params: Parameters, /) -> Rows:
        """Run one statement."""
        ...


class QueryError(Exception):
    """A query cannot be loaded or run; the text says which and what to do."""


class QueryMissing(QueryError):
    """No query bears the name."""


class TableAbsent(QueryError):
    """The database has none of the tables that the query is about."""


class RequirementFailed(QueryError):
    """A guarded statement changed another number of rows than it must."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, the rows it must change and the table or column it needs.

    `require_rows` is their number, or the parameter whose JSON array has as many
    entries; None allows any.
    """

    sql: str
    require_rows: int | str | None = None
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One named query, as it runs on one database."""

    name: str
    kind: Literal["read", "write"]
    statements: tuple[Statement, ...]
    optional: frozenset[str] = frozenset()
    """Parameters of optional lines; see `shaped`."""


OPERATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "products_by_size": ("products_by_size",),
        "products_by_category_size": ("products_by_category_size",),
        "products_newest": ("products_newest",),
        "product_detail": ("product_by_id", "images_of_product"),
        "images_for_entity": ("images_for_entity",),
        "sell_requests_by_status": ("sell_requests_by_status",),
        "sell_requests_recent": ("sell_requests_recent",),
        "sell_requests_summary": ("sell_requests_summary",),
        "sell_items_for_submission": ("sell_items_for_submission",),
        "password_resets_for_user": ("password_resets_for_user",),
        "events_by_type_since": ("events_by_type_since",),
        "events_newest_of_type": ("events_newest_of_type",),
        "events_recent": ("events_recent",),
        "events_count_by_type": ("events_count_by_type",),
        "events_count_by_type_since": ("events_count_by_type_since",),
        "events_for_user": ("events_for_user",),
        "events_of_day": ("events_of_day",),
        "funnel_since": ("funnel_since",),
        "logs_recent": ("logs_recent",),
        "logs_errors_since": ("logs_errors_since",),
        "order_history": ("order_history",),
        "order_detail": ("order_by_number", "items_of_order"),
        "stock_history": ("stock_history",),
        "stock_of_order": ("stock_of_order",),
        "rollup_range": ("rollup_range",),
        "rollup_of_type": ("rollup_of_type",),
        "track_events": ("track_events",),
        "submit_sell_request": ("submit_sell_request",),
        "checkout": ("checkout",),
        "respond_to_offer": ("respond_to_offer",),
        "write_log": ("write_log",),
    }
)
"""The queries that answer each operation, in order; all take the operation's parameters."""


def load(name: str, tables: Collection[str]) -> Query:
    """The query of that name, as it runs on a database with these tables.

    A write without a remaining statement does nothing: a shop without a ledger still sells.

    Raises:
        QueryMissing: there is no such query.
        TableAbsent: a read query needs tables that are absent.
    """
    query = catalogue().get(name)
    if query is None:
        raise QueryMissing(f"There is no query {name!r}; see the .sql files in {DIRECTORY.name}/.")
    statements = tuple(
        statement
        for statement in query.statements
        if statement.needs is None or statement.needs in tables
    )
    if not statements and query.kind == "read":
        needed = ", ".join(sorted({str(statement.needs) for statement in query.statements}))
        raise TableAbsent(
            f"This database has no table {needed}, which {name} needs; "
            "apply 0002_safe_migration first."
        )
    return Query(query.name, query.kind, statements, query.optional)


def shaped(query: Query, given: frozenset[str]) -> Query:
    """The query with those of its optional lines whose parameters are given."""
    if not query.optional:
        return query
    return replace(
        query,
        statements=tuple(
            replace(statement, sql=_without(statement.sql, given)) for statement in query.statements
        ),
        optional=frozenset(),
    )


def _without(sql: str, given: frozenset[str]) -> str:
    lines = []
    for line in sql.splitlines():
        optional = _OPTIONAL.match(line)
        if optional is None:
            lines.append(line)
        elif optional["parameter"] in given:
            lines.append(optional["line"])
    return "\n".join(lines)


@cache
def catalogue() -> Mapping[str, Query]:
    """Every query of every file, with all of its statements, by name.

    Raises:
        QueryError: a name is used twice, or a query has no kind.
    """
    queries: dict[str, Query] = {}
    for path in sorted(DIRECTORY.glob("*.sql")):
        for query in parse(path.read_text(encoding="utf-8")):
            if query.name in queries:
                raise QueryError(f"The query {query.name} exists twice; rename one in {path.name}.")
            queries[query.name] = query
    return MappingProxyType(queries)


def parse(script: str) -> tuple[Query, ...]:
    """The queries of one script, in order.

    Raises:
        QueryError: a statement comes before any name, or a query has no kind.
    """
    heads: dict[str, str] = {}
    bodies: dict[str, list[Statement]] = {}
    name = ""
    for piece in pieces(script):
        directives = _directives(piece.comments)
        name = directives.get("name", name)
        if "name" in directives:
            if name in bodies:
                raise QueryError(f"The query {name} exists twice; rename one.")
            heads[name] = directives.get("kind", "")
        if heads.get(name) not in ("read", "write"):
            raise QueryError(
                f"Write `-- name: …` and `-- kind: read` or `write` before {piece.sql[:40]!r}."
            )
        require = _required(directives.get("require"))
        bodies.setdefault(name, []).append(Statement(piece.sql, require, directives.get("needs")))
    return tuple(
        Query(name, "read" if heads[name] == "read" else "write", tuple(body), _optional(body))
        for name, body in bodies.items()
    )


def _required(value: str | None) -> int | str | None:
    return int(value) if value is not None and value.isdigit() else value


def _optional(body: Iterable[Statement]) -> frozenset[str]:
    lines = (line for statement in body for line in statement.sql.splitlines())
    return frozenset(optional["parameter"] for line in lines if (optional := _OPTIONAL.match(line)))


def _directives(comments: Iterable[str]) -> dict[str, str]:
    matches = (_DIRECTIVE.fullmatch(line) for line in comments)
    return {matched[1]: matched[2] for matched in matches if matched}


def read(connection: Reader, query: Query, params: Parameters) -> list[tuple[Any, ...]]:
    """The rows of a read query, all of them fetched."""
    rows: list[tuple[Any, ...]] = []
    for statement in query.statements:
        rows.extend(connection.execute(statement.sql, params).fetchall())
    return rows


def read_named(
    connection: apsw.Connection, query: Query, params: Parameters
) -> list[dict[str, Any]]:
    """The rows of a read query by column name."""
    rows: list[dict[str, Any]] = []
    for statement in query.statements:
        cursor = connection.execute(statement.sql, params)
        values = cursor.fetchall() if statement.sql in _namers else cursor.fetchone()
        if not values:
            continue
        if statement.sql not in _namers:
            # Before the last row: an exhausted cursor no longer knows its columns.
            _namers[statement.sql] = _namer([column[0] for column in cursor.get_description()])
            values = [values, *cursor.fetchall()]
        rows.extend(_namers[statement.sql](values))
    return rows


def _namer(names: Sequence[str]) -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    """A function that turns the rows of a statement with these columns into dictionaries.

    It is compiled, as dataclasses are: a dictionary display takes half the time of
    dict(zip(names, row)), and a page has many rows.
    """
    values = [f"value_{index}" for index in range(len(names))]
    pairs = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    source = f"lambda rows: [{{{pairs}}} for ({', '.join(values)},) in rows]"
    namer: Callable[[Sequence[Any]], list[dict[str, Any]]] = eval(source, {})
    return namer


# The columns of a statement follow from its text, since none selects `*`; to read them from SQLite
# each time would cost as much as a short query.
_namers: dict[str, Callable[[Sequence[Any]], list[dict[str, Any]]]] = {}


def write(connection: apsw.Connection, query: Query, params: Parameters) -> int:
    """Run a write query in the caller's transaction; the number of rows it changed.

    Raises:
        RequirementFailed: a guarded statement changed another number of rows than
            it must. Roll back then, as `reference_app.database.transaction` does when the error
            leaves its block.
    """
    changed = 0
    for statement in query.statements:
        connection.execute(statement.sql, params)
        rows = connection.changes()
        wanted = _wanted(statement.require_rows, params)
        if wanted is not None and rows != wanted:
            raise RequirementFailed(
                f"{query.name} had to change {wanted} row(s) and changed {rows}; "
                "read the row again, since its state no longer allows this."
            )
        changed += rows
    return changed


def _wanted(required: int | str | None, params: Parameters) -> int | None:
    if isinstance(required, str):
        return len(orjson.loads(str(params[required])))
    return required
