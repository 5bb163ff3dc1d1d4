"""Named SQL: a file read into operations.

    -- name: orders_of_customer
    -- title: Orders of a customer
    -- parameters: SELECT id AS customer FROM customers
    SELECT id, total FROM orders WHERE customer_id = :customer ORDER BY placed_at DESC LIMIT 20;

`name` begins an operation of one or more statements. `parameters` (or `draws`) is a SELECT whose
columns are the parameters: rows of it are chosen by a seed. It goes on over the comment lines that
follow it as long as they are SQL, see `_goes_on`. `title` is optional.

Two directives are about the statement below them alone. `needs: TABLE` or `TABLE.COLUMN` leaves it
out where the database has none. `require: N` fails unless it changes N rows, `require: PARAMETER`
unless it changes as many as that JSON array has entries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from bench.engines.base import Engine
from bench.engines.records import Piece, ScriptError
from bench.engines.sql_file import read_sql
from bench.errors import BenchError

_DIRECTIVE = re.compile(
    r"(?P<what>name|title|draws|parameters|(?:needs|require)(?=:\s*[\w.]+$)):\s*(?P<said>.*)"
)
_NAMED = re.compile(r"^\s*--\s*name:\s*(\w+)\s*$", re.M)
# How a line begins that goes on with a SELECT.
_CLAUSE = re.compile(
    r"(?:FROM|WHERE|(?:LEFT|RIGHT|FULL|INNER|OUTER|CROSS|NATURAL)\b|JOIN|ON|USING|AND|OR|GROUP|HAVING"
    r"|WINDOW|ORDER|LIMIT|OFFSET|UNION|EXCEPT|INTERSECT)\b|[,()=<>+*/|]",
    re.I,
)
_NAME = re.compile(r"\w+")
_WRITING = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE"))
_RUN = ("SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE")
# What hides words: comments, strings and quoted names; then parentheses, then words.
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|[()]|\w+",
    re.S,
)


class BadQueries(BenchError):
    """A file of queries that cannot be used; the text says which entry and what to do."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, what a database must have for it, and how many rows it has to change."""

    sql: str
    needs: str | None = None
    require: int | str | None = None


@dataclass(frozen=True, slots=True)
class NamedOperation:
    """One operation: its statements, and the SELECT whose rows are its parameters."""

    name: str
    title: str
    body: tuple[Statement, ...]
    parameters_sql: str | None

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL, in the order in which it runs."""
        return tuple(statement.sql for statement in self.body)

    @property
    def needs(self) -> frozenset[str]:
        """What a database must have, or nothing of the operation is left."""
        needs = {statement.needs for statement in self.body}
        return frozenset() if None in needs else frozenset(map(str, needs))

    def on(self, parts: Collection[str]) -> NamedOperation:
        """The operation without the statements that need what is not among `parts`."""
        kept = (
            statement
            for statement in self.body
            if statement.needs is None or statement.needs in parts
        )
        return replace(self, body=tuple(kept))

    @property
    def writes(self) -> bool:
        """Whether a statement changes rows."""
        return any(_WRITING & set(_words(sql)) for sql in self.statements)

    @property
    def ordered(self) -> bool:
        """Whether the order of its rows is asked for; of others any order is right."""
        return any(is_ordered(sql) for sql in self.statements)


def _words(sql: str) -> Iterator[str]:
    """The words of a statement in capitals, without those in parentheses."""
    depth = 0
    for token in _TOKEN.findall(sql):
        if token in "()":
            depth += 1 if token == "(" else -1
        elif depth == 0 and not token.startswith(("--", "/*")):
            yield token.upper()


def is_ordered(sql: str) -> bool:
    """Whether a statement has an ORDER BY of its own, and not in a subquery or window alone."""
    return ("ORDER", "BY") in pairwise(_words(sql))


def read_queries(path: Path, engine: Engine) -> tuple[NamedOperation, ...]:
    """The operations of a file, in order.

    Raises:
        BadQueries: the file cannot be read, or an entry cannot be used.
    """
    try:
        return parse(read_sql(path), engine)
    except ScriptError as error:
        raise BadQueries(f"{path} cannot be read as SQL: {error}") from error
    except BadQueries as error:
        raise BadQueries(f"{path}: {error}") from None


def parse(script: str, engine: Engine) -> tuple[NamedOperation, ...]:
    """The operations of a script, in order.

    Raises:
        BadQueries: a statement comes before any name, a name stands twice or is none, or a
            statement is of a kind that an operation cannot be.
        ScriptError: the last statement has no semicolon.
    """
    operations: dict[str, NamedOperation] = {}
    name = ""
    for piece in engine.pieces(script):
        directives = _directives(piece, engine)
        if "name" in directives:
            name = directives["name"]
            if not _NAME.fullmatch(name):
                raise BadQueries(f"{name!r} is no name; use letters, digits and _.")
            if name in operations:
                raise BadQueries(f"the name {name} stands twice; rename one.")
        first = _NAME.match(piece.sql)
        word = first[0].upper() if first else piece.sql[:1]
        if not name:
            raise BadQueries(f"write `-- name: …` before {piece.sql[:40]!r}.")
        if word not in _RUN:
            raise BadQueries(
                f"{name} begins a statement with {word}; an operation reads or changes rows "
                "(what changes the schema belongs into a migration)."
            )
        known = operations.get(name)
        operations[name] = NamedOperation(
            name,
            directives.get("title") or (known.title if known else name),
            (*(known.body if known else ()), _statement(piece.sql, directives)),
            directives.get("draws") or (known.parameters_sql if known else None),
        )
    empty = [name for name in _NAMED.findall(script) if name not in operations]
    if empty and operations:
        raise BadQueries(f"{empty[0]} has no statement; write one, or remove its name.")
    if not operations:
        raise BadQueries("there is no statement in it; write `-- name: …` and a SELECT.")
    return tuple(operations.values())


def _statement(sql: str, directives: Mapping[str, str]) -> Statement:
    require = directives.get("require")
    number = require is not None and require.isdecimal()
    return Statement(sql, directives.get("needs"), int(str(require)) if number else require)


def _directives(piece: Piece, engine: Engine) -> Mapping[str, str]:
    """What the comments before a statement direct; `draws` goes on to the next directive."""
    directives: dict[str, str] = {}
    what = ""
    for line in piece.comments:
        matched = _DIRECTIVE.fullmatch(line)
        if matched is None and what != "draws":
            continue
        if matched is None and not _goes_on(directives["draws"], line, engine):
            what = ""
            continue
        what = matched["what"].replace("parameters", "draws") if matched else what
        text = (matched["said"] if matched else line).strip().rstrip(";")
        directives[what] = (
            f"{directives[what]} {text}" if what == "draws" and what in directives else text
        )
    return directives


def _goes_on(sql: str, line: str, engine: Engine) -> bool:
    """Whether a comment line below `draws` is part of its SELECT, and not an explanation.

    It is where the SELECT so far is unfinished, or where the line begins as a clause does and
    both together are SQL.

    Raises:
        BadQueries: it begins with a clause in capitals, and both together are no SQL.
    """
    if engine.syntax(sql) == "unfinished":
        return True
    begun = _CLAUSE.match(line)
    if begun is None:
        return False
    if engine.syntax(f"{sql} {line}") != "wrong":
        return True
    if begun[0].isupper():
        raise BadQueries(
            f"the comment {line!r} below `parameters` begins as SQL and is none; mend it, or put "
            "an explanation above `parameters`."
        )
    return False
