"""Why an arm got slower: two query plans and two sets of counters, put into words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from bench.judge.format import counted, sentence_case
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
# What SQLite reckons with for one value of an index's first column where nothing was
# gathered (sqlite3DefaultRowEst of its build.c).
GUESSED_ROWS = 10
_MISESTIMATED = 10
# Planning takes microseconds: samples of values do not explain that an execution loses more.
PLANNING_NS = 1_000_000


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
class WriteCost:
    """What a write must keep up in one table that it need not in the base.

    `indexes` are those that the base lacks; `new` says that the base lacks the table itself,
    `updated` that rows of it are changed and none is added.
    """

    table: str
    indexes: tuple[str, ...]
    new: bool = False
    updated: bool = False


def write_cause(costs: Sequence[WriteCost]) -> str | None:
    """Why a write takes longer than in the base; None where it has nothing more to keep up.

    SQLite enters a changed row anew only into indexes that hold a changed column, so
    the indexes of an updated table are named as possible, and only where nothing certain is.
    """
    certain = [name for cost in costs if not (cost.new or cost.updated) for name in cost.indexes]
    sentences = []
    if certain:
        sentences.append(f"Each row written is also entered into {_named(certain, ' more')}.")
    for table in costs:
        if table.new:
            itself = f", and enters it into {_named(table.indexes)}" if table.indexes else ""
            sentences.append(f"It also writes to the table {table.table}, which is new{itself}.")
    if not sentences:
        sentences = [
            f"It changes rows of {cost.table}, which has {_named(cost.indexes, ' more')}: a row is "
            "entered anew into those that hold a changed column."
            for cost in costs
            if cost.updated and cost.indexes
        ]
    return " ".join(sentences) or None


def _named(indexes: Sequence[str], more: str = "") -> str:
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
    if base == arm:
        return _same_plan(base_counters, arm_counters, arm, samples)
    parts = [_access_change(old, new) for old, new in _changed(base, arm)]
    kept = list((Counter(base.sorts) & Counter(arm.sorts)).elements())
    for purpose in _gained(base.sorts, arm.sorts):
        parts.append(f"rows must now be sorted (USE TEMP B-TREE FOR {purpose})")
    if kept:
        first = next(purpose for purpose in arm.sorts if purpose in kept)
        parts.append(f"what is found is still sorted for {first}")
    text = "; ".join(parts) or "the plan visits the tables in another order"
    work = _work(base_counters, arm_counters, arm)
    return " ".join(filter(None, [sentence_case(text) + ".", _wasteful(arm, arm_counters), work]))


Line = TypeVar("Line", Access, str)


def _gained(base: Sequence[Line], arm: Sequence[Line]) -> list[Line]:
    """What the arm has that the base lacks, or has less often."""
    left = list(base)
    gained = []
    for line in arm:
        if line in left:
            left.remove(line)
        else:
            gained.append(line)
    return gained


def _changed(base: Plan, arm: Plan) -> list[tuple[Access | None, Access]]:
    """Each access of the arm that the base lacks, with the base's way to the same table."""
    left = _gained(arm.accesses, base.accesses)
    pairs: list[tuple[Access | None, Access]] = []
    for access in _gained(base.accesses, arm.accesses):
        old = next((other for other in left if other.table == access.table), None)
        if old is not None:
            left.remove(old)
        pairs.append((old, access))
    return pairs


def _access_change(old: Access | None, new: Access) -> str:
    before = "" if old is None else f" instead of {_access_text(old)}"
    if new.automatic:
        return f"SQLite builds an index on {new.table} for every execution{before}"
    if new.index is None:
        how = "read from end to end" if new.mode == "scan" else "searched by its key"
        return f"the table {new.table} is {how}{before}"
    if new.mode == "scan":
        change, row = f"every entry of {new.index} is walked{before}", "each entry costs"
    else:
        change, row = f"the planner takes {new.by_index}{before}", "each entry that matches costs"
    if new.covering:
        return change
    if new.mode == "search" and old is not None and old.covering:
        return f"{change}, which no longer covers the query: each entry costs a look-up of its row"
    return f"{change}, and {row} a look-up of its row in {new.table}"


