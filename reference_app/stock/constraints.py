"""CHECK constraints of a database that is opened read-only, where quick_check leaves them out.

SQLite parses no CHECK of a read-only file (sqlite3AddCheckConstraint), so the rows are queried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import apsw

_TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]"""
    r"""| \w+ | \s+ | .""",
    re.DOTALL | re.VERBOSE,
)


def broken_checks(connection: apsw.Connection) -> list[str]:
    """Name each table in which a row breaks a CHECK, in the words of quick_check."""
    tables = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL ORDER BY name"
    ).fetchall()
    broken = []
    for name, sql in tables:
        conditions = " OR ".join(f"NOT ({check})" for check in checks_of(str(sql)))
        table = str(name).replace('"', '""')
        if (
            conditions
            and connection.execute(f'SELECT 1 FROM "{table}" WHERE {conditions} LIMIT 1').fetchone()
        ):
            broken.append(f"CHECK constraint failed in {name}")
    return broken


def checks_of(sql: str) -> Iterator[str]:
    """The expression of every CHECK in a CREATE TABLE statement."""
    inside: list[str] = []
    depth, named = 0, False
    for token in _TOKEN.findall(sql):
        if depth:
            depth += (token == "(") - (token == ")")
            if depth:
                inside.append(token)
            else:
                yield "".join(inside)
                inside.clear()
        elif token.upper() == "CHECK":
            named = True
        elif token == "(" and named:
            depth, named = 1, False
        elif not (token.isspace() or token.startswith(("--", "/*"))):
            named = False
