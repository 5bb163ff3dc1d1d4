"""What a database is charged for on D1: the bill of a month, and when an index pays for itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bench.judge.cost_records import CostRecord
from bench.judge.format import significant
from bench.results.ablation import Ablation
from bench.results.comparison import OperationComparison
from bench.results.cost import Bill, BreakEven, MonthlyTraffic, Prices
from bench.study import Study

# Workers Paid.
PRICES = Prices(
    dollars_per_million_rows_read=0.001,
    rows_read_included=25_000_000_000,
    dollars_per_million_rows_written=1.0,
    rows_written_included=50_000_000,
    dollars_per_gb_month=0.75,
    gb_included=5.0,
    source="https://developers.cloudflare.com/d1/platform/pricing/",
)


def reads_dollars(rows: float) -> float:
    """Price the rows read in a month, in dollars."""
    beyond = max(0.0, rows - PRICES.rows_read_included)
    return beyond / 1e6 * PRICES.dollars_per_million_rows_read


def writes_dollars(rows: float) -> float:
    """Price the rows written in a month, in dollars."""
    beyond = max(0.0, rows - PRICES.rows_written_included)
    return beyond / 1e6 * PRICES.dollars_per_million_rows_written


def storage_dollars(gigabytes: float) -> float:
    """Price what is stored for a month, in dollars; 1 GB is 1e9 bytes."""
    return max(0.0, gigabytes - PRICES.gb_included) * PRICES.dollars_per_gb_month


def bills(
    study: Study, record: CostRecord, traffic: MonthlyTraffic
) -> tuple[dict[str, Bill], tuple[str, ...]]:
    """The bill of each arm for the operations that every arm can answer, and the others."""
    arms = [arm.name for arm in study.arms if arm.name in record.stored_bytes]
    requests = traffic.requests_per_month
    reads = {(entry.operation, entry.arm): entry.mean for entry in record.reads}
    writes = {(entry.operation, entry.arm): entry.mean for entry in record.writes}
    counted = {
        name
        for name in requests
        if all((name, arm) in reads or (name, arm) in writes for arm in arms)
    }
    bill: dict[str, Bill] = {}
    for arm in arms:
        read, written = (
            sum(requests[name] * means.get((name, arm), 0) for name in counted)
            for means in (reads, writes)
        )
        gigabytes = record.stored_bytes[arm] / 1e9
        parts = reads_dollars(read), writes_dollars(written), storage_dollars(gigabytes)
        bill[arm] = Bill(
            rows_read_per_month=round(read),
            rows_written_per_month=round(written),
            stored_gb=gigabytes,
            reads_dollars=parts[0],
            writes_dollars=parts[1],
            storage_dollars=parts[2],
            dollars=sum(parts),
        )
    return bill, tuple(sorted(set(requests) - counted))


def whole(value: float) -> float | int:
    """A mean of counts: whole where it is, otherwise with one decimal."""
    return int(value) if value == int(value) else round(value, 1)


def helped_by(
    record: CostRecord, operations: Sequence[OperationComparison], ablation: Ablation | None
) -> dict[str, list[tuple[str, str]]]:
    """Which (operation, arm) each index helps: by the ablation, otherwise by the plans."""
    helped: dict[str, list[tuple[str, str]]] = {}
    for index in record.indexes:
        helped[index.name] = [
            (entry.name, index.arm)
            for entry in operations
            if index.arm in entry.arms
            and any(index.name in line.split() for line in entry.arms[index.arm].plan)
        ]
    for tested in ablation.indexes if ablation is not None else ():
        if ablation is not None and tested.name in helped:
            helped[tested.name] = [(name, ablation.arm) for name in tested.helps]
    return helped


def break_even(
    study: Study,
    record: CostRecord,
    built: Collection[str],
    helped: Mapping[str, Sequence[tuple[str, str]]],
) -> tuple[BreakEven, ...]:
    """For each index that was built the read that it helps most, and the write it taxes most."""
    reads = {(entry.operation, entry.arm): entry.mean for entry in record.reads}
    dearer = PRICES.dollars_per_million_rows_written / PRICES.dollars_per_million_rows_read
    entries = []
    for index in record.indexes:
        if index.name not in built:
            continue
        rows_saved = {
            name: reads[name, study.base] - reads[name, arm]
            for name, arm in helped[index.name]
            if (name, study.base) in reads and (name, arm) in reads
        }
        taxed = {
            entry.operation: entry.entries_of(index.name)
            for entry in record.writes
            if entry.arm == index.arm and entry.entries_of(index.name)
        }
        best, gain = _most(rows_saved)
        write, more = _most(taxed)
        ratio = more * dearer / gain if gain > 0 else None
        read_title = None if best is None else study.operation(best).title
        write_title = None if write is None else study.operation(write).title
        entries.append(
            BreakEven(
                index=index.name,
                operation=best,
                write=write,
                rows_read_saved=whole(gain),
                rows_written_more=whole(more),
                reads_for_each_write=ratio,
                sentence=_sentence(index.name, read_title, write_title, gain, more, ratio),
            )
        )
    return tuple(entries)


def _most(rows: Mapping[str, float]) -> tuple[str | None, float]:
    """The operation with the most rows, and how many."""
    name = max(rows, key=lambda each: rows[each], default=None)
    return name, 0.0 if name is None else rows[name]


def _sentence(
    index: str,
    read: str | None,
    write: str | None,
    rows_saved: float,
    more: float,
    ratio: float | None,
) -> str:
    """When an index pays: `read` and `write` are titles, rows are those of one request."""
    if read is None:
        cost = f", and each “{write}” writes {_rows(more)} for it" if write else ""
        return f"{index} helps no request that the base answers too{cost}."
    if rows_saved == 0:
        return f"{index} never pays by rows read: {read} reads as many rows as before."
    if rows_saved < 0:
        return (
            f"{index} never pays by rows read: the request it helps most ({read}) reads "
            f"{significant(-rows_saved)} rows more than without the migration."
        )
    gain = f"{index} saves {significant(rows_saved)} rows read at each request of “{read}”"
    if write is None or ratio is None or more == 0:
        return f"{gain}, and no write of the study puts an entry into it."
    gain = f"{gain} and costs {_rows(more)} written at each “{write}”: on D1's prices"
    if ratio < 1:
        return f"{gain} one of the former pays for {significant(1 / ratio)} of it."
    return f"{gain} it pays from {significant(ratio)} of the former for each of it."


def _rows(count: float) -> str:
    return "1 row" if count == 1 else f"{significant(count)} rows"
