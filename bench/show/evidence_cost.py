"""What it costs: cost.json (and migration.json) as rows and cells for every format.

Room show: every figure stands in a document; nothing is measured or judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.report import palette, units
from bench.show import facts, view
from bench.show.evidence_parts import range_of, reading
from bench.show.report import Document, Report
from bench.show.sources import at, title
from bench.show.view import IndexView, arm_label, arm_names


@dataclass(frozen=True, slots=True)
class CostRow:
    """A row of a table: its head, its cells as text, where its figures stand.

    `verdict` is that of the row's index or comparison, None where it has none.
    """

    head: str
    cells: tuple[str, ...]
    source: str
    verdict: palette.Verdict | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CostView:
    """The part on cost; what cost.json holds is empty where it was not made.

    `arms` are the labels that `writes` and `reads` have a column for.
    """

    migrations: tuple[CostRow, ...]
    indexes: tuple[CostRow, ...]
    in_all: tuple[CostRow, ...]
    writes: tuple[CostRow, ...]
    reads: tuple[CostRow, ...]
    bill: tuple[CostRow, ...]
    break_even: tuple[CostRow, ...]
    traffic: tuple[CostRow, ...]
    traffic_source: str
    prices: str
    arms: tuple[str, ...]
    limits: tuple[str, ...]
    measured: bool

    @property
    def index_headers(self) -> tuple[str, ...]:
        """What the cells of `indexes` are."""
        return INDEX_HEADERS if self.measured else INDEX_HEADERS[:3]

    @property
    def bill_line(self) -> str:
        """What a month costs on each arm, in one sentence; empty without a bill."""
        told = ", ".join(f"{row.cells[-1]} {row.head}" for row in self.bill)
        return f"A month costs {told}." if told else ""


MIGRATION_HEADERS = ("migration", "statistics", "file before", "file after")
INDEX_HEADERS = ("first built in", "build time", "size", "log", "rows written", "to build")
IN_ALL_HEADERS = ("indexes", "build time", "size", "log")
BREAK_EVEN_HEADERS = (
    "helps most", "rows read saved", "taxes most", "rows written", "reads needed a write",
)  # fmt: skip
BILL_HEADERS = (
    "rows read", "rows written", "stored, GB", "for reads", "for writes", "for storage", "a month",
)  # fmt: skip


def cost_view(report: Report) -> CostView:
    """The part on cost; a run without cost.json still has its migrations.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.cost
    migrations = _migrations(report)
    if document is None:
        return CostView(
            migrations=migrations, indexes=_built_rows(report), in_all=(), writes=(), reads=(),
            bill=(), break_even=(), traffic=(), traffic_source="", prices="", arms=(), limits=(),
            measured=False,
        )  # fmt: skip
    with reading("cost"):
        arms = _arms(report, document)
        return CostView(
            migrations=migrations,
            indexes=_index_rows(report, document),
            in_all=tuple(
                _in_all(report, arm, entry)
                for arm, entry in document["in_all"].items()
                if entry.get("indexes")
            ),
            writes=tuple(
                _write(report, arms, entry, n) for n, entry in enumerate(document["writes"])
            ),
            reads=tuple(_read(arms, entry, n) for n, entry in enumerate(document["reads"])),
            bill=tuple(_bill(report, arm, entry) for arm, entry in document["bill"].items()),
            break_even=_break_even(report, document),
            traffic=_traffic(report, document["traffic"]),
            traffic_source=str(document["traffic"].get("source") or ""),
            prices=str(document["prices"].get("source") or ""),
            arms=tuple(arm_label(report, arm) for arm in arms),
            limits=tuple(document.get("limits") or ()),
            measured=True,
        )  # fmt: skip


def built(report: Report) -> tuple[IndexView, ...]:
    """Every index with its price: from cost.json, else as migration.json timed it.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.cost
    if document is None:
        return view.indexes(report)
    order = {name: n for n, name in enumerate(arm_names(report))}
    with reading("cost"):
        found = [
            IndexView(
                name=str(entry["name"]),
                arm=str(entry["arm"]),
                arm_label=arm_label(report, str(entry["arm"])),
                sql="",
                duration_ns=entry["build_ns"],
                size_bytes=entry.get("bytes"),
            )
            for entry in document["indexes"]
        ]
    return tuple(sorted(found, key=lambda i: (order.get(i.arm, len(order)), -i.duration_ns)))


def verdicts(report: Report) -> Mapping[str, palette.Verdict]:
    """The ablation's verdict of each index by name; empty where there was no ablation."""
    indexes = () if report.ablation is None else report.ablation.indexes
    return {index.name: palette.verdict(index.verdict) for index in indexes}


def index_source(report: Report) -> str:
    """Where the figures of the indexes stand."""
    return at("cost", "indexes") if report.cost is not None else at("migration", "arms")


def _migrations(report: Report) -> tuple[CostRow, ...]:
    places = [n for n, arm in enumerate(report.migration["arms"]) if arm["arm"] != report.base]
    return tuple(
        CostRow(label, tuple(cells), at("migration", "arms", n))
        for n, (label, *cells) in zip(places, facts.migration_rows(report), strict=True)
    )


def _built_rows(report: Report) -> tuple[CostRow, ...]:
    shown = verdicts(report)
    places = {arm["arm"]: n for n, arm in enumerate(report.migration["arms"])}
    return tuple(
        CostRow(
            index.name,
            (index.arm_label, units.duration(index.duration_ns), units.size(index.size_bytes)),
            at("migration", "arms", places[index.arm], "statements"),
            shown.get(index.name),
            index.sql,
        )
        for index in view.indexes(report)
    )


