"""What to do: the migration that follows, and how it compares with what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from bench.judge.format import listed
from bench.report import units
from bench.report.arms import Arms
from bench.report.blocks import (
    Badge,
    Block,
    Bullets,
    Code,
    CodeBlock,
    CodeLine,
    Column,
    Columns,
    Details,
    Heading,
    Inline,
    Inlines,
    Link,
    Row,
    Section,
    Table,
    Text,
)
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor, titled
from bench.report.words import counted
from bench.results.recommended import Action, IndexAction, MigrationText, Recommended
from bench.results.statistics import Verdict

Titles = Mapping[str, str]
_ACTIONS: tuple[Action, ...] = ("added", "dropped", "kept")
_VERDICTS: tuple[Verdict, ...] = ("slower", "inconclusive", "same", "faster")
# So many operations are named in a line; of more a page shows the names when it is asked.
_NAMED = 8
# Titles with figures in them, such as `Funnel, 7 days`, stand here.
_TITLES = at("comparison", "operations")
_MADE = re.compile(r"^\s*CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+)", re.M | re.I)
_DROPPED = re.compile(r"^\s*DROP INDEX (?:IF EXISTS )?(\w+)", re.M | re.I)


def recommendation_section(recommended: Recommended, arms: Arms, titles: Titles) -> Section:
    """The section on the recommended migration; `titles` are those of operations by name."""
    title = "What to do"
    return Section("advice", title, title, tuple(_blocks(recommended, arms, titles)))


def _blocks(recommended: Recommended, arms: Arms, titles: Titles) -> Iterator[Block]:
    yield Text(recommended.verdict, "answer", at("recommended", "verdict"))
    if recommended.details:
        details = " ".join(titled(line, titles) for line in recommended.details)
        yield Text(details, source=f"{at('recommended', 'details')} {_TITLES}")
    yield Columns(
        [list(_against(recommended, arm, arms, titles)) for arm in recommended.against], "against"
    )
    yield Heading("The migration, to copy")
    if passing := _passing(recommended.migrations):
        yield Text(passing, "small", at("recommended", "migrations"))
    yield from _scripts(recommended)
    yield _indexes(recommended, titles)
    if recommended.bytes:
        yield Table(
            (Column("arm"), Column("added", "figure")),
            tuple(
                Row(arms.label(arm), [units.size(size)], at("recommended", "bytes", arm))
                for arm, size in recommended.bytes.items()
            ),
            "What the indexes and tables of each arm take on disk",
            at("recommended", "bytes"),
        )
    if recommended.limits:
        yield Heading("Limits of the advice")
        yield Bullets(recommended.limits, at("recommended", "limits"))


def _against(recommended: Recommended, arm: str, arms: Arms, titles: Titles) -> Iterator[Block]:
    """The recommended arm against another: operations by verdict, slower ones first."""
    source = f"{at('recommended', 'against', arm)} {_TITLES}"
    yield Heading(f"{arms.label(recommended.arm)} against {arms.label(arm)}", source=source)
    for word in _VERDICTS:
        names = recommended.against[arm].get(word, ())
        several = counted(len(names), "operation", "operations") if names else "none"
        parts: list[Inline] = [Badge(verdict(word)), f": {several}"]
        if 0 < len(names) <= _NAMED:
            parts += [" – ", *_linked(names, titles)]
        yield Text(parts, source=source)
        if len(names) > _NAMED:
            links = Text(_linked(names, titles))
            yield Details(f"All {several} that are {word}", (links,), source=source, elsewhere=True)


def _linked(names: Sequence[str], titles: Titles) -> list[Inline]:
    """Titles that lead to their place on the page, or names of what it does not show."""
    parts: list[Inline] = []
    for name in names:
        link = Link(titles.get(name, name), anchor(name) if name in titles else "")
        parts += [", ", link] if parts else [link]
    return parts


def _passing(migrations: Sequence[MigrationText]) -> str:
    """The indexes that a later script drops again, for whom the SQL would look like a mistake."""
    passing = [
        f"{name} is created by {first.name} and dropped again by {second.name}"
        for n, first in enumerate(migrations)
        for second in migrations[n + 1 :]
        for name in _MADE.findall(first.sql)
        if name in _DROPPED.findall(second.sql)
    ]
    if not passing:
        return ""
    return f"A migration that has been run somewhere is not rewritten: {listed(passing)}."


def _scripts(recommended: Recommended) -> Iterator[CodeBlock]:
    """Each piece of SQL to copy."""
    for n, migration in enumerate(recommended.migrations):
        yield _script(migration.name, migration.sql.strip(), at("recommended", "migrations", n))
    if recommended.statistics:
        sql = "\n".join(line.rstrip("; \n") + ";" for line in recommended.statistics)
        yield _script("Statistics, after it", sql, at("recommended", "statistics"))


def _script(name: str, sql: str, source: str) -> CodeBlock:
    return CodeBlock([CodeLine(line) for line in sql.split("\n")], name, source=source, long=True)


def _indexes(recommended: Recommended, titles: Titles) -> Table:
    def row(index: IndexAction) -> Row:
        place = at("recommended", "indexes", recommended.indexes.index(index))
        serves = _linked(index.serves, titles) or "nothing"
        cells: list[Inlines] = [[Badge(verdict(index.action))], index.reason, serves]
        return Row([Code(index.name)], cells, f"{place} {_TITLES}")

    ordered = sorted(recommended.indexes, key=lambda index: _ACTIONS.index(index.action))
    return Table(
        tuple(map(Column, ("index", "becomes", "why", "serves"))),
        tuple(map(row, ordered)),
        "Each index, what becomes of it and why",
        at("recommended", "indexes"),
        "evidence",
    )
