"""From counted rows to cost.json: what each index costs to build, to hold and to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.judge.bill import PRICES, bills, break_even, helped_by, whole
from bench.judge.cost_records import CostRecord, ReadCounted, WriteCounted
from bench.results import cost as results
from bench.results.ablation import Ablation
from bench.results.comparison import OperationComparison
from bench.results.migration import ArmMigration
from bench.results.model import DatasetSummary
from bench.study import Operation, Study

# The write-ahead log: a header, and for each page that changed a header and the page.
# https://www.sqlite.org/fileformat2.html#the_write_ahead_log
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
# Beside the index's own pages: the file's first page, and the schema's row of the index.
PAGES_BESIDE = 2


def cost_document(
    study: Study,
    record: CostRecord,
    dataset: DatasetSummary,
    operations: Sequence[OperationComparison],
    migrations: Sequence[ArmMigration],
    ablation: Ablation | None = None,
    traffic: Mapping[str, float] | None = None,
) -> results.Cost:
    """Judge what was counted.

    `operations` (those of a comparison, none without one) and `migrations` are of the same run;
    `ablation` tells which operations an index helps, otherwise the plans do. `traffic` gives
    requests a month by operation, and goes before what the study's file says and the data tells.

    Raises:
        bench.study.StudyError: the traffic names an operation that the study has not.
    """
    taken = _traffic(study, record, traffic)
    indexes = _indexes(study, record, migrations)
    helped = helped_by(record, operations, ablation)
    compared = {entry.name: entry for entry in operations}
    # Without traffic there is nothing to bill.
    bill, not_billed = bills(study, record, taken) if taken.requests_per_month else ({}, ())
    return results.Cost(
        study=study.name,
        dataset=dataset,
        prices=PRICES,
        indexes=indexes,
        in_all={migration.arm: _in_all(migration, record) for migration in migrations},
        writes=tuple(
            _write(operation, written, compared.get(operation.name))
            for operation in study.operations
            if (written := [w for w in record.writes if w.operation == operation.name])
        ),
        reads=tuple(
            _read(operation, read, compared.get(operation.name))
            for operation in study.operations
            if (read := [r for r in record.reads if r.operation == operation.name])
        ),
        traffic=taken,
        bill=bill,
        not_billed=not_billed,
        break_even=break_even(study, record, {index.name for index in indexes}, helped),
        limits=tuple(_limits(ablation is not None, record.not_counted, priced=bool(bill))),
    )


def _traffic(
    study: Study, record: CostRecord, given: Mapping[str, float] | None
) -> results.MonthlyTraffic:
    for name in given or {}:
        study.operation(name)
    if given is not None:
        return results.MonthlyTraffic(
            requests_per_month=given, source="The requests a month that the user named."
        )
    named = study.traffic.requests_per_month
    if not named:
        return record.traffic
    return results.MonthlyTraffic(
        requests_per_month={**record.traffic.requests_per_month, **named},
        source=f"The requests a month that the study names for {', '.join(named)}; for the others: "
        f"{record.traffic.source}",
    )


def wal_bytes(index_bytes: int, page_bytes: int) -> int:
    """What the write-ahead log grows by when an index of so many bytes is committed.

    Each page that changed is there once, even one that was spilled before the commit and
    changed again: SQLite overwrites its frame. So the index's pages and PAGES_BESIDE others.
    """
    pages = index_bytes // page_bytes + PAGES_BESIDE
    return WAL_HEADER_BYTES + pages * (page_bytes + FRAME_HEADER_BYTES)


def _indexes(
    study: Study, record: CostRecord, migrations: Sequence[ArmMigration]
) -> tuple[results.IndexCost, ...]:
    """Each index of the migrations, in the study's order, with what building it cost."""
    counted = {index.name: index for index in record.indexes}
    costs: dict[str, results.IndexCost] = {}
    order = [arm.name for arm in study.arms]
    for migration in sorted(migrations, key=lambda entry: order.index(entry.arm)):
        empty: set[str] = set()
        for statement in migration.statements:
            kind, name = statement.kind, statement.object
            if kind == "create_table":
                empty.add(name)
            elif kind in ("insert", "replace"):
                empty.discard(name)
            if kind != "create_index" or name in costs or name not in counted:
                continue
            table = counted[name].table
            # An index on a table that has come just now has no row yet.
            written = 1 + (0 if table in empty else counted[name].rows)
            costs[name] = results.IndexCost(
                name=name,
                table=table,
                arm=migration.arm,
                build_ns=statement.duration_ns,
                bytes=statement.size_bytes,
                wal_bytes=wal_bytes(statement.size_bytes, record.page_bytes),
                rows_written=written,
                dollars_to_build=written / 1e6 * PRICES.dollars_per_million_rows_written,
            )
    return tuple(costs.values())


