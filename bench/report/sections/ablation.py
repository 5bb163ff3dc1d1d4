"""Which index earns it: what each index does to every operation, by leaving it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from bench.report import units
from bench.report.arms import Arms
from bench.report.blocks import (
    Badge,
    Block,
    Bullets,
    Code,
    Column,
    Details,
    Figure,
    Heading,
    Inline,
    Link,
    Row,
    Section,
    Span,
    Table,
    Text,
)
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor
from bench.report.words import counted, number_word, sentence_case, steps_effect
from bench.results.ablation import (
    Ablation,
    Effect,
    EffectWord,
    IndexAblation,
    IndexEffect,
    IndexVerdict,
    OperationAblation,
    PairAblation,
    PairEffect,
)

ORDER: tuple[IndexVerdict, ...] = get_args(IndexVerdict)
_WEIGHT: dict[EffectWord, int] = {"helps": 0, "harms": 1, "masked": 2}
_OPERATIONS = at("ablation", "operations")
_INDEXES = at("ablation", "indexes")


def ablation_section(ablation: Ablation, arms: Arms) -> Section:
    """The section on the indexes, by verdict: what pays stands first."""
    title = "Which index earns it"
    return Section("ablation", title, title, tuple(_blocks(ablation, arms)))


def _blocks(ablation: Ablation, arms: Arms) -> Iterator[Block]:
    yield Text(answer(ablation), "answer", _INDEXES)
    yield Text(
        f"Each index of the arm “{arms.label(ablation.arm)}” was left out in turn, and each was "
        "tried alone. Counters decide and times confirm: an operation that does the same steps "
        "without an index owes it nothing."
    )
    if touched(ablation):
        yield Figure(
            "ablation",
            f"Index by operation: {title(ablation)}. The table below holds the same figures.",
            at("ablation"),
        )
    if sentence := _untouched(ablation):
        yield Text(sentence, "small", _OPERATIONS)
    yield Table(
        (
            *map(Column, ("index", "verdict", "helps", "harms", "a write pays, in VM steps")),
            Column("size", "figure"),
        ),
        tuple(_row(ablation, index, n) for n, index in enumerate(ordered(ablation), 1)),
        "Each index, what it does and what it makes a write pay",
        _INDEXES,
        "evidence",
    )
    if ablation.pairs:
        yield Heading("Left out together")
    for n, pair in enumerate(ablation.pairs):
        yield from _pair(ablation, pair, _source(ablation, ("pairs", n), pair.operations))
    if ablation.limits:
        yield Heading("Limits of the ablation")
        yield Bullets(ablation.limits, at("ablation", "limits"))


def _row(ablation: Ablation, index: IndexAblation, number: int) -> Row:
    cells = cells_of(ablation, index.name)
    titles = {operation.name: operation.title for operation in ablation.operations}
    source = _source(
        ablation,
        ("indexes", ablation.indexes.index(index)),
        [*(operation.name for operation, _ in cells), *index.write_vm_steps],
    )
    writes = [
        f"{titles.get(name, name)} +{units.count(steps)}"
        for name, steps in index.write_vm_steps.items()
    ]
    below: list[Block] = [
        Text(f"On {index.table} ({', '.join(index.columns)}). {index.reason}", "small")
    ]
    if cells:
        of = f"with and without {index.name}"
        below.append(Details("Steps and times", (_steps(ablation, cells),), of))
    return Row(
        [Code(index.name)],
        [
            [Badge(verdict(index.verdict))],
            _named(cells, "helps"),
            _named(cells, "harms"),
            ", ".join(writes) or "no write of this study",
            units.size(index.bytes),
        ],
        source,
        f"index-{number}",
        below,
    )


def _named(cells: Sequence[tuple[OperationAblation, IndexEffect]], word: EffectWord) -> str:
    """The operations with that effect, each with what the loss of the index does to its steps."""
    return ", ".join(
        f"{operation.title} ({steps_effect(cell.steps_ratio)})"
        for operation, cell in cells
        if cell.effect == word
    ) or "nothing"  # fmt: skip


def _steps(ablation: Ablation, cells: Sequence[tuple[OperationAblation, IndexEffect]]) -> Table:
    """What one index does to each operation that it touches, in steps and time."""
    figures = ("all indexes", "without it", "it alone", "none")
    return Table(
        (
            Column("operation"),
            *(Column(name, "figure") for name in figures),
            Column("effect"),
            Column("steps without it", "figure"),
            Column("time", "range"),
        ),
        tuple(
            Row(
                [Link(operation.title, anchor(operation.name))],
                [
                    *(
                        units.count(seen.vm_steps)
                        for seen in (operation.all, cell.without, cell.alone, operation.none)
                    ),
                    [Badge(verdict(cell.effect)), *_unconfirmed(cell)],
                    steps_effect(cell.steps_ratio),
                    ". ".join(filter(None, (time_text(cell), cell.reason))),
                ],
                at("ablation", "operations", ablation.operations.index(operation)),
            )
            for operation, cell in cells
        ),
        "VM steps of one execution, and the time that the index makes the difference of",
        _OPERATIONS,
        "small",
    )


def _pair(ablation: Ablation, pair: PairAblation, source: str) -> Iterator[Block]:
    one, other = pair.indexes
    text = " ".join(filter(None, (pair.why, pair.reason)))
    yield Text([Code(one), " and ", Code(other), f". {text}"], source=source)
    items: list[list[Inline]] = [
        [
            Badge(verdict(found.effect)),
            " ",
            Link(operation.title, anchor(operation.name)),
            f": {steps_effect(found.steps_ratio)} the steps without both; ",
            time_text(found, "them"),
            *_unconfirmed(found),
        ]
        for operation, found in pair_cells(ablation, pair)
    ]
    if items:
        yield Bullets(items, source)


def _unconfirmed(effect: Effect) -> list[Inline]:
    return [" ", Span("(not confirmed by time)", "aside")] if effect.confirmed is False else []


def _source(ablation: Ablation, own: tuple[str, int], operations: Iterable[str]) -> str:
    """Where an entry's figures stand, and those in the titles of the operations it names."""
    places = {operation.name: n for n, operation in enumerate(ablation.operations)}
    named = [places[name] for name in dict.fromkeys(operations) if name in places]
    return " ".join([at("ablation", *own), *(at("ablation", "operations", n) for n in named)])


