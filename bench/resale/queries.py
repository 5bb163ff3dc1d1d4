"""The shop's named SQL, read as that of any study; `reference_app/queries` is its one source."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from bench.engines.sqlite.engine import ENGINE
from bench.study.named_sql import NamedSql, bind
from bench.study.queries import NamedOperation, read_queries
from reference_app.queries import DIRECTORY, OPERATIONS

__all__ = ["OPERATIONS", "bound", "catalogue"]


@cache
def catalogue() -> Mapping[str, NamedOperation]:
    """Every query of the shop by name."""
    files = sorted(DIRECTORY.glob("*.sql"))
    return {query.name: query for path in files for query in read_queries(path, ENGINE)}


def bound(names: Sequence[str], parts: Collection[str]) -> NamedSql:
    """Bind queries, one after another, to a database with these parts.

    Raises:
        OperationFailed: the database lacks what one needs.
    """
    return bind([catalogue()[name] for name in names], parts, ENGINE, ordered=True)