def _access_text(access: Access) -> str:
    if access.automatic:
        return f"an automatic index on {access.table}"
    if access.index is not None:
        covering = "the covering index " if access.covering else ""
        walk = "searching" if access.mode == "search" else "walking"
        return f"{walk} {covering}{access.by_index}"
    if access.mode == "scan":
        return f"reading {access.table} from end to end"
    return f"searching {access.table} by its key"


def _wasteful(arm: Plan, counters: Counters | None) -> str | None:
    """Says that an index picks out far more than is answered, when the counters show it.

    Only of plans that sort for ORDER BY to answer the first few: what is grouped or
    counted has to be read, however few rows come of it.
    """
    grouped = any("GROUP BY" in purpose or "DISTINCT" in purpose for purpose in arm.sorts)
    ordered = any(purpose.endswith("ORDER BY") for purpose in arm.sorts)
    searched = [access.index for access in arm.accesses if access.mode == "search" and access.index]
    if grouped or not ordered or counters is None or not searched:
        return None
    if counters.vm_steps < _WASTEFUL_STEPS * max(counters.rows, 1):
        return None
    return (
        f"{searched[0]} leaves too many rows to choose from: {counters.vm_steps:,} steps "
        f"for {counted(counters.rows, 'row')} of answer."
    )


def _work(base: Counters | None, arm: Counters | None, plan: Plan) -> str | None:
    """How the steps changed; None where they did not, or are not known."""
    if base is None or arm is None or base.vm_steps <= 0:
        return None
    ratio = arm.vm_steps / base.vm_steps
    if ratio > 1 + _SAME_STEPS:
        return f"SQLite takes {ratio:.3g} times the steps ({arm.vm_steps:,} for {base.vm_steps:,})."
    if ratio >= 1 - _SAME_STEPS:
        return None
    fewer = f"It takes fewer steps ({arm.vm_steps:,} for {base.vm_steps:,}), but each is dearer"
    fetching = any(access.index and not access.covering for access in plan.accesses)
    return f"{fewer}: rows are fetched one by one." if fetching else f"{fewer}."


def _same_plan(
    base: Counters | None, arm: Counters | None, plan: Plan, samples: tuple[bool, bool] | None
) -> str:
    work = _work(base, arm, plan)
    if base is None or arm is None:
        same = "The plan is the same."
    elif work is None:
        same = "The plan and the steps are the same."
    elif arm.vm_steps > base.vm_steps:
        return f"The plan is the same, the work is not. {work}"
    else:
        steps = f"{arm.vm_steps:,} for {base.vm_steps:,}"
        same = f"The plan is the same and takes fewer steps ({steps})."
    if samples == (False, True):
        # With rows in sqlite_stat4 SQLite plans a statement anew for the values that are bound to
        # it (https://www.sqlite.org/c3ref/prepare.html), and weighs its samples each time.
        return (
            f"{same} The arms' statistics differ: with samples of values (STAT4) SQLite plans a "
            "statement anew for those that are bound, at each execution, so planning costs more."
        )
    return f"{same} That does not tell where the time goes."


def misestimate(
    plan: Sequence[str], estimates: Mapping[str, int], true: Mapping[str, int]
) -> str | None:
    """Say of the first misestimated index of a plan what the planner reckons with and what is so.

    `estimates` is what the statistics say of each index: rows for one value of its first column;
    `true` what a count of all rows gives. Only searches by equality rest on that figure. None
    where no index of the plan is misestimated by a factor of ten.
    """
    for access in parse_plan(plan).accesses:
        index = by_equality(access)
        rows = true.get(index or "")
        if index is None or rows is None:
            continue
        estimate = estimates.get(index, GUESSED_ROWS)
        if rows >= _MISESTIMATED * estimate:
            how = "is told" if index in estimates else "guesses"
            return (
                f"The planner {how} {estimate:,} rows for each value of {index}; on average there "
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