def _index_rows(report: Report, document: Document) -> tuple[CostRow, ...]:
    shown = verdicts(report)
    places = {(str(e["name"]), str(e["arm"])): n for n, e in enumerate(document["indexes"])}
    rows = []
    for index in built(report):
        n = places[index.name, index.arm]
        entry = document["indexes"][n]
        cells = (
            index.arm_label,
            units.duration(index.duration_ns),
            units.size(index.size_bytes),
            units.size(entry.get("wal_bytes")),
            units.count(entry.get("rows_written")),
            units.dollars(entry.get("dollars_to_build")),
        )
        rows.append(CostRow(index.name, cells, at("cost", "indexes", n), shown.get(index.name)))
    return tuple(rows)


def _in_all(report: Report, arm: str, entry: Document) -> CostRow:
    cells = (
        units.count(entry.get("indexes")),
        units.duration(entry.get("build_ns")),
        units.size(entry.get("bytes")),
        units.size(entry.get("wal_bytes")),
    )
    return CostRow(arm_label(report, arm), cells, at("cost", "in_all", arm))


def _arms(report: Report, document: Document) -> tuple[str, ...]:
    """The arms that writes or reads were counted on, in the study's order."""
    counted = {arm for kind in ("writes", "reads") for e in document[kind] for arm in e["arms"]}
    known = [arm for arm in arm_names(report) if arm in counted]
    return (*known, *sorted(counted - set(known)))


def _write(report: Report, arms: tuple[str, ...], entry: Document, n: int) -> CostRow:
    pair = next(
        (c for c in entry.get("comparisons") or ()
         if (c["base"], c["arm"]) == (report.base, report.judged)), None
    )  # fmt: skip
    return CostRow(
        str(entry.get("title") or entry["name"]),
        (*(_written(entry["arms"].get(arm)) for arm in arms), _effect(pair)),
        at("cost", "writes", n),
        palette.verdict(pair["verdict"]) if pair else None,
    )


def _written(seen: Document | None) -> str:
    if not seen:
        return units.DASH
    rows = seen.get("rows_written")
    told = f", {units.count(rows)} row{'' if rows == 1 else 's'}" if rows is not None else ""
    return f"{units.duration(seen.get('median_ns'))}{told}"


def _effect(pair: Document | None) -> str:
    if pair is None or pair.get("speedup") is None:
        return ""
    low, high = range_of(pair.get("ci95")) or (None, None)
    decided = pair["verdict"] in ("faster", "slower")
    words = units.effect(pair["speedup"]) if decided else str(pair["verdict"])
    if low is None or high is None:
        return words
    told = units.effect_interval(pair["speedup"], low, high) if decided else (
        f"{units.span(low, high)}×"
    )  # fmt: skip
    return f"{words} ({told})"


def _read(arms: tuple[str, ...], entry: Document, n: int) -> CostRow:
    cells = tuple(units.count((entry["arms"].get(arm) or {}).get("rows_read")) for arm in arms)
    head = str(entry.get("title") or entry["name"])
    return CostRow(head, cells, at("cost", "reads", n))


def _bill(report: Report, arm: str, entry: Document) -> CostRow:
    stored = entry.get("stored_gb")
    cells = (
        units.count(entry.get("rows_read_per_month")),
        units.count(entry.get("rows_written_per_month")),
        units.DASH if stored is None else units.significant(stored),
        units.dollars(entry.get("reads_dollars")),
        units.dollars(entry.get("writes_dollars")),
        units.dollars(entry.get("storage_dollars")),
        units.dollars(entry["dollars"]),
    )
    return CostRow(arm_label(report, arm), cells, at("cost", "bill", arm))


def _break_even(report: Report, document: Document) -> tuple[CostRow, ...]:
    shown = verdicts(report)
    titles = {o.name: o.title for o in view.operations(report)}
    rows = []
    for n, entry in enumerate(document["break_even"]):
        read, write = entry["operation"], entry["write"]
        cells = (
            "none" if read is None else titles.get(read, str(read)),
            units.DASH if read is None else units.count(entry["rows_read_saved"]),
            "none" if write is None else titles.get(write, str(write)),
            units.DASH if write is None else units.count(entry["rows_written_more"]),
            _needed(entry),
        )
        # Titles with figures in them, such as `Track 10 events`, stand in the comparison.
        source = " ".join(
            part
            for part in (
                at("cost", "break_even", n),
                *(title(report, name) for name in (read, write) if name is not None),
            )
            if part
        )
        rows.append(CostRow(str(entry["index"]), cells, source, shown.get(str(entry["index"]))))
    return tuple(rows)


def _needed(entry: Document) -> str:
    """How many of the read have to be asked for each of the write, so that the index pays."""
    if entry["operation"] is None:
        return units.DASH
    ratio = entry["reads_for_each_write"]
    return "never enough" if ratio is None else units.significant(ratio)


def _traffic(report: Report, traffic: Document) -> tuple[CostRow, ...]:
    known = {o.name: o.title for o in view.operations(report)}
    return tuple(
        CostRow(
            known.get(name, str(name)),
            (units.count(requests),),
            f"{at('cost', 'traffic', 'requests_per_month', name)} {title(report, name)}".rstrip(),
        )
        for name, requests in traffic["requests_per_month"].items()
    )
