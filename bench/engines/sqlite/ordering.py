"""What a SELECT orders its rows by, as further output columns of it.

So rows that tie in the ORDER BY can be told from rows that differ.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import apsw
import apsw.ext

MOST_TIED = 10_000
"""So many rows of the statement without its LIMIT are read to see which of them tie."""

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]"
    r"|\w+|[^\w\s]",
    re.S,
)
_COMPOUND = frozenset(("UNION", "EXCEPT", "INTERSECT", "VALUES"))
_DIRECTION = re.compile(r"(?:\s+(?:ASC|DESC))?(?:\s+NULLS\s+(?:FIRST|LAST))?\s*$", re.I)
_NAME = re.compile(r"\w+|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]", re.S)


@dataclass(frozen=True, slots=True)
class KeyedStatement:
    """A statement with its sort key behind its columns, with and without its LIMIT.

    `places` tells where each term of the key is found: the place of an output column, or how far
    behind the statement's own columns.
    """

    limited: str
    unlimited: str
    places: tuple[tuple[bool, int], ...]

    def key(self, row: Sequence[object], columns: int) -> tuple[object, ...]:
        """The sort key of a row, of a statement with so many columns of its own."""
        return tuple(row[columns + at if added else at] for added, at in self.places)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper()


def keyed_statement(sql: str) -> KeyedStatement | None:
    """The statement with its sort key; None where that is not one plain SELECT with an ORDER BY."""
    text = _without_comments(sql)
    top = list(_top_level(text))
    words = [token.word for token in top]
    if words.count("SELECT") != 1 or _COMPOUND & set(words):
        return None
    begun = words.index("SELECT")
    source = _at(words, "FROM", begun, not_after="DISTINCT")
    ordered = next(
        (at for at in range(begun, len(words) - 1) if words[at : at + 2] == ["ORDER", "BY"]), None
    )
    if source is None or ordered is None or words[begun + 1 : begun + 2] == ["DISTINCT"]:
        return None
    end = _at(words, "LIMIT", ordered) or _at(words, ";", ordered)
    limit = top[end].start if end is not None else len(text)
    finish = _at(words, ";", ordered)
    stop = top[finish].start if finish is not None else len(text)
    commas = [token for token in top[ordered + 2 : end] if token.text == ","]
    edges = [top[ordered + 1].end, *(token.end for token in commas), limit]
    ends = [*(token.start for token in commas), limit]
    terms = [text[a:b] for a, b in zip(edges, ends, strict=False)]
    aliases = _aliases(top[begun:source])
    places, added = _places(terms, aliases)
    if places is None:
        return None
    head, tail = text[: top[source].start], text[top[source].start : stop]
    more = "".join(f", {_canonical(term)}" for term in added)
    cut = text[top[source].start : limit]
    return KeyedStatement(f"{head}{more} {tail}", f"{head}{more} {cut}", tuple(places))


def columns_of(connection: apsw.Connection, sql: str) -> list[str]:
    """The names of a statement's output columns; it is not executed."""
    return [column[0] for column in apsw.ext.query_info(connection, sql).description]


def tied_groups(
    connection: apsw.Connection, statement: KeyedStatement, bindings: Any, columns: int
) -> list[str] | None:
    """A hash of each group of rows with one sort key, up to the one that the answer ends in.

    The LIMIT cuts no group here. None where SQLite cannot tell the key, or there are too many.

    Raises:
        InterruptError: it was broken off.
    """
    try:
        last = None
        for row in connection.execute(statement.limited, bindings):
            last = statement.key(row, columns)
        groups: list[tuple[Any, list[str]]] = []
        rows = connection.execute(statement.unlimited, bindings)
        for count, row in enumerate(islice(rows, MOST_TIED + 1)):
            key = statement.key(row, columns)
            if not groups or groups[-1][0] != key:
                if groups and groups[-1][0] == last:
                    break
                groups.append((key, []))
            if count == MOST_TIED:
                return None
            groups[-1][1].append(repr(row[:columns]))
    except apsw.InterruptError:
        raise
    except (apsw.Error, UnicodeDecodeError, IndexError):
        return None
    return [short_hash(repr((key, sorted(group)))) for key, group in groups]


def short_hash(text: str) -> str:
    """A hash of a text, of 16 hexadecimal digits (blake2b)."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _places(
    terms: Sequence[str], aliases: dict[str, int | None]
) -> tuple[list[tuple[bool, int]] | None, list[str]]:
    """Where each term is found, and the expressions to be added; None where it cannot be told."""
    places: list[tuple[bool, int]] = []
    added: list[str] = []
    for term in terms:
        bare = _DIRECTION.sub("", term).strip()
        if bare.isdigit():
            places.append((False, int(bare) - 1))
            continue
        names = [_unquoted(name) for name in _NAME.findall(bare)]
        if _NAME.fullmatch(bare) and names[0] in aliases:
            at = aliases[names[0]]
            if at is None:
                return None, []
            places.append((False, at))
            continue
        # Within an expression the name of an output column means that, here it would not.
        if aliases.keys() & set(names) or not bare:
            return None, []
        places.append((True, len(added)))
        added.append(bare)
    return places, added


def _canonical(term: str) -> str:
    """An expression that is equal for texts that are equal by the term's collation.

    Only where the collation takes no heed of case is a text equal to both its forms.
    """
    return (
        f"CASE WHEN typeof({term}) = 'text' AND {term} = upper({term}) AND {term} = lower({term}) "
        f"THEN lower({term}) ELSE {term} END"
    )


def _aliases(columns: Sequence[_Token]) -> dict[str, int | None]:
    """The output names after AS with their places; None where a * makes the place unknown."""
    positions: dict[str, int | None] = {}
    at: int | None = 0
    for before, token in pairwise(columns):
        if token.text == "," and at is not None:
            at += 1
        elif token.text == "*" and before.word in ("SELECT", ",", "."):
            at = None
        elif before.word == "AS":
            positions[_unquoted(token.text)] = at
    return positions


def _unquoted(name: str) -> str:
    inner = name[1:-1] if name[0] in '"`[' else name
    return inner.replace(name[0] * 2, name[0]).lower() if inner != name else name.lower()


def _at(words: Sequence[str], word: str, begun: int, *, not_after: str = "") -> int | None:
    """The first place of a word from `begun` on; None where there is none."""
    return next(
        (
            at
            for at in range(begun, len(words))
            if words[at] == word and not (not_after and words[at - 1] == not_after)
        ),
        None,
    )


def _without_comments(sql: str) -> str:
    return _TOKEN.sub(lambda match: " " if match[0].startswith(("--", "/*")) else match[0], sql)


def _top_level(text: str) -> Iterator[_Token]:
    """The tokens outside of parentheses."""
    depth = 0
    for match in _TOKEN.finditer(text):
        if match[0] == ")":
            depth -= 1
        if depth == 0:
            yield _Token(match[0], match.start(), match.end())
        if match[0] == "(":
            depth += 1
