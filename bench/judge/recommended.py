"""The recommended migration, judged: what becomes of each index and why, and what got slower.

`bench.analysis.schema` reads the arms' schemas and the migrations' texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.judge.explain import parse_plan
from bench.judge.format import joined, sentence_case, significant
from bench.results.ablation import Ablation, IndexVerdict
from bench.results.comparison import OperationComparison, Pair, Verdict
from bench.results.model import DatasetSummary
from bench.results.recommended import Action, IndexAction, MigrationText, Recommended
from bench.study import Study

ARM = "recommended"
VERDICTS: tuple[Verdict, ...] = ("faster", "same", "slower", "inconclusive")

ByVerdict = Mapping[Verdict, Sequence[str]]
"""Names of operations by verdict."""


@dataclass(frozen=True, slots=True)
class IndexHeld:
    """An index that a CREATE INDEX made, as an arm's schema has it.

    `columns` are in order, an expression as `(expression)`; `only` is the condition of a
    partial index, None for one that holds every row.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    sql: str
    only: str | None = None


@dataclass(frozen=True, slots=True)
class ArmSchema:
    """What one arm's file holds.

    `all_indexes` counts those that SQLite makes for UNIQUE constraints too; `used_bytes` are
    the pages that hold something.
    """

    indexes: tuple[IndexHeld, ...]
    all_indexes: int
    used_bytes: int


def recommended_document(
    study: Study,
    dataset: DatasetSummary,
    operations: Sequence[OperationComparison],
    schemas: Mapping[str, ArmSchema],
    migrations: Sequence[MigrationText],
    ablation: Ablation | None,
    *,
    arm: str = ARM,
) -> Recommended:
    """Judge the arm `arm` against the base and the judged arm.

    `operations` are those of a run's comparison, none without one; `schemas` are those of the
    three arms, `migrations` what `arm` runs after the judged arm's; `ablation` is None where it
    was not measured. Indexes of the base arm are left out unless they are dropped.

    Raises:
        StudyError: the study has no such arm.
        KeyError: a schema that is needed was not given.
    """
    statistics = study.arm(arm).statistics
    evidence = _Evidence(study, arm, operations, schemas, ablation)
    compared = {base: evidence.compared(base) for base in evidence.bases}
    against = {base: _by_verdict(pairs) for base, pairs in compared.items()}
    verdict, *details = verdict_sentences(
        {
            base: (study.arm(base).label, {name: pair.speedup for name, pair in pairs.items()})
            for base, pairs in compared.items()
        },
        against,
        {operation.name: operation.kind for operation in study.operations},
        (schemas[arm].all_indexes, schemas[study.judged].all_indexes),
    )
    return Recommended(
        study=study.name,
        dataset=dataset,
        arm=arm,
        migrations=tuple(migrations),
        statistics=statistics,
        indexes=tuple(_indexes(evidence)),
        against=against,
        bytes={
            name: schemas[name].used_bytes - schemas[study.base].used_bytes
            for name in (*evidence.bases, arm)
        },
        verdict=verdict,
        details=tuple(details),
        limits=tuple(_limits(measured=bool(operations), ablated=ablation is not None)),
    )


