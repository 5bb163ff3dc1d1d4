"""Why an arm got slower: two query plans and two sets of counters, put into words.

The words follow from the plan's lines alone, so that the same plans always give the same sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.judge.records import Counters

# Names stand in a plan without quotes, whatever spaces they hold.
_ACCESS = re.compile(
    r"^(?P<mode>SEARCH|SCAN) (?P<table>.+?)"
    r"(?: USING (?:"
    r"(?P<rowid>INTEGER PRIMARY KEY)"
    r"|(?P<automatic>AUTOMATIC )?(?:PARTIAL )?(?P<covering>COVERING )?INDEX"
    r"(?: (?P<index>[^(].*?))?"
    r"))?"
    r"(?: \((?P<terms>.*)\))?"
    r"(?: VIRTUAL TABLE INDEX .*| CONSTANT ROWS?| LEFT-JOIN| EXISTS)*$"
)
_SORT = re.compile(r"^USE TEMP B-TREE FOR (?P<purpose>.+)$")
# Steps for each row answered above which an index is said to pick out too much.
_WASTEFUL_STEPS = 1_000
_SAME_STEPS = 0.02


@dataclass(frozen=True, slots=True)
class Access:
    """How a plan reaches one table: one SEARCH or SCAN line of EXPLAIN QUERY PLAN."""

    mode: Literal["search", "scan"]
    table: str
    index: str | None
    covering: bool
    automatic: bool
    rowid: bool
    terms: str

    @property
    def by_index(self) -> str:
        """The index and its terms as the plan writes them."""
        return f"{self.index} ({self.terms})" if self.terms else str(self.index)


@dataclass(frozen=True, slots=True)
class Plan:
    """The lines of a plan that matter: accesses in order, and what is sorted for."""

    accesses: tuple[Access, ...]
    sorts: tuple[str, ...]


def parse_plan(lines: Sequence[str]) -> Plan:
    """Read the detail lines of EXPLAIN QUERY PLAN; lines of other kinds are left out.

    The grammar is that of https://www.sqlite.org/eqp.html. Leading tree
    characters and spaces are allowed.
    """
    accesses: list[Access] = []
    sorts: list[str] = []
    for line in lines:
        text = line.strip().lstrip("|`-+─├└│• ").strip()
        if sort := _SORT.match(text):
            sorts.append(sort["purpose"])
        elif access := _ACCESS.match(text):
            accesses.append(
                Access(
                    mode="search" if access["mode"] == "SEARCH" else "scan",
                    table=access["table"],
                    index=access["index"],
                    covering=access["covering"] is not None,
                    automatic=access["automatic"] is not None,
                    rowid=access["rowid"] is not None,
                    terms=access["terms"] or "",
                )
            )
    return Plan(tuple(accesses), tuple(sorts))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a write must keep up in one table that it need not in the base.

    `indexes` are those that the base lacks; `new` says that the base lacks the table itself,
    `updated` that rows of it are changed and none is added.
    """

    table: str
    indexes: tuple[str, ...]
    new: bool = False
    updated: bool = False


def write_cause(upkeep: Sequence[Upkeep]) -> str | None:
    """Why a write takes longer than in the base; None where it has nothing more to keep up.

    SQLite enters a changed row anew only into indexes that hold a changed column, so
    the indexes of an updated table are named as possible, and only where nothing certain is.
    """
    indexes = [name for one in upkeep if not (one.new or one.updated) for name in one.indexes]
    found = []
    if indexes:
        found.append(f"Each row written is also entered into {_more(indexes)}.")
    for one in upkeep:
        if one.new:
            itself = f", and enters it into {_counted(one.indexes)}" if one.indexes else ""
            found.append(f"It also writes to the table {one.table}, which is new{itself}.")
    if not found:
        found = [
            f"It changes rows of {one.table}, which has {_more(one.indexes)}: a row is entered "
            "anew into those that hold a changed column."
            for one in upkeep
            if one.updated and one.indexes
        ]
    return " ".join(found) or None


def _more(indexes: Sequence[str]) -> str:
    return _counted(indexes, " more")


def _counted(indexes: Sequence[str], more: str = "") -> str:
    many = "indexes" if len(indexes) > 1 else "index"
    return f"{len(indexes)}{more} {many} ({', '.join(indexes)})"


def cause(
    base_plan: Sequence[str],
    arm_plan: Sequence[str],
    base_counters: Counters | None,
    arm_counters: Counters | None,
    *,
    samples: tuple[bool, bool] | None = None,
) -> str:
    """Why the arm takes longer than the base, in one or two sentences.

    `samples` says whether the planner has samples of base's and arm's values; None: unknown.
    Where neither plan, nor steps, nor samples tell a cause, the sentence says so.
    """
    base, arm = parse_plan(base_plan), parse_plan(arm_plan)
    fetching = any(access.index and not access.covering for access in arm.accesses)
    work = _work(base_counters, arm_counters, fetching)
    if base == arm:
        return _same_plan(base_counters, arm_counters, work, samples)
    parts = [_access_change(old, new) for old, new in _changed(base, arm)]
    parts += _sort_change(base, arm)
    found = [part for part in parts if part]
    if not found:
        found = ["the plan visits the tables in another order"]
    text = "; ".join(found)
    wasteful = _wasteful(arm, arm_counters)
    return " ".join(filter(None, [text[0].upper() + text[1:] + ".", wasteful, work]))


