"""Which index earns it: what each index does to every operation, by leaving it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from bench.report import blocks, units
from bench.report.arms import Arms
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor, counted, number_word, sentence_case, steps_effect
from bench.results import ablation as results

ORDER: tuple[results.IndexVerdict, ...] = get_args(results.IndexVerdict)
_WEIGHT: dict[results.EffectWord, int] = {"helps": 0, "harms": 1, "masked": 2}
_OPERATIONS = at("ablation", "operations")
_INDEXES = at("ablation", "indexes")


Cells = list[tuple[results.OperationAblation, results.IndexEffect]]
Group = tuple[results.IndexVerdict, list[results.IndexAblation]]


@blocks.section("ablation", "Which index earns it")
def ablation_section(ablation: results.Ablation, arms: Arms) -> Iterator[blocks.Block]:
    """The section on the indexes, by verdict: what pays stands first."""
    yield blocks.Text(answer(ablation), "answer", _INDEXES)
    yield blocks.Text(
        f"Each index of the arm “{arms.label(ablation.arm)}” was left out in turn, and each was "
        "tried alone. Counters decide and times confirm: an operation that does the same steps "
        "without an index owes it nothing."
    )
    moved = touched(ablation)
    if moved:
        yield blocks.Figure(
            "ablation",
            f"Index by operation: {title(ablation)}. The table below holds the same figures.",
            at("ablation"),
        )
    still = [operation.title for operation in ablation.operations if operation not in moved]
    if still:
        several = sentence_case(counted(len(still), "operation does", "operations do"))
        same = f"{several} the same whichever index is left out: {', '.join(still)}."
        yield blocks.Text(same, "small", _OPERATIONS)
    heads = ("index", "verdict", "helps", "harms", "a write pays, in VM steps")
    yield blocks.Table(
        blocks.columns(*heads, figures=("size",)),
        [_row(ablation, index, n) for n, index in enumerate(ordered(ablation), 1)],
        "Each index, what it does and what it makes a write pay",
        _INDEXES,
        "evidence",
    )
    if ablation.pairs:
        yield blocks.Heading("Left out together")
    for n, pair in enumerate(ablation.pairs):
        yield from _pair(ablation, pair, _source(ablation, ("pairs", n), pair.operations))
    yield from blocks.limits("Limits of the ablation", ablation.limits, at("ablation", "limits"))


def _row(ablation: results.Ablation, index: results.IndexAblation, number: int) -> blocks.Row:
    cells = cells_of(ablation, index.name)
    titles = {operation.name: operation.title for operation in ablation.operations}
    named = [*(operation.name for operation, _ in cells), *index.write_vm_steps]
    source = _source(ablation, ("indexes", ablation.indexes.index(index)), named)
    writes = [
        f"{titles.get(name, name)} +{units.count(steps)}"
        for name, steps in index.write_vm_steps.items()
    ]
    below: list[blocks.Block] = [
        blocks.Text(f"On {index.table} ({', '.join(index.columns)}). {index.reason}", "small")
    ]
    if cells:
        of = f"with and without {index.name}"
        below.append(blocks.Details("Steps and times", (_steps(ablation, cells),), of))
    return blocks.Row(
        [blocks.Code(index.name)],
        [
            [blocks.Badge(verdict(index.verdict))],
            _named(cells, "helps"),
            _named(cells, "harms"),
            ", ".join(writes) or "no write of this study",
            units.size(index.bytes),
        ],
        source,
        f"index-{number}",
        below,
    )


def _named(cells: Cells, word: results.EffectWord) -> str:
    """The operations with that effect, each with what the loss of the index does to its steps."""
    named = [f"{o.title} ({steps_effect(c.steps_ratio)})" for o, c in cells if c.effect == word]
    return ", ".join(named) or "nothing"


def _steps(ablation: results.Ablation, cells: Cells) -> blocks.Table:
    """What one index does to each operation that it touches, in steps and time."""

    def row(operation: results.OperationAblation, cell: results.IndexEffect) -> blocks.Row:
        observations = (operation.all, cell.without, cell.alone, operation.none)
        cells: list[blocks.Inlines] = [
            *(units.count(seen.vm_steps) for seen in observations),
            [blocks.Badge(verdict(cell.effect)), *_unconfirmed(cell)],
            steps_effect(cell.steps_ratio),
            ". ".join(filter(None, (time_text(cell), cell.reason))),
        ]
        source = at("ablation", "operations", ablation.operations.index(operation))
        return blocks.Row([blocks.Link(operation.title, anchor(operation.name))], cells, source)

    return blocks.Table(
        blocks.columns("operation", figures=("all indexes", "without it", "it alone", "none"))
        + blocks.columns("effect", figures=("steps without it",), ranges=("time",)),
        [row(*cell) for cell in cells],
        "VM steps of one execution, and the time that the index makes the difference of",
        _OPERATIONS,
        "small",
    )


def _pair(
    ablation: results.Ablation, pair: results.PairAblation, source: str
) -> Iterator[blocks.Block]:
    first, second = map(blocks.Code, pair.indexes)
    text = " ".join(filter(None, (pair.why, pair.reason)))
    yield blocks.Text([first, " and ", second, f". {text}"], source=source)
    items: list[list[blocks.Inline]] = []
    for operation, effect in pair_cells(ablation, pair):
        badge, link = verdict(effect.effect), blocks.Link(operation.title, anchor(operation.name))
        steps = f": {steps_effect(effect.steps_ratio)} the steps without both; "
        time = time_text(effect, "them")
        items.append([blocks.Badge(badge), " ", link, steps, time, *_unconfirmed(effect)])
    if items:
        yield blocks.Bullets(items, source)


def _unconfirmed(effect: results.Effect) -> list[blocks.Inline]:
    if effect.confirmed is not False:
        return []
    return [" ", blocks.Span("(not confirmed by time)", "aside")]


def _source(ablation: results.Ablation, pointer: tuple[str, int], operations: Iterable[str]) -> str:
    """Where an entry's figures stand, and those in the titles of the operations it names."""
    places = {operation.name: n for n, operation in enumerate(ablation.operations)}
    named = [places[name] for name in dict.fromkeys(operations) if name in places]
    return " ".join([at("ablation", *pointer), *(at("ablation", "operations", n) for n in named)])


