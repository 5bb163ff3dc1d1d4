"""From counted rows to cost.json: what each index costs to build, to hold and to keep, in dollars.

Judging room: no file, no clock, no database and no randomness may enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.judge.break_even import break_even, helped_by, whole
from bench.judge.cost_records import CostRecord, TrafficTaken
from bench.judge.cost_words import limits
from bench.judge.prices import PRICES
from bench.results.ablation import Ablation
from bench.study import Study

SCHEMA_VERSION = 1
Document = Mapping[str, Any]

# The write-ahead log: a header, and for each page that changed a header and the page.
# https://www.sqlite.org/fileformat2.html#the_write_ahead_log
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
# Beside the index's own pages: the file's first page, and the schema's row of the index.
PAGES_BESIDE = 2


def cost_document(
    study: Study,
    record: CostRecord,
    comparison: Document,
    migration: Document,
    ablation: Ablation | None = None,
    traffic: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The content of cost.json.

    `comparison` and `migration` are those of the same run; `ablation` tells which operations an
    index helps, otherwise the plans do. `traffic` gives requests a month by operation, and
    goes before what the study's file says and the data tells.

    Raises:
        bench.study.StudyError: the traffic names an operation that the study has not.
    """
    taken = _traffic(study, record, traffic)
    built = _built(study, record, migration)
    helped = helped_by(record, comparison, ablation)
    return {
        "schema_version": SCHEMA_VERSION,
        "study": study.name,
        "dataset": dict(comparison["dataset"]),
        "prices": asdict(PRICES),
        "indexes": list(built.values()),
        "in_all": {arm["arm"]: _in_all(arm, record, migration) for arm in migration["arms"]},
        "writes": _writes(study, record, comparison),
        "reads": _reads(study, record, comparison),
        "traffic": {
            "requests_per_month": dict(taken.requests_per_month),
            "source": taken.source,
        },
        **_bill(study, record, taken),
        "break_even": break_even(study, record, built, helped),
        "limits": limits(ablation is not None, record.not_counted),
    }


def _traffic(study: Study, record: CostRecord, given: Mapping[str, float] | None) -> TrafficTaken:
    for name in given or {}:
        study.operation(name)
    if given is not None:
        return TrafficTaken(given, "The requests a month that the user named.")
    own = study.traffic.requests_per_month
    if not own:
        return record.traffic
    return TrafficTaken(
        {**record.traffic.requests_per_month, **own},
        f"The requests a month that the study names for {', '.join(own)}; for the others: "
        f"{record.traffic.source}",
    )


def wal_bytes(index_bytes: int, page_bytes: int) -> int:
    """What the write-ahead log grows by when an index of so many bytes is committed.

    Each page that changed is there once, even one that was spilled before the commit and
    changed again: SQLite overwrites its frame. So the index's pages and PAGES_BESIDE others.
    """
    pages = index_bytes // page_bytes + PAGES_BESIDE
    return WAL_HEADER_BYTES + pages * (page_bytes + FRAME_HEADER_BYTES)


def _built(study: Study, record: CostRecord, migration: Document) -> dict[str, dict[str, Any]]:
    """Each index of the migrations by name, with what building it cost."""
    rows = {index.name: index.rows for index in record.indexes}
    tables = {index.name: index.table for index in record.indexes}
    found: dict[str, dict[str, Any]] = {}
    order = [arm.name for arm in study.arms]
    for arm in sorted(migration["arms"], key=lambda entry: order.index(entry["arm"])):
        empty: set[str] = set()
        for statement in arm["statements"]:
            kind, name = statement["kind"], statement["object"]
            if kind == "create_table":
                empty.add(name)
            elif kind in ("insert", "replace"):
                empty.discard(name)
            if kind != "create_index" or name in found or name not in rows:
                continue
            # An index on a table that has come just now has no row yet.
            written = 1 + (0 if tables[name] in empty else rows[name])
            found[name] = {
                "name": name,
                "table": tables[name],
                "arm": arm["arm"],
                "build_ns": statement["duration_ns"],
                "bytes": statement["size_bytes"],
                "wal_bytes": wal_bytes(statement["size_bytes"], record.page_bytes),
                "rows_written": written,
                "dollars_to_build": written / 1e6 * PRICES.dollars_per_million_rows_written,
            }
    return found


