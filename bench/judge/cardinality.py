"""Indexes that the planner takes for far more selective than they are, in a sentence.

What the statistics tell of an index is held against a count of all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.judge.explain import Access, parse_plan

# What SQLite reckons with for one value of an index's first column where nothing was
# gathered (sqlite3DefaultRowEst of its build.c).
GUESSED_ROWS = 10
_FACTOR = 10


def misjudged(plan: Sequence[str], told: Mapping[str, int], true: Mapping[str, int]) -> str | None:
    """Say of the first misjudged index of a plan what the planner reckons with and what is so.

    `told` is what the statistics say of each index: rows for one value of its first column;
    `true` what a count of all rows gives. Only searches by equality rest on that figure. None
    where no index of the plan is misjudged by a factor of ten.
    """
    for access in parse_plan(plan).accesses:
        index = by_equality(access)
        rows = true.get(index or "")
        if index is None or rows is None:
            continue
        reckoned = told.get(index, GUESSED_ROWS)
        if rows >= _FACTOR * reckoned:
            how = "is told" if index in told else "guesses"
            return (
                f"The planner {how} {reckoned:,} rows for each value of {index}; on average there "
                f"are {rows:,}, since it has few different values."
            )
    return None


def by_equality(access: Access) -> str | None:
    """The index that is searched for one value of its first column; None for any other access."""
    first = access.terms.split(" AND ")[0]
    # Beside an index by its own key nothing is reckoned, and an automatic one is exact.
    if access.mode != "search" or access.automatic or not first.endswith("=?"):
        return None
    return access.index