def _in_all(migration: ArmMigration, record: CostRecord) -> results.IndexTotals:
    made, dropped = migration.of_kind("create_index"), migration.of_kind("drop_index")
    return results.IndexTotals(
        build_ns=sum(entry.duration_ns for entry in [*made, *dropped]),
        bytes=sum(entry.size_bytes for entry in [*made, *dropped]),
        wal_bytes=sum(wal_bytes(entry.size_bytes, record.page_bytes) for entry in made),
        indexes=len(made) - len(dropped),
    )


def _write(
    operation: Operation, counted: Sequence[WriteCounted], entry: OperationComparison | None
) -> results.WriteCost:
    timed = entry.arms if entry else {}
    return results.WriteCost(
        name=operation.name,
        title=operation.title,
        arms={
            write.arm: results.WriteOnArm(
                median_ns=timed[write.arm].median_ns if write.arm in timed else None,
                vm_steps=timed[write.arm].vm_steps if write.arm in timed else None,
                rows_written=whole(write.mean),
            )
            for write in counted
        },
        comparisons=tuple(
            results.WriteComparison.model_validate(pair, from_attributes=True)
            for pair in (entry.comparisons if entry else ())
        ),
    )


def _read(
    operation: Operation, counted: Sequence[ReadCounted], entry: OperationComparison | None
) -> results.ReadCost:
    timed = entry.arms if entry else {}
    return results.ReadCost(
        name=operation.name,
        title=operation.title,
        arms={
            read.arm: results.ReadOnArm(
                rows_read=whole(read.mean),
                rows_read_bounds=(whole(read.bounds[0]), whole(read.bounds[1])),
                vm_steps=timed[read.arm].vm_steps if read.arm in timed else None,
            )
            for read in counted
        },
    )


def _limits(
    ablated: bool, not_counted: Mapping[tuple[str, str], str], *, priced: bool
) -> Iterator[str]:
    yield (
        "Rows read are not counted by this SQLite as they are by D1's: they are derived from each "
        "program and its counters, the fewest and the most that fit; the middle is shown and "
        "billed, and both ends stand beside it."
    )
    yield (
        "Rows read and written are means over the drawn parameters. Rows that a write reads are "
        "not billed."
    )
    yield (
        "WAL bytes are derived, not measured: the pages that the index added, and two more (the "
        "file's first, and the schema's), each once with its header."
    )
    if priced:
        yield (
            "Dollars to build and the break-even take the price beyond what a month includes; the "
            "bill takes off what is included. The plan's own price is not in it."
        )
    yield (
        "An index on a table that the migration itself has made was built while that was empty: "
        "time, bytes and rows are those of then."
    )
    if priced:
        yield "The bill holds the operations that every arm answers, and no others."
    yield (
        "Which operations an index helps is what the ablation found."
        if ablated
        else "Which operations an index helps is taken from their plans, since there was no "
        "ablation."
    )
    yield (
        "Rows saved are those between the base and the arm; where several indexes help one "
        "operation, each is told the whole of it."
    )
    for (operation, arm), reason in sorted(not_counted.items()):
        yield f"{operation} on {arm} has no rows read: {reason}"
