"""Which index earns it: ablation.json as flat records, ordered and worded once.

Room show: every figure stands in the document; nothing is measured or judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.report import palette, units
from bench.show.evidence_cell import CellView
from bench.show.evidence_parts import (
    counted,
    number_word,
    range_of,
    reading,
    sentence_case,
    titles_of,
)
from bench.show.report import Document, Report
from bench.show.sources import at

ORDER = ("pays", "mixed", "harmful", "dead weight", "untested")
# Of an index that nothing moved for, and of one whose twin hides what it does.
TOUCHES = ("helps", "harms", "masked")


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One index, its verdict and what it touches, the largest effect first."""

    name: str
    table: str
    columns: tuple[str, ...]
    verdict: str
    reason: str
    helps: tuple[str, ...]
    harms: tuple[str, ...]
    write_vm_steps: tuple[tuple[str, float], ...]
    size_bytes: float | None
    cells: tuple[CellView, ...]
    source: str

    @property
    def shown(self) -> palette.Verdict:
        """The verdict as word, shape and tone."""
        return palette.verdict(self.verdict)

    @property
    def on(self) -> str:
        """What it is an index on."""
        return f"{self.table} ({', '.join(self.columns)})"

    @property
    def writes_text(self) -> str:
        """What each write that touches it pays, in VM steps."""
        parts = [f"{title} +{units.count(steps)}" for title, steps in self.write_vm_steps]
        return ", ".join(parts) or "no write of this study"


@dataclass(frozen=True, slots=True)
class PairView:
    """Two indexes that stand in for each other, both left out."""

    indexes: tuple[str, ...]
    why: str
    reason: str
    cells: tuple[CellView, ...]
    source: str


@dataclass(frozen=True, slots=True)
class AblationView:
    """The whole document; `touched` are the operations that any index or pair touches."""

    arm: str
    indexes: tuple[ColumnView, ...]
    pairs: tuple[PairView, ...]
    titles: Mapping[str, str]
    touched: tuple[str, ...]
    untouched: tuple[str, ...]
    limits: tuple[str, ...]

    def of(self, verdict: str) -> tuple[ColumnView, ...]:
        """The indexes of that verdict."""
        return tuple(index for index in self.indexes if index.verdict == verdict)

    @property
    def groups(self) -> tuple[tuple[str, tuple[ColumnView, ...]], ...]:
        """Verdicts in their order with their indexes; those without one are left out."""
        known = [*ORDER, *dict.fromkeys(i.verdict for i in self.indexes if i.verdict not in ORDER)]
        return tuple((verdict, self.of(verdict)) for verdict in known if self.of(verdict))

    @property
    def title(self) -> str:
        """What the picture shows, in one sentence without its point."""
        parts = [
            _told(len(self.of("dead weight")), "earns nothing", "earn nothing"),
            _told(len(self.of("harmful")), "does more harm than good", "do more harm than good"),
            _told(len(self.of("mixed")), "helps and harms", "help and harm"),
        ]
        told = [part for part in parts if part]
        if len(told) == 1 and self.of("pays"):
            told.append(_told(len(self.of("pays")), "pays", "pay"))
        whole = f"of {number_word(len(self.indexes))} indexes"
        if not told:
            return f"Each {whole} pays" if self.of("pays") else "No index was put to the test"
        return sentence_case(", ".join([told[0].replace(" ", f" {whole} ", 1), *told[1:]]))

    @property
    def answer(self) -> str:
        """Which indexes do not simply pay, by verdict, and how many do; in one sentence."""
        parts = [
            f"{verdict}: {', '.join(index.name for index in members)}"
            for verdict, members in reversed(self.groups)
            if verdict != "pays"
        ]
        if self.of("pays"):
            parts.append(_told(len(self.of("pays")), "pays", "pay"))
        return sentence_case("; ".join(parts)) + "." if parts else ""

    @property
    def untouched_text(self) -> str:
        """The operations that no index touches, in one sentence; empty where there are none."""
        if not self.untouched:
            return ""
        named = ", ".join(self.titles[name] for name in self.untouched)
        several = counted(len(self.untouched), "operation", "operations")
        return sentence_case(f"{several} do the same whichever index is left out: {named}.")

    @property
    def by_time(self) -> bool:
        """Whether an effect is told by its time."""
        return any(cell.by_time for index in self.indexes for cell in index.cells)

    @property
    def masked(self) -> bool:
        """Whether another index hides what one of them does."""
        return any(cell.effect == "masked" for index in self.indexes for cell in index.cells)


def _told(number: int, one: str, many: str) -> str:
    return f"{number_word(number)} {one if number == 1 else many}" if number else ""