def _by_verdict(pairs: Mapping[str, Pair]) -> dict[Verdict, tuple[str, ...]]:
    return {
        verdict: tuple(name for name, pair in pairs.items() if pair.verdict == verdict)
        for verdict in VERDICTS
    }


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a recommendation rests on; `bases` are the arms that it is compared with."""

    study: Study
    arm: str
    operations: Sequence[OperationComparison]
    schemas: Mapping[str, ArmSchema]
    ablation: Ablation | None

    @property
    def bases(self) -> tuple[str, str]:
        return self.study.base, self.study.judged

    def indexes(self, arm: str) -> dict[str, IndexHeld]:
        return {index.name: index for index in self.schemas[arm].indexes}

    def serves(self, name: str, arm: str) -> tuple[str, ...]:
        """The operations whose plan in that arm goes through the index."""
        return tuple(
            operation.name
            for operation in self.operations
            if arm in operation.arms
            and name in [access.index for access in parse_plan(operation.arms[arm].plan).accesses]
        )

    def ablated(self, name: str, *verdicts: IndexVerdict) -> str:
        """What leaving the index out showed, if its verdict is one of these, otherwise nothing."""
        for entry in self.ablation.indexes if self.ablation is not None else ():
            if entry.name == name and entry.verdict in verdicts:
                return f"{sentence_case(entry.verdict)}: {entry.reason}"
        return ""

    def compared(self, base: str) -> dict[str, Pair]:
        """The comparison of each operation with `base`, by operation."""
        return {
            operation.name: pair
            for operation in self.operations
            if (pair := operation.pair(base, self.arm)) is not None
        }


def _indexes(evidence: _Evidence) -> Iterator[IndexAction]:
    """Every index that the migrations have or had, in the order of the schemas: new ones last."""
    base, judged = (evidence.indexes(arm) for arm in evidence.bases)
    now = evidence.indexes(evidence.arm)
    gone = [index for name, index in judged.items() if now.get(name) != index]
    new = [index for name, index in now.items() if judged.get(name) != index]
    for name, index in judged.items():
        if index in gone:
            yield _dropped(
                evidence, index, [candidate for candidate in new if stands_in(candidate, index)]
            )
        elif name not in base:
            yield _kept(evidence, index)
    for index in new:
        yield _added(
            evidence, index, [candidate for candidate in gone if stands_in(index, candidate)]
        )


def _action(index: IndexHeld, action: Action, reason: str, serves: tuple[str, ...]) -> IndexAction:
    return IndexAction(
        name=index.name, table=index.table, sql=index.sql, action=action, reason=reason,
        serves=serves,
    )  # fmt: skip


def stands_in(new: IndexHeld, old: IndexHeld) -> bool:
    """Whether `new` leads to the rows that `old` led to, as far as columns can tell.

    Its columns begin with those of `old`, in any order among themselves. A partial index
    is taken to hold the rows that are asked for; that these are all of them, the plans tell.
    """
    lead = new.columns[: len(old.columns)]
    return new.table == old.table and set(lead) == set(old.columns)


def _kept(evidence: _Evidence, index: IndexHeld) -> IndexAction:
    """An index of the migration that stays."""
    serves = evidence.serves(index.name, evidence.arm)
    reason = evidence.ablated(index.name, "pays", "mixed")
    if not reason and serves:
        reason = f"{joined(serves)} {'goes' if len(serves) == 1 else 'go'} through it."
    unused = (
        f"No plan of the study goes through {index.name}; it stays because nothing that was "
        "measured speaks for dropping it."
    )
    return _action(index, "kept", reason or unused, serves)


def _dropped(evidence: _Evidence, index: IndexHeld, instead: Sequence[IndexHeld]) -> IndexAction:
    """An index that goes: what leaving it out showed, and what comes in its place."""
    serves = evidence.serves(index.name, evidence.study.judged)
    parts = [evidence.ablated(index.name, "dead weight", "harmful", "mixed")]
    parts += [
        f"{successor.name} replaces it: {_difference(successor, index)}."
        for successor in instead[:1]
    ]
    if serves and not any(parts):
        parts.append(f"{joined(serves)} went through it, and goes another way now.")
    reason = " ".join(filter(None, parts)) or f"No plan of the study went through {index.name}."
    return _action(index, "dropped", reason, serves)


def _added(evidence: _Evidence, index: IndexHeld, replaced: Sequence[IndexHeld]) -> IndexAction:
    """An index that comes: what it replaces, and which operation gains most through it."""
    serves = evidence.serves(index.name, evidence.arm)
    parts = []
    if replaced:
        names = joined([predecessor.name for predecessor in replaced])
        parts.append(f"In the place of {names}: {_difference(index, replaced[0])}.")
    elif index.only is not None:
        parts.append(f"It holds only the rows with {index.only}.")
    pairs = evidence.compared(evidence.study.judged)
    gains = [
        (pair.speedup, name)
        for name, pair in pairs.items()
        if name in serves and pair.verdict == "faster" and pair.speedup is not None
    ]
    if gains:
        speedup, operation = max(gains)
        label = evidence.study.arm(evidence.study.judged).label
        parts.append(f"Through it {operation} is {significant(speedup)} times faster than {label}.")
    reason = " ".join(parts) or "No operation of the study is faster for it."
    return _action(index, "added", reason, serves)


def _difference(new: IndexHeld, old: IndexHeld) -> str:
    """How an index differs from one that it replaces."""
    lead, more = new.columns[: len(old.columns)], new.columns[len(old.columns) :]
    parts = []
    if lead != old.columns:
        parts.append(f"the same columns with {lead[0]} first")
    if more:
        parts.append(f"it goes on with {joined(more)}")
    if new.only is not None and new.only != old.only:
        parts.append(f"it holds only the rows with {new.only}")
    return ", and ".join(parts) or "the same columns"


def verdict_sentences(
    compared: Mapping[str, tuple[str, Mapping[str, float | None]]],
    against: Mapping[str, ByVerdict],
    kinds: Mapping[str, str],
    indexes: tuple[int, int],
) -> list[str]:
    """What the arm does: the verdict in one line, then each sentence of what it rests on.

    `compared` are label and speedups by base arm, `against` the operations by base arm and
    verdict, `kinds` each operation's kind, `indexes` those of the arm and of the judged one.
    """
    labels = {base: label for base, (label, _) in compared.items()}
    either = " or ".join(labels.values())
    if not any(names for by_verdict in against.values() for names in by_verdict.values()):
        return [f"The arm was not compared with {either}: nothing is decided."]
    slower = {base: against[base]["slower"] for base in compared}
    verdict = f"No operation is slower than {either}."
    if any(slower.values()):
        verdict = " ".join(_of_kind(kind, labels, slower, kinds) for kind in ("read", "write"))
    details = []
    for base, (label, speedups) in compared.items():
        if slower[base]:
            known = {name: speedups.get(name) for name in slower[base]}
            named = [
                f"{name} ({'unknown' if s is None else f'{significant(s)} times its speed'})"
                for name, s in known.items()
            ]
            details.append(f"Slower than {label}: {joined(named)}.")
    for base, label in labels.items():
        if undecided := against[base]["inconclusive"]:
            details.append(f"Undecided against {label}: {joined(undecided)}.")
    last = list(labels.values())[-1]
    return [verdict, *details, f"It holds {indexes[0]} indexes, {last} {indexes[1]}."]


def _of_kind(
    kind: str,
    labels: Mapping[str, str],
    slower: Mapping[str, Sequence[str]],
    kinds: Mapping[str, str],
) -> str:
    """Whether reads, or writes, got slower: than which arms, and how many."""
    counts = {base: sum(kinds.get(name) == kind for name in slower[base]) for base in labels}
    free = [labels[base] for base in labels if not counts[base]]
    taxed = joined(
        [
            f"{count} {'is' if count == 1 else 'are'} slower than {labels[base]}"
            for base, count in counts.items()
            if count
        ]
    )
    if not free:
        return f"Of the {kind}s {taxed}."
    verdict = f"No {kind} is slower than {' or '.join(free)}"
    return f"{verdict}; {taxed}." if taxed else f"{verdict}."


def _limits(*, measured: bool, ablated: bool) -> Iterator[str]:
    """What the document cannot say."""
    yield (
        "What an index serves is read from the plans of the operations of the study, each with "
        "the parameters of its first draw; other queries of the database may need it too."
    )
    yield (
        "The bytes are pages in use beyond the first arm's: rows that a migration brings and "
        "columns that it drops are in them."
    )
    if not measured:
        yield (
            "There is no comparison: what the arm serves and what got slower is unknown; "
            "measure with `resale-bench run`."
        )
    if not ablated:
        yield (
            "There is no ablation: the reasons rest on columns and plans alone; measure it with "
            "`resale-bench evidence`."
        )