def cells_of(ablation: results.Ablation, index: str) -> Cells:
    """The operations that an index touches: those that it helps first, by the size of it."""

    def weight(cell: tuple[results.OperationAblation, results.IndexEffect]) -> tuple[int, float]:
        ratio = cell[1].steps_ratio or 1.0
        return _WEIGHT[cell[1].effect], -max(ratio, 1 / ratio)

    cells = [(o, o.cells[index]) for o in ablation.operations if index in o.cells]
    return sorted((cell for cell in cells if cell[1].effect in _WEIGHT), key=weight)


def pair_cells(
    ablation: results.Ablation, pair: results.PairAblation
) -> list[tuple[results.OperationAblation, results.PairEffect]]:
    """The operations that the loss of both indexes touches."""
    known = {operation.name: operation for operation in ablation.operations}
    effects = pair.operations.items()
    return [(known[name], effect) for name, effect in effects if effect.effect in _WEIGHT]


def groups(ablation: results.Ablation) -> list[Group]:
    """Each verdict that there is with its indexes, the largest effect first."""

    def weight(index: results.IndexAblation) -> float:
        cells = cells_of(ablation, index.name)
        return -max((cell.steps_ratio for _, cell in cells), default=0.0)

    indexes = sorted(ablation.indexes, key=weight)
    members = [(word, [i for i in indexes if i.verdict == word]) for word in ORDER]
    return [group for group in members if group[1]]


def ordered(ablation: results.Ablation) -> list[results.IndexAblation]:
    """The indexes by verdict."""
    return [index for _, members in groups(ablation) for index in members]


def touched(ablation: results.Ablation) -> list[results.OperationAblation]:
    """The operations that any index or pair touches."""
    names = {o.name for pair in ablation.pairs for o, _ in pair_cells(ablation, pair)}
    return [
        operation
        for operation in ablation.operations
        if operation.name in names
        or any(cell.effect in _WEIGHT for cell in operation.cells.values())
    ]


def title(ablation: results.Ablation) -> str:
    """What the picture shows, in one sentence without its point."""
    counts = {word: len(members) for word, members in groups(ablation)}
    total = len(ablation.indexes)
    verbs = {
        "dead weight": ("earns nothing", "earn nothing"),
        "harmful": ("does more harm than good", "do more harm than good"),
        "mixed": ("helps and harms", "help and harm"),
        "pays": ("pays", "pay"),
    }
    counts_shown = [(counts[word], *verbs[word]) for word in verbs if word in counts]
    if len(counts_shown) > 2:
        # How many pay is what is left of all.
        counts_shown = [entry for entry in counts_shown if entry[1] != "pays"]
    if not counts_shown:
        return "No index was put to the test"
    if total == 1:
        return f"The one index {counts_shown[0][1]}"
    if counts.get("pays") == total:
        return f"Each of {number_word(total)} indexes pays"
    parts = [counted(*entry) for entry in counts_shown]
    of_all = f" of {number_word(total)} indexes "
    return sentence_case(", ".join([parts[0].replace(" ", of_all, 1), *parts[1:]]))


def answer(ablation: results.Ablation) -> str:
    """Which indexes do not simply pay, by verdict, and how many do; in one sentence."""
    parts = [
        counted(len(members), "pays", "pay")
        if word == "pays"
        else f"{word}: {', '.join(index.name for index in members)}"
        for word, members in reversed(groups(ablation))
    ]
    return sentence_case("; ".join(parts)) + "." if parts else ""


def by_time(effect: results.Effect) -> bool:
    """Whether the steps do not go the way of the effect, so that the time tells it."""
    if effect.speedup is None:
        return False
    return (effect.effect == "harms" and effect.steps_ratio >= 1 > effect.speedup) or (
        effect.effect == "helps" and effect.steps_ratio <= 1 < effect.speedup
    )


def time_text(effect: results.Effect, it: str = "it") -> str:
    """The effect in time, with what the interval decides."""
    if effect.speedup is None or effect.ci95 is None:
        return "not timed"
    low, high = effect.ci95
    if not units.decided(low, high):
        return f"no decided difference ({units.span(low, high)}×)"
    # From the index's side: a query that is slower without it is one that it helps.
    words = units.effect(effect.speedup)
    return f"{words} with {it} ({units.effect_interval(effect.speedup, low, high)})"