def ablation_view(report: Report) -> AblationView | None:
    """The ablation, None where it was not made.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.ablation
    if document is None:
        return None
    with reading("ablation"):
        titles = titles_of(document["operations"])
        indexes = [
            _index(document, entry, n, titles) for n, entry in enumerate(document["indexes"])
        ]
        pairs = tuple(
            _pair(document, entry, n, titles) for n, entry in enumerate(document.get("pairs") or ())
        )
        told = [cell for index in indexes for cell in index.cells]
        told += [cell for pair in pairs for cell in pair.cells]
        touched = tuple(name for name in titles if any(c.operation == name for c in told))
        return AblationView(
            arm=str(document["arm"]),
            indexes=tuple(sorted(indexes, key=_rank)),
            pairs=pairs,
            titles=titles,
            touched=touched,
            untouched=tuple(name for name in titles if name not in touched),
            limits=tuple(document.get("limits") or ()),
        )


def _rank(index: ColumnView) -> tuple[int, float]:
    place = ORDER.index(index.verdict) if index.verdict in ORDER else len(ORDER)
    return place, -max((cell.steps_ratio or 0 for cell in index.cells), default=0)


def _index(document: Document, entry: Document, n: int, titles: Mapping[str, str]) -> ColumnView:
    name = str(entry["name"])
    cells = [
        _cell(operation, operation["cells"][name], at("ablation", "operations", m))
        for m, operation in enumerate(document["operations"])
        if (operation["cells"].get(name) or {}).get("effect") in TOUCHES
    ]
    told = [*(cell.operation for cell in cells), *entry["helps"], *entry["harms"]]
    return ColumnView(
        name=name,
        table=str(entry["table"]),
        columns=tuple(map(str, entry["columns"])),
        verdict=str(entry["verdict"]),
        reason=str(entry.get("reason") or ""),
        helps=tuple(titles.get(op, str(op)) for op in entry["helps"]),
        harms=tuple(titles.get(op, str(op)) for op in entry["harms"]),
        write_vm_steps=tuple(
            (titles.get(op, str(op)), float(steps))
            for op, steps in (entry.get("write_vm_steps") or {}).items()
            if steps
        ),
        size_bytes=entry.get("bytes"),
        cells=tuple(sorted(cells, key=_weight)),
        source=_source(document, ("indexes", n), [*told, *(entry.get("write_vm_steps") or {})]),
    )


def _source(document: Document, own: tuple[str, int], operations: Iterable[str]) -> str:
    """Where an entry's figures stand, and those in the titles of the operations it names."""
    places = {str(entry["name"]): n for n, entry in enumerate(document["operations"])}
    named = [places[name] for name in dict.fromkeys(operations) if name in places]
    return " ".join([at("ablation", *own), *(at("ablation", "operations", n) for n in named)])


def _weight(cell: CellView) -> tuple[int, float]:
    ratio = cell.steps_ratio or 1.0
    return TOUCHES.index(cell.effect), -max(ratio, 1 / ratio)


def _cell(operation: Document, entry: Document, source: str) -> CellView:
    seen = (operation["all"], entry["without"], entry.get("alone"), operation.get("none"))
    return CellView(
        operation=str(operation["name"]),
        title=str(operation.get("title") or operation["name"]),
        effect=str(entry["effect"]),
        steps_ratio=entry.get("steps_ratio"),
        speedup=entry.get("speedup"),
        ci95=range_of(entry.get("ci95")),
        confirmed=entry.get("confirmed"),
        reason=str(entry.get("reason") or ""),
        steps=tuple(one["vm_steps"] if one else None for one in seen),
        source=source,
    )


def _pair(document: Document, entry: Document, n: int, titles: Mapping[str, str]) -> PairView:
    known = {operation["name"]: operation for operation in document["operations"]}
    cells = [
        CellView(
            operation=str(name),
            title=titles.get(name, str(name)),
            effect=str(cell["effect"]),
            steps_ratio=cell.get("steps_ratio"),
            speedup=cell.get("speedup"),
            ci95=range_of(cell.get("ci95")),
            confirmed=None,
            reason="",
            steps=(known[name]["all"]["vm_steps"], cell["without_both"]["vm_steps"]),
            source=at("ablation", "pairs", n, "operations", str(name)),
            it="them",
        )
        for name, cell in entry["operations"].items()
        if cell["effect"] in TOUCHES
    ]
    return PairView(
        indexes=tuple(map(str, entry["indexes"])),
        why=str(entry.get("why") or ""),
        reason=str(entry.get("reason") or ""),
        cells=tuple(cells),
        source=_source(document, ("pairs", n), entry["operations"]),
    )
