"""Room: bench.gate, queries of one's own: a SQL file read into operations. Pure text.

    -- name: orders_of_customer
    -- title: Orders of a customer
    -- draws: SELECT id AS customer FROM customers
    SELECT id, total FROM orders WHERE customer_id = :customer ORDER BY placed_at DESC LIMIT 20;

`name` begins an operation of one or more statements. `draws` is a SELECT whose columns are the
parameters, and goes on over the comment lines that follow it: rows of it are chosen by a seed.
`title` is optional.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gate.options import GateError
from reference_app.sqltext import Piece, ScriptError, pieces

_DIRECTIVE = re.compile(r"(?P<what>name|title|draws):\s*(?P<said>.*)")
_NAMED = re.compile(r"^\s*--\s*name:\s*(\w+)\s*$", re.M)
_NAME = re.compile(r"\w+")
_RUN = ("SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE")
# What hides words: comments, strings and quoted names; then parentheses, then words.
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|[()]|\w+",
    re.S,
)


class BadQueries(GateError):
    """A file of queries that cannot be used; the text says which entry and what to do."""


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """One operation of somebody's own: its statements, and the SELECT that draws parameters."""

    name: str
    title: str
    statements: tuple[str, ...]
    draws: str | None

    @property
    def ordered(self) -> bool:
        """Whether the order of its rows is asked for; of others any order is right."""
        return any(is_ordered(sql) for sql in self.statements)


def is_ordered(sql: str) -> bool:
    """Whether a statement has an ORDER BY of its own, and not in a subquery or window alone."""
    depth = 0
    before = ""
    for token in _TOKEN.findall(sql):
        if token in "()":
            depth += 1 if token == "(" else -1
        elif depth == 0 and not token.startswith(("--", "/*")):
            word = token.upper()
            if before == "ORDER" and word == "BY":
                return True
            before = word
    return False


def read_queries(path: Path) -> tuple[OwnQuery, ...]:
    """The operations of a file, in order.

    Raises:
        BadQueries: the file cannot be read, or an entry cannot be used.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ScriptError) as error:
        raise BadQueries(f"{path} cannot be read as SQL: {error}") from error
    except BadQueries as error:
        raise BadQueries(f"{path}: {error}") from None


def parse(script: str) -> tuple[OwnQuery, ...]:
    """The operations of a script, in order.

    Raises:
        BadQueries: a statement comes before any name, a name stands twice or is none, or a
            statement is of a kind that an operation cannot be.
        ScriptError: the last statement has no semicolon.
    """
    found: dict[str, OwnQuery] = {}
    name = ""
    for piece in pieces(script):
        said = _said(piece)
        if "name" in said:
            name = said["name"]
            if not _NAME.fullmatch(name):
                raise BadQueries(f"{name!r} is no name; use letters, digits and _.")
            if name in found:
                raise BadQueries(f"the name {name} stands twice; rename one.")
        first = piece.sql.split(None, 1)[0].rstrip(";").upper()
        if not name:
            raise BadQueries(f"write `-- name: …` before {piece.sql[:40]!r}.")
        if first not in _RUN:
            raise BadQueries(
                f"{name} begins a statement with {first}; an operation reads or changes rows "
                "(what changes the schema belongs into --migration)."
            )
        known = found.get(name)
        found[name] = OwnQuery(
            name,
            said.get("title") or (known.title if known else name),
            (*(known.statements if known else ()), piece.sql),
            said.get("draws") or (known.draws if known else None),
        )
    empty = [name for name in _NAMED.findall(script) if name not in found]
    if empty and found:
        raise BadQueries(f"{empty[0]} has no statement; write one, or remove its name.")
    if not found:
        raise BadQueries("there is no statement in it; write `-- name: …` and a SELECT.")
    return tuple(found.values())


def _said(piece: Piece) -> Mapping[str, str]:
    """What the comments before a statement direct; `draws` goes on to the next directive."""
    said: dict[str, str] = {}
    what = ""
    for line in piece.comments:
        matched = _DIRECTIVE.fullmatch(line)
        if matched is None and what != "draws":
            continue
        what = matched["what"] if matched else what
        text = (matched["said"] if matched else line).strip().rstrip(";")
        said[what] = f"{said[what]} {text}" if what == "draws" and what in said else text
    return said


def write_queries(queries: Iterable[OwnQuery], ordered: Collection[str], path: Path) -> None:
    """Write what `bench.gate.side_file.FileSide` reads; `ordered` are names of operations."""
    told: dict[str, dict[str, Sequence[str] | bool]] = {
        one.name: {"statements": one.statements, "ordered": one.name in ordered} for one in queries
    }
    path.write_text(json.dumps(told), encoding="utf-8")
