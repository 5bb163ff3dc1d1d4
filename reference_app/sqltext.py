"""Reads SQL scripts: cuts them into statements, keeps the comments that stand before each.

This room is pure text: no connection and no file enters here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass


class ScriptError(ValueError):
    """A script that cannot be cut into statements; the text says where it breaks off."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement, and the comment lines (without `--`) that stand before it."""

    comments: tuple[str, ...]
    sql: str


def pieces(script: str) -> Iterator[Piece]:
    """The statements of a script, in order.

    A semicolon ends a statement only where SQLite itself says so
    (`sqlite3_complete`), so strings, comments and triggers stay whole.

    Raises:
        ScriptError: the last statement has no semicolon.
    """
    start = position = 0
    while (position := script.find(";", position) + 1) > 0:
        text = script[start:position]
        if sqlite3.complete_statement(text):
            yield _piece(text)
            start = position
    rest = _piece(script[start:])
    if rest.sql:
        raise ScriptError(
            f"The script breaks off in {rest.sql[:60]!r}; end its last statement with a semicolon."
        )


def _piece(text: str) -> Piece:
    comments: list[str] = []
    lines = text.strip().splitlines()
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("--")):
        comment = lines.pop(0).strip().removeprefix("--").strip()
        if comment:
            comments.append(comment)
    return Piece(tuple(comments), "\n".join(lines).strip())
