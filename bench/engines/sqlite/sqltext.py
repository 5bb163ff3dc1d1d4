"""Reads SQL scripts: cuts them into statements, keeps the comments before each."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from bench.engines.records import Piece, ScriptError

# What SQLite itself passes over between statements (https://www.sqlite.org/lang_comment.html):
# five kinds of white space, and comments, of which the last may be without an end.
_PASSED_OVER = re.compile(r"[ \t\n\f\r]+|--(?P<line>[^\n]*)|/\*.*?(?:\*/|\Z)", re.S)

_KIND = re.compile(
    r"(?P<verb>CREATE|DROP|ALTER|INSERT|UPDATE|DELETE|ANALYZE|REINDEX|PRAGMA|\w+)"
    r"(?:\s+(?:UNIQUE|TEMP|TEMPORARY|VIRTUAL|INTO|FROM|OR\s+\w+))*"
    r"(?:\s+(?P<what>TABLE|INDEX|TRIGGER|VIEW)\b)?"
    r"(?:\s+IF\s+(?:NOT\s+)?EXISTS)?"
    r"(?:\s+[\"`\[]?(?P<object>\w+))?",
    re.IGNORECASE,
)


def pieces(script: str) -> Iterator[Piece]:
    """The statements of a script, in order.

    A semicolon ends a statement only where SQLite itself says so
    (`sqlite3_complete`), so strings, comments and triggers stay whole. A semicolon alone is none.

    Raises:
        ScriptError: the last statement has no semicolon, or there is a NUL character, at which
            SQLite would stop reading.
    """
    if "\0" in script:
        raise ScriptError("The script has a NUL character, which SQL cannot hold; remove it.")
    start = position = 0
    while (position := script.find(";", position) + 1) > 0:
        text = script[start:position]
        if sqlite3.complete_statement(text):
            piece = _piece(text)
            if piece.sql != ";":
                yield piece
            start = position
    rest = _piece(script[start:])
    if rest.sql:
        raise ScriptError(
            f"The script breaks off in {rest.sql[:60]!r}; end its last statement with a semicolon."
        )


def _piece(text: str) -> Piece:
    comments: list[str] = []
    position = 0
    while matched := _PASSED_OVER.match(text, position):
        comment = (matched["line"] or "").strip()
        if comment:
            comments.append(comment)
        position = matched.end()
    return Piece(tuple(comments), text[position:])


def describe(sql: str) -> tuple[str, str]:
    """The kind of a statement and what it is about: ("create_index", "idx_loans_member")."""
    matched = _KIND.match(sql.lstrip())
    if matched is None:
        return ("", "")
    words = (matched["verb"], matched["what"])
    return "_".join(word.lower() for word in words if word), matched["object"] or ""
