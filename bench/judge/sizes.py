"""The size of data: rows of the tables that stand for it, and what these are called.

`nouns` are `Study.size`: a noun by table, empty where the study names none.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.judge.format import joined

_SHOWN = 2


def size_of(nouns: Mapping[str, str], rows: Mapping[str, int]) -> dict[str, int]:
    """Rows by table of those that stand for the size: the study's, else the two largest."""
    largest = sorted(rows, key=lambda table: (-rows[table], table))
    tables = [table for table in nouns if table in rows] or largest[:_SHOWN]
    return {table: rows[table] for table in tables}


def largest_table(nouns: Mapping[str, str], rows: Mapping[str, int]) -> str:
    """The one of these tables that has most rows.

    Raises:
        ValueError: there is no table.
    """
    size = size_of(nouns, rows)
    return max(size, key=lambda table: size[table])


def noun_of(nouns: Mapping[str, str], table: str) -> str:
    """What the rows of a table are called; its name where the study gives no noun."""
    return nouns.get(table, table)


def rows_text(nouns: Mapping[str, str], rows: Mapping[str, int]) -> str:
    """These tables' rows in words, such as "100,000 products and 10,000,000 events"."""
    return joined([f"{count:,} {noun_of(nouns, table)}" for table, count in rows.items()])


def size_text(nouns: Mapping[str, str], rows: Mapping[str, int]) -> str:
    """The size of data in words."""
    return rows_text(nouns, size_of(nouns, rows))


def short_size_text(nouns: Mapping[str, str], rows: Mapping[str, int]) -> str:
    """The size in words by the first of those tables alone, such as "100,000 products"."""
    return rows_text(nouns, dict(list(size_of(nouns, rows).items())[:1]))