def _in_all(arm: Document, record: CostRecord, migration: Document) -> dict[str, Any]:
    made = [entry for entry in arm["statements"] if entry["kind"] == "create_index"]
    dropped = [entry for entry in arm["statements"] if entry["kind"] == "drop_index"]
    return {
        "build_ns": sum(entry["duration_ns"] for entry in [*made, *dropped]),
        "bytes": sum(entry["size_bytes"] for entry in [*made, *dropped]),
        "wal_bytes": sum(wal_bytes(entry["size_bytes"], record.page_bytes) for entry in made),
        "indexes": len(made) - len(dropped),
    }


def _of_operation(comparison: Document, name: str) -> Document:
    for entry in comparison["operations"]:
        if entry["name"] == name:
            return dict(entry)
    return {"arms": {}, "comparisons": []}


def _writes(study: Study, record: CostRecord, comparison: Document) -> list[dict[str, Any]]:
    found = []
    for operation in study.operations:
        counted = [entry for entry in record.writes if entry.operation == operation.name]
        if not counted:
            continue
        seen = _of_operation(comparison, operation.name)
        found.append(
            {
                "name": operation.name,
                "title": operation.title,
                "arms": {
                    entry.arm: {
                        "median_ns": seen["arms"].get(entry.arm, {}).get("median_ns"),
                        "vm_steps": seen["arms"].get(entry.arm, {}).get("vm_steps"),
                        "rows_written": whole(entry.mean),
                    }
                    for entry in counted
                },
                "comparisons": [
                    {key: pair.get(key) for key in ("base", "arm", "speedup", "ci95", "verdict")}
                    for pair in seen["comparisons"]
                ],
            }
        )
    return found


def _reads(study: Study, record: CostRecord, comparison: Document) -> list[dict[str, Any]]:
    found = []
    for operation in study.operations:
        counted = [entry for entry in record.reads if entry.operation == operation.name]
        if not counted:
            continue
        arms = _of_operation(comparison, operation.name)["arms"]
        found.append(
            {
                "name": operation.name,
                "title": operation.title,
                "arms": {
                    entry.arm: {
                        "rows_read": whole(entry.mean),
                        "rows_read_bounds": [whole(end) for end in entry.bounds],
                        "vm_steps": arms.get(entry.arm, {}).get("vm_steps"),
                    }
                    for entry in counted
                },
            }
        )
    return found


def _bill(study: Study, record: CostRecord, taken: TrafficTaken) -> dict[str, Any]:
    """The bill of each arm, for the operations that every arm can answer."""
    arms = [arm.name for arm in study.arms if arm.name in record.stored_bytes]
    reads = {(entry.operation, entry.arm): entry.mean for entry in record.reads}
    writes = {(entry.operation, entry.arm): entry.mean for entry in record.writes}
    counted = {
        name
        for name in taken.requests_per_month
        if all((name, arm) in reads or (name, arm) in writes for arm in arms)
    }
    bill: dict[str, dict[str, float]] = {}
    for arm in arms:
        read, written = (
            sum(taken.requests_per_month[name] * means.get((name, arm), 0) for name in counted)
            for means in (reads, writes)
        )
        gigabytes = record.stored_bytes[arm] / 1e9
        parts = PRICES.read(read), PRICES.written(written), PRICES.stored(gigabytes)
        bill[arm] = {
            "rows_read_per_month": round(read),
            "rows_written_per_month": round(written),
            "stored_gb": gigabytes,
            "reads_dollars": parts[0],
            "writes_dollars": parts[1],
            "storage_dollars": parts[2],
            "dollars": sum(parts),
        }
    left_out = sorted(set(taken.requests_per_month) - counted)
    return {"bill": bill, "not_billed": left_out}
