"""What to do: the migration that follows, and how it compares with what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from bench.judge.format import joined
from bench.report import blocks, units
from bench.report.arms import Arms
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor, counted, titled
from bench.results.comparison import Verdict
from bench.results.recommended import Action, MigrationText, Recommended

Titles = Mapping[str, str]
_ACTIONS: tuple[Action, ...] = ("added", "dropped", "kept")
_VERDICTS: tuple[Verdict, ...] = ("slower", "inconclusive", "same", "faster")
# So many operations are named in a line; of more a page shows the names when it is asked.
_NAMED = 8
# Titles with figures in them, such as `Funnel, 7 days`, stand here.
_TITLES = at("comparison", "operations")
_MADE = re.compile(r"^\s*CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+)", re.M | re.I)
_DROPPED = re.compile(r"^\s*DROP INDEX (?:IF EXISTS )?(\w+)", re.M | re.I)


@blocks.section("advice", "What to do")
def recommendation_section(
    recommended: Recommended, arms: Arms, titles: Titles
) -> Iterator[blocks.Block]:
    """The section on the recommended migration; `titles` are those of operations by name."""
    yield blocks.Text(recommended.verdict, "answer", at("recommended", "verdict"))
    if recommended.details:
        details = " ".join(titled(line, titles) for line in recommended.details)
        yield blocks.Text(details, source=f"{at('recommended', 'details')} {_TITLES}")
    against = [list(_against(recommended, arm, arms, titles)) for arm in recommended.against]
    yield blocks.Columns(against, "against")
    yield blocks.Heading("The migration, to copy")
    if passing := _passing(recommended.migrations):
        yield blocks.Text(passing, "small", at("recommended", "migrations"))
    yield from _scripts(recommended)
    yield _indexes(recommended, titles)
    if recommended.bytes:
        yield blocks.Table(
            blocks.columns("arm", figures=("added",)),
            [
                blocks.Row(arms.label(arm), [units.size(size)], at("recommended", "bytes", arm))
                for arm, size in recommended.bytes.items()
            ],
            "What the indexes and tables of each arm take on disk",
            at("recommended", "bytes"),
        )
    source = at("recommended", "limits")
    yield from blocks.limits("Limits of the advice", recommended.limits, source)


def _against(
    recommended: Recommended, arm: str, arms: Arms, titles: Titles
) -> Iterator[blocks.Block]:
    """The recommended arm against another: operations by verdict, slower ones first."""
    source = f"{at('recommended', 'against', arm)} {_TITLES}"
    title = f"{arms.label(recommended.arm)} against {arms.label(arm)}"
    yield blocks.Heading(title, source=source)
    for word in _VERDICTS:
        names = recommended.against[arm].get(word, ())
        several = counted(len(names), "operation", "operations") if names else "none"
        parts: list[blocks.Inline] = [blocks.Badge(verdict(word)), f": {several}"]
        if 0 < len(names) <= _NAMED:
            parts += [" – ", *_linked(names, titles)]
        yield blocks.Text(parts, source=source)
        if len(names) > _NAMED:
            links, summary = blocks.Text(_linked(names, titles)), f"All {several} that are {word}"
            yield blocks.Details(summary, (links,), source=source, elsewhere=True)


def _linked(names: Sequence[str], titles: Titles) -> list[blocks.Inline]:
    """Titles that lead to their place on the page, or names of what it does not show."""
    return blocks.joined(
        blocks.Link(titles.get(name, name), anchor(name) if name in titles else "")
        for name in names
    )


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
    return f"A migration that has been run somewhere is not rewritten: {joined(passing)}."


def _scripts(recommended: Recommended) -> Iterator[blocks.CodeBlock]:
    """Each piece of SQL to copy."""
    scripts = [
        (migration.name, migration.sql.strip(), at("recommended", "migrations", n))
        for n, migration in enumerate(recommended.migrations)
    ]
    if recommended.statistics:
        sql = "\n".join(line.rstrip("; \n") + ";" for line in recommended.statistics)
        scripts.append(("Statistics, after it", sql, at("recommended", "statistics")))
    for name, sql, source in scripts:
        yield blocks.CodeBlock(blocks.lines(sql.split("\n")), name, source=source, long=True)


def _indexes(recommended: Recommended, titles: Titles) -> blocks.Table:
    rows = []
    for index in sorted(recommended.indexes, key=lambda index: _ACTIONS.index(index.action)):
        pointer = at("recommended", "indexes", recommended.indexes.index(index))
        serves = _linked(index.serves, titles) or "nothing"
        cells: list[blocks.Inlines] = [[blocks.Badge(verdict(index.action))], index.reason, serves]
        rows.append(blocks.Row([blocks.Code(index.name)], cells, f"{pointer} {_TITLES}"))
    return blocks.Table(
        blocks.columns("index", "becomes", "why", "serves"),
        rows,
        "Each index, what becomes of it and why",
        at("recommended", "indexes"),
        "evidence",
    )