def _changed(base: Plan, arm: Plan) -> list[tuple[Access | None, Access]]:
    """Each access of the arm that the base lacks, with the base's way to the same table."""
    left = list(base.accesses)
    changed: list[Access] = []
    for access in arm.accesses:
        if access in left:
            left.remove(access)
        else:
            changed.append(access)
    pairs: list[tuple[Access | None, Access]] = []
    for access in changed:
        old = next((other for other in left if other.table == access.table), None)
        if old is not None:
            left.remove(old)
        pairs.append((old, access))
    return pairs


def _access_change(old: Access | None, new: Access) -> str:
    before = "" if old is None else f" instead of {_way(old)}"
    if new.automatic:
        return f"SQLite builds an index on {new.table} for every execution{before}"
    if new.mode == "scan" and new.index is None:
        return f"the table {new.table} is read from end to end{before}"
    if new.index is None:
        return f"the table {new.table} is searched by its key{before}"
    if new.mode == "scan":
        walk = f"every entry of {new.index} is walked{before}"
        if new.covering:
            return walk
        return f"{walk}, and each entry costs a look-up of its row in {new.table}"
    taken = f"the planner takes {new.by_index}{before}"
    if new.covering:
        return taken
    if old is not None and old.covering:
        return f"{taken}, which no longer covers the query: each entry costs a look-up of its row"
    return f"{taken}, and each entry that matches costs a look-up of its row in {new.table}"


def _way(access: Access) -> str:
    if access.automatic:
        return f"an automatic index on {access.table}"
    if access.index is not None:
        covering = "the covering index " if access.covering else ""
        walk = "searching" if access.mode == "search" else "walking"
        return f"{walk} {covering}{access.by_index}"
    if access.mode == "scan":
        return f"reading {access.table} from end to end"
    return f"searching {access.table} by its key"


def _sort_change(base: Plan, arm: Plan) -> list[str]:
    left = list(base.sorts)
    gained: list[str] = []
    kept: list[str] = []
    for purpose in arm.sorts:
        if purpose in left:
            left.remove(purpose)
            kept.append(purpose)
        else:
            gained.append(purpose)
    parts = [f"rows must now be sorted (USE TEMP B-TREE FOR {purpose})" for purpose in gained]
    parts += [f"what is found is still sorted for {purpose}" for purpose in kept[:1]]
    return parts


def _wasteful(arm: Plan, counters: Counters | None) -> str | None:
    """Says that an index picks out far more than is answered, when the counters show it.

    Only of plans that sort for ORDER BY to answer the first few: what is grouped or
    counted has to be read, however few rows come of it.
    """
    grouped = any("GROUP BY" in purpose or "DISTINCT" in purpose for purpose in arm.sorts)
    if grouped or not any(purpose.endswith("ORDER BY") for purpose in arm.sorts):
        return None
    searched = [
        access for access in arm.accesses if access.mode == "search" and access.index is not None
    ]
    if counters is None or not searched:
        return None
    if counters.vm_steps < _WASTEFUL_STEPS * max(counters.rows, 1):
        return None
    return (
        f"{searched[0].index} leaves too many rows to choose from: {counters.vm_steps:,} steps "
        f"for {counters.rows:,} {'row' if counters.rows == 1 else 'rows'} of answer."
    )


def _work(base: Counters | None, arm: Counters | None, fetching: bool) -> str | None:
    """How the steps changed; `fetching` says that the arm looks rows up one by one."""
    if base is None or arm is None or base.vm_steps <= 0:
        return None
    ratio = arm.vm_steps / base.vm_steps
    if ratio > 1 + _SAME_STEPS:
        return f"SQLite takes {ratio:.3g} times the steps ({arm.vm_steps:,} for {base.vm_steps:,})."
    if ratio < 1 - _SAME_STEPS:
        fewer = f"It takes fewer steps ({arm.vm_steps:,} for {base.vm_steps:,}), but each is dearer"
        return f"{fewer}: rows are fetched one by one." if fetching else f"{fewer}."
    return None


def _same_plan(
    base: Counters | None,
    arm: Counters | None,
    work: str | None,
    samples: tuple[bool, bool] | None,
) -> str:
    if base is None or arm is None:
        return f"The plan is the same.{_planning(samples)}"
    if work is None:
        return f"The plan and the steps are the same.{_planning(samples)}"
    if arm.vm_steps > base.vm_steps:
        return f"The plan is the same, the work is not. {work}"
    return (
        f"The plan is the same and takes fewer steps ({arm.vm_steps:,} for "
        f"{base.vm_steps:,}).{_planning(samples)}"
    )


def _planning(samples: tuple[bool, bool] | None) -> str:
    """What samples of values explain of a time that neither plan nor steps do.

    With rows in sqlite_stat4 SQLite plans a statement anew for the values that are bound to it
    (https://www.sqlite.org/c3ref/prepare.html), and weighs its samples each time.
    """
    if samples == (False, True):
        return (
            " The arms' statistics differ: with samples of values (STAT4) SQLite plans a statement "
            "anew for those that are bound, at each execution, so planning costs more."
        )
    return " That does not tell where the time goes."