# ---------------------------------------------------------------- what is shown, in its order


def cells_of(ablation: Ablation, index: str) -> list[tuple[OperationAblation, IndexEffect]]:
    """The operations that an index touches: those that it helps first, by the size of it."""

    def weight(cell: tuple[OperationAblation, IndexEffect]) -> tuple[int, float]:
        ratio = cell[1].steps_ratio or 1.0
        return _WEIGHT[cell[1].effect], -max(ratio, 1 / ratio)

    cells = [(o, o.cells[index]) for o in ablation.operations if index in o.cells]
    return sorted((cell for cell in cells if cell[1].effect in _WEIGHT), key=weight)


def pair_cells(
    ablation: Ablation, pair: PairAblation
) -> list[tuple[OperationAblation, PairEffect]]:
    """The operations that the loss of both indexes touches."""
    known = {operation.name: operation for operation in ablation.operations}
    effects = pair.operations.items()
    return [(known[name], found) for name, found in effects if found.effect in _WEIGHT]


def groups(ablation: Ablation) -> list[tuple[IndexVerdict, list[IndexAblation]]]:
    """Each verdict that there is with its indexes, the largest effect first."""

    def weight(index: IndexAblation) -> float:
        cells = cells_of(ablation, index.name)
        return -max((cell.steps_ratio for _, cell in cells), default=0.0)

    members = {
        word: sorted((i for i in ablation.indexes if i.verdict == word), key=weight)
        for word in ORDER
    }
    return [(word, found) for word, found in members.items() if found]


def ordered(ablation: Ablation) -> list[IndexAblation]:
    """The indexes by verdict."""
    return [index for _, members in groups(ablation) for index in members]


def touched(ablation: Ablation) -> list[OperationAblation]:
    """The operations that any index or pair touches."""
    names = {
        operation.name
        for pair in ablation.pairs
        for operation, _ in pair_cells(ablation, pair)
    }  # fmt: skip
    return [
        operation
        for operation in ablation.operations
        if operation.name in names
        or any(cell.effect in _WEIGHT for cell in operation.cells.values())
    ]


# ---------------------------------------------------------------- words


def title(ablation: Ablation) -> str:
    """What the picture shows, in one sentence without its point."""
    counts = {word: len(members) for word, members in groups(ablation)}
    told = [
        _told(counts.get("dead weight", 0), "earns nothing", "earn nothing"),
        _told(counts.get("harmful", 0), "does more harm than good", "do more harm than good"),
        _told(counts.get("mixed", 0), "helps and harms", "help and harm"),
    ]
    told = [part for part in told if part]
    pays = counts.get("pays", 0)
    if len(told) == 1 and pays:
        told.append(_told(pays, "pays", "pay"))
    whole = f"of {number_word(len(ablation.indexes))} indexes"
    if not told:
        return f"Each {whole} pays" if pays else "No index was put to the test"
    return sentence_case(", ".join([told[0].replace(" ", f" {whole} ", 1), *told[1:]]))


def answer(ablation: Ablation) -> str:
    """Which indexes do not simply pay, by verdict, and how many do; in one sentence."""
    parts = [
        _told(len(members), "pays", "pay")
        if word == "pays"
        else f"{word}: {', '.join(index.name for index in members)}"
        for word, members in reversed(groups(ablation))
    ]
    return sentence_case("; ".join(parts)) + "." if parts else ""


def _told(number: int, one: str, many: str) -> str:
    return f"{number_word(number)} {one if number == 1 else many}" if number else ""


def _untouched(ablation: Ablation) -> str:
    """The operations that no index touches, in one sentence; empty where there are none."""
    moved = touched(ablation)
    still = [operation for operation in ablation.operations if operation not in moved]
    if not still:
        return ""
    named = ", ".join(operation.title for operation in still)
    several = counted(len(still), "operation", "operations")
    return sentence_case(f"{several} do the same whichever index is left out: {named}.")


def by_time(effect: Effect) -> bool:
    """Whether the steps do not go the way of the effect, so that the time tells it."""
    if effect.speedup is None:
        return False
    return (effect.effect == "harms" and effect.steps_ratio >= 1 > effect.speedup) or (
        effect.effect == "helps" and effect.steps_ratio <= 1 < effect.speedup
    )


def time_text(effect: Effect, it: str = "it") -> str:
    """The effect in time, with what the interval decides."""
    if effect.speedup is None or effect.ci95 is None:
        return "not timed"
    low, high = effect.ci95
    if not units.decided(low, high):
        return f"no decided difference ({units.span(low, high)}×)"
    # From the index's side: a query that is slower without it is one that it helps.
    words = units.effect(effect.speedup)
    return f"{words} with {it} ({units.effect_interval(effect.speedup, low, high)})"
