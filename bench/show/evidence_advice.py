"""What to do: recommended.json as flat records, ordered and worded once.

Room show: every word stands in the document; nothing is chosen or judged here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.recommended_words import listed
from bench.report import palette, units
from bench.show.evidence_parts import counted, reading, sentence_case, titled
from bench.show.report import Document, Report
from bench.show.sources import at
from bench.show.view import anchor, arm_label, operations

ACTIONS = ("added", "dropped", "kept")
# Titles with figures in them, such as `Funnel, 7 days`, stand here.
_TITLES = at("comparison", "operations")
VERDICTS = ("slower", "inconclusive", "same", "faster")


@dataclass(frozen=True, slots=True)
class Script:
    """One piece of SQL to copy."""

    name: str
    sql: str
    source: str


@dataclass(frozen=True, slots=True)
class AdvisedView:
    """One index and what becomes of it; `serves` pairs titles with places on the page."""

    name: str
    table: str
    sql: str
    action: str
    reason: str
    serves: tuple[tuple[str, str], ...]
    source: str

    @property
    def shown(self) -> palette.Verdict:
        """The action as word, shape and tone."""
        return palette.verdict(self.action)


@dataclass(frozen=True, slots=True)
class AgainstView:
    """The recommended arm against another: operations by verdict, slower ones first."""

    label: str
    groups: tuple[tuple[palette.Verdict, str, tuple[tuple[str, str], ...]], ...]
    source: str


@dataclass(frozen=True, slots=True)
class AdviceView:
    """The whole document; `passing` tells of indexes that one script makes and another drops."""

    arm: str
    verdict: str
    details: tuple[str, ...]
    scripts: tuple[Script, ...]
    passing: str
    indexes: tuple[AdvisedView, ...]
    against: tuple[AgainstView, ...]
    sizes: tuple[tuple[str, str, str], ...]
    limits: tuple[str, ...]


def advice_view(report: Report) -> AdviceView | None:
    """The recommended migration, None where none was worked out.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.recommended
    if document is None:
        return None
    titles = {o.name: o.title for o in operations(report)}
    with reading("recommended"):
        indexes = [_index(entry, n, titles) for n, entry in enumerate(document["indexes"])]
        return AdviceView(
            arm=arm_label(report, str(document["arm"])),
            verdict=str(document["verdict"]),
            details=tuple(titled(str(line), titles) for line in document.get("details") or ()),
            scripts=_scripts(document),
            passing=_passing(_scripts(document)),
            indexes=tuple(sorted(indexes, key=_rank)),
            against=tuple(
                _against(report, arm, entry, titles) for arm, entry in document["against"].items()
            ),
            sizes=tuple(
                (arm_label(report, arm), units.size(value), at("recommended", "bytes", arm))
                for arm, value in (document.get("bytes") or {}).items()
            ),
            limits=tuple(document.get("limits") or ()),
        )


def _scripts(document: Document) -> tuple[Script, ...]:
    found = [
        Script(
            name=str(entry["name"]),
            sql=str(entry["sql"]).strip(),
            source=at("recommended", "migrations", n),
        )
        for n, entry in enumerate(document["migrations"])
    ]
    statistics = [str(line).rstrip("; \n") + ";" for line in document.get("statistics") or ()]
    if statistics:
        source = at("recommended", "statistics")
        found.append(Script("Statistics, after it", "\n".join(statistics), source))
    return tuple(found)


_MADE = re.compile(r"^\s*CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+)", re.M | re.I)
_DROPPED = re.compile(r"^\s*DROP INDEX (?:IF EXISTS )?(\w+)", re.M | re.I)


def _passing(scripts: Sequence[Script]) -> str:
    """The indexes that a later script drops again, for whom the SQL would look like a mistake."""
    found = [
        f"{name} is created by {first.name} and dropped again by {second.name}"
        for n, first in enumerate(scripts)
        for second in scripts[n + 1 :]
        for name in _MADE.findall(first.sql)
        if name in _DROPPED.findall(second.sql)
    ]
    if not found:
        return ""
    return f"A migration that has been run somewhere is not rewritten: {listed(found)}."


def _rank(index: AdvisedView) -> int:
    return ACTIONS.index(index.action) if index.action in ACTIONS else len(ACTIONS)


def _linked(names: list[str], titles: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Titles with their places on the page, empty for what the page does not show."""
    return tuple(
        (titles.get(name, str(name)), anchor(name) if name in titles else "") for name in names
    )


def _index(entry: Document, n: int, titles: dict[str, str]) -> AdvisedView:
    return AdvisedView(
        name=str(entry["name"]),
        table=str(entry["table"]),
        sql=str(entry.get("sql") or ""),
        action=str(entry["action"]),
        reason=str(entry.get("reason") or ""),
        serves=_linked(entry.get("serves") or [], titles),
        source=f"{at('recommended', 'indexes', n)} {_TITLES}",
    )


def _against(report: Report, arm: str, entry: Document, titles: dict[str, str]) -> AgainstView:
    return AgainstView(
        label=arm_label(report, arm),
        groups=tuple(
            (
                palette.verdict(verdict),
                sentence_case(counted(len(entry.get(verdict) or ()), "operation", "operations")),
                _linked(entry.get(verdict) or [], titles),
            )
            for verdict in VERDICTS
        ),
        source=f"{at('recommended', 'against', arm)} {_TITLES}",
    )
