"""The recommended migration in sentences: why an index is kept, added or dropped; the verdict.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.judge.figures import significant
from bench.judge.recommended_records import IndexHeld

Speeds = Mapping[str, float | None]
Verdicts = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Gain:
    """An operation that is faster than in `against`; `speedup` is that arm's time / this one's."""

    operation: str
    speedup: float
    against: str


def kept_reason(index: IndexHeld, ablated: Mapping[str, Any] | None, serves: Sequence[str]) -> str:
    """Why an index of the migration stays."""
    if ablated is not None and ablated["verdict"] in ("pays", "mixed"):
        return f"{sentence_start(ablated['verdict'])}: {ablated['reason']}"
    if serves:
        return f"{listed(serves)} {'goes' if len(serves) == 1 else 'go'} through it."
    return (
        f"No plan of the study goes through {index.name}; it stays because nothing that was "
        "measured speaks for dropping it."
    )


def dropped_reason(
    index: IndexHeld,
    instead: Sequence[IndexHeld],
    ablated: Mapping[str, Any] | None,
    serves: Sequence[str],
) -> str:
    """Why an index goes: what leaving it out showed, and what stands in its place."""
    parts = []
    if ablated is not None and ablated["verdict"] in ("dead weight", "harmful", "mixed"):
        parts.append(f"{sentence_start(ablated['verdict'])}: {ablated['reason']}")
    parts += [f"{one.name} stands in its place: {difference(one, index)}." for one in instead[:1]]
    if not parts and serves:
        parts.append(f"{listed(serves)} went through it, and goes another way now.")
    return " ".join(parts) or f"No plan of the study went through {index.name}."


def added_reason(index: IndexHeld, replaced: Sequence[IndexHeld], best: Gain | None) -> str:
    """Why an index comes: what it replaces, and what it gains."""
    if replaced:
        names = listed([one.name for one in replaced])
        parts = [f"In the place of {names}: {difference(index, replaced[0])}."]
    elif index.only is not None:
        parts = [f"It holds only the rows with {index.only}."]
    else:
        parts = []
    if best is not None:
        parts.append(
            f"Through it {best.operation} is {significant(best.speedup)} times faster than "
            f"{best.against}."
        )
    return " ".join(parts) or "No operation of the study is faster for it."


def difference(new: IndexHeld, old: IndexHeld) -> str:
    """How an index differs from one that it stands in for."""
    more = new.columns[len(old.columns) :]
    lead = new.columns[: len(old.columns)]
    said = []
    if lead != old.columns:
        said.append(f"the same columns with {lead[0]} first")
    if more:
        said.append(f"it goes on with {listed(more)}")
    if new.only is not None and new.only != old.only:
        said.append(f"it holds only the rows with {new.only}")
    return ", and ".join(said) or "the same columns"


def verdict_sentences(
    compared: Mapping[str, tuple[str, Speeds]],
    against: Mapping[str, Verdicts],
    kinds: Mapping[str, str],
    indexes: tuple[int, int],
) -> list[str]:
    """What the arm does: the verdict in one line, then each sentence of what it rests on.

    `compared` are label and speedups by base arm, `against` the operations by base arm and
    verdict, `kinds` each operation's kind, `indexes` those of the arm and of the judged one.
    """
    labels = {base: label for base, (label, _) in compared.items()}
    if not any(names for by_word in against.values() for names in by_word.values()):
        either = " or ".join(labels.values())
        return [f"The arm was not compared with {either}: nothing is decided."]
    slower = {base: against[base]["slower"] for base in compared}
    if not any(slower.values()):
        verdict = f"No operation is slower than {' or '.join(labels.values())}."
    else:
        verdict = " ".join(_of_kind(kind, labels, slower, kinds) for kind in ("read", "write"))
    named = [
        f"Slower than {label}: "
        + listed([f"{name} ({_times(speeds.get(name))})" for name in slower[base]])
        for base, (label, speeds) in compared.items()
        if slower[base]
    ]
    named += [
        f"Undecided against {label}: {listed(list(against[base]['inconclusive']))}"
        for base, label in labels.items()
        if against[base]["inconclusive"]
    ]
    last = list(labels.values())[-1]
    held = f"It holds {indexes[0]} indexes, {last} {indexes[1]}."
    return [verdict, *(f"{sentence}." for sentence in named), held]


def _of_kind(
    kind: str,
    labels: Mapping[str, str],
    slower: Mapping[str, Sequence[str]],
    kinds: Mapping[str, str],
) -> str:
    """Whether reads, or writes, got slower: than which arms, and how many."""
    counts = {base: sum(kinds.get(name) == kind for name in slower[base]) for base in labels}
    free = [labels[base] for base in labels if not counts[base]]
    taxed = [
        f"{count} {'is' if count == 1 else 'are'} slower than {labels[base]}"
        for base, count in counts.items()
        if count
    ]
    if not free:
        return f"Of the {kind}s {listed(taxed)}."
    said = f"No {kind} is slower than {' or '.join(free)}"
    return f"{said}; {listed(taxed)}." if taxed else f"{said}."


def _times(speedup: float | None) -> str:
    return "unknown" if speedup is None else f"{significant(speedup)} times its speed"


def limits(*, measured: bool, ablated: bool) -> list[str]:
    """What the document cannot say."""
    found = [
        "What an index serves is read from the plans of the operations of the study, each with "
        "the parameters of its first draw; other queries of the shop may need it too.",
        "The bytes are pages in use beyond the first arm's: rows that a migration brings and "
        "columns that it drops are in them.",
    ]
    if not measured:
        found.append(
            "There is no comparison: what the arm serves and what got slower is unknown; "
            "measure with `resale-bench run`."
        )
    if not ablated:
        found.append(
            "There is no ablation: the reasons rest on columns and plans alone; measure it with "
            "`resale-bench evidence`."
        )
    return found


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def sentence_start(word: str) -> str:
    """A word with a capital in front."""
    return word[:1].upper() + word[1:]
