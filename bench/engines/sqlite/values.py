"""SQLite's values on their way: as JSON, and as text that is not UTF-8.

It needs apsw and the standard library only.
"""

from __future__ import annotations

from typing import Any

import apsw
import apsw.ext

_BLOB = "$blob"


def to_json(value: object) -> dict[str, str]:
    """Make a BLOB of what JSON cannot hold; the `default` of `json.dumps`."""
    if isinstance(value, bytes):
        return {_BLOB: value.hex()}
    raise TypeError(f"{type(value).__name__} is no value of SQLite")


def from_json(values: dict[str, Any]) -> Any:
    """Make bytes of what `to_json` made; the `object_hook` of `json.loads`."""
    return bytes.fromhex(values[_BLOB]) if values.keys() == {_BLOB} else values


def drain(cursor: apsw.Cursor) -> None:
    """Step through all rows; text that is not UTF-8, which apsw cannot return, is passed over."""
    while True:
        try:
            for _ in cursor:
                pass
            return
        except UnicodeDecodeError:
            continue


def with_bytes(connection: apsw.Connection, sql: str) -> str | None:
    """The same query, its text as bytes: what apsw can return of text that is not UTF-8.

    None where it is not a query that another one can read from.
    """
    inner = sql.rstrip().removesuffix(";")
    try:
        # Nothing is bound or run: only its columns are asked for.
        columns = len(apsw.ext.query_info(connection, sql).description)
    except apsw.Error:
        return None
    names = [f"c{number}" for number in range(columns)]
    cast = ", ".join(
        f"CASE typeof({n}) WHEN 'text' THEN CAST({n} AS BLOB) ELSE {n} END" for n in names
    )
    wrapped = f"WITH undecoded({', '.join(names)}) AS ({inner}\n) SELECT {cast} FROM undecoded"
    try:
        apsw.ext.query_info(connection, wrapped)
    except apsw.Error:
        return None
    return wrapped


def refusal(connection: apsw.Connection, sql: str) -> str | None:
    """Why a statement cannot be prepared on this database; None where it can."""
    try:
        apsw.ext.query_info(connection, sql)
    except apsw.Error as error:
        return str(error)
    return None
