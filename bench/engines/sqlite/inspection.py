"""What a statement is, told by preparing it and not running it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import apsw
import apsw.ext

from bench.engines.base import Connection, Syntax
from bench.engines.records import StatementInfo, StatementRefused
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.guard import Guard
from bench.engines.sqlite.values import refusal


def inspect(connection: Connection, sql: str) -> StatementInfo:
    """Prepare one statement and tell what it is.

    Raises:
        StatementRefused: the connection's guard refuses it.
        apsw.Error: SQLite does.
    """
    try:
        info = apsw.ext.query_info(sqlite_connection(connection), sql)
    except apsw.Error:
        guard = sqlite_connection(connection).authorizer
        if isinstance(guard, Guard) and guard.refusal is not None:
            raise StatementRefused(guard.refusal) from None
        raise
    names = tuple(None if name is None or name.isdigit() else name for name in info.bindings_names)
    single = not info.query_remaining and not info.is_explain
    return StatementInfo(names, info.is_readonly, single)


def named_rows(connection: Connection, sql: str) -> Iterator[dict[str, Any] | None]:
    """The rows of a SELECT by column; None where text in one is not UTF-8.

    Such text cannot be bound as a parameter.
    """
    with closing(sqlite_connection(connection).execute(sql)) as cursor:
        while True:
            try:
                row = next(cursor)
            except StopIteration:
                return
            except UnicodeDecodeError:
                yield None
                continue
            names = [column[0] for column in cursor.get_description()]
            yield dict(zip(names, row, strict=True))


def syntax(sql: str) -> Syntax:
    """What SQLite's parser says of a statement, whatever tables it names."""
    with closing(apsw.Connection(":memory:")) as connection:
        message = refusal(connection, sql) or ""
    # Of a string without an end as well.
    if message == "incomplete input" or message.startswith("unrecognized token: \"'"):
        return "unfinished"
    return "wrong" if "syntax error" in message or "unrecognized token" in message else "right"
