"""What a study's claims need in order to be judged, refused before anything is measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from bench.measure.facts import SCHEMA_FACTS
from bench.study import Study, StudyError
from bench.study.hooks import hooks_of


def require_claimable(
    study: Study, tables: Collection[str], *, facts: Collection[str] = ()
) -> None:
    """Refuse tables that the data has not, facts that nothing measures, growth without sizes.

    `tables` are those of the base arm's data, `facts` what a finished run knows besides.

    Raises:
        StudyError: it names the claim and what to write.
    """
    hooks = hooks_of(study)
    for named_in, table in _tables_named(study):
        if table not in tables:
            raise StudyError(
                f"The study {study.name} names a table {table!r} in {named_in}, which the data has "
                f"not; {_hint(table, tables)}."
            )
    known = {*SCHEMA_FACTS, *hooks.fact_names, *facts}
    for claim in study.claims:
        if claim.fact is not None and claim.fact not in known:
            raise StudyError(
                f"The claim {claim.id} is on a fact {claim.fact!r}, which nothing measures; "
                f"{_hint(claim.fact, known)}."
            )
        if claim.kind == "growth" and hooks.generator is None:
            raise StudyError(
                f"The claim {claim.id} is on growth, but the study {study.name} generates no "
                "data of other sizes; leave the claim out."
            )


def _tables_named(study: Study) -> Iterator[tuple[str, str]]:
    """Where a table is named, and the table."""
    yield from (("`size`", table) for table in study.size)
    for claim in study.claims:
        yield from ((f"`at_rows` of the claim {claim.id}", table) for table in claim.at_rows)
        named_in = f"`crash_at_rows` of the claim {claim.id}"
        yield from ((named_in, table) for table in claim.crash_at_rows)


def _hint(name: str, known: Collection[str]) -> str:
    like = get_close_matches(name, known, 1)
    return f"the nearest is {like[0]!r}" if like else f"there are {', '.join(sorted(known))}"
