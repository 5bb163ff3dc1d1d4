"""The queries that one database can answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import apsw
import apsw.ext

from reference_app import queries
from reference_app.database_files import NotOurSchema
from reference_app.queries import Parameters, Query, TableAbsent

__all__ = ["NotOurSchema", "QuerySet"]


class QuerySet:
    """Every query of the shop, as it runs on a database with these tables and columns.

    `prepare` checks that every query can run; without it, a query fails when it is used.

    Raises:
        NotOurSchema: a query cannot run.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        parts: frozenset[str],
        path: Path,
        *,
        prepare: bool = True,
    ) -> None:
        self._parts = parts
        self._queries = _answerable(connection, parts, path, prepare=prepare)
        self._shaped = lru_cache(maxsize=1024)(queries.shaped)

    def can(self, name: str) -> bool:
        """Whether the database has what a query needs; False for a write without statements."""
        query = self._queries.get(name)
        return query is not None and bool(query.statements)

    def find(self, name: str, params: Parameters) -> Query:
        """The query, with those of its optional lines whose parameters are given.

        Raises:
            QueryMissing: there is no such query.
            TableAbsent: this database has no table for it.
        """
        query = self._queries.get(name)
        if query is None:
            # Load it again for the error that says why it is absent.
            query = queries.load(name, self._parts)
        if not query.optional:
            return query
        given = frozenset(key for key in query.optional if params.get(key) is not None)
        return self._shaped(query, given)


def _answerable(
    connection: apsw.Connection, parts: frozenset[str], path: Path, *, prepare: bool
) -> Mapping[str, Query]:
    answerable: dict[str, Query] = {}
    for name in queries.catalogue():
        try:
            query = queries.load(name, parts)
        except TableAbsent:
            continue
        for given in (frozenset[str](), query.optional) if prepare else ():
            for statement in queries.shaped(query, given).statements:
                _check_prepares(connection, statement.sql, path)
        answerable[name] = query
    return MappingProxyType(answerable)


def _check_prepares(connection: apsw.Connection, sql: str, path: Path) -> None:
    try:
        apsw.ext.query_info(connection, sql)
    except apsw.SQLError as error:
        raise NotOurSchema(
            f"The database {path} is not one of this shop ({error}); "
            "give one made by `resale-bench seed`."
        ) from error
