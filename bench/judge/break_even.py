"""When an index pays: rows read that it saves against rows written that it costs.

Judging room: no file, no clock, no database and no randomness may enter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.judge.cost_records import CostRecord
from bench.judge.cost_words import break_even_sentence
from bench.judge.prices import PRICES
from bench.results.ablation import Ablation
from bench.study import Study

Document = Mapping[str, Any]


def whole(value: float) -> float | int:
    """A mean of counts: whole where it is, otherwise with one decimal."""
    return int(value) if value == int(value) else round(value, 1)


def helped_by(
    record: CostRecord, comparison: Document, ablation: Ablation | None
) -> dict[str, list[tuple[str, str]]]:
    """Which (operation, arm) each index helps: by the ablation, otherwise by the plans."""
    found: dict[str, list[tuple[str, str]]] = {}
    tested = {} if ablation is None else {entry.name: entry for entry in ablation.indexes}
    for index in record.indexes:
        if index.name in tested and ablation is not None:
            found[index.name] = [(name, ablation.arm) for name in tested[index.name].helps]
            continue
        found[index.name] = [
            (entry["name"], index.arm)
            for entry in comparison["operations"]
            if any(
                index.name in line.split()
                for line in entry["arms"].get(index.arm, {}).get("plan", ())
            )
        ]
    return found


def break_even(
    study: Study,
    record: CostRecord,
    built: Mapping[str, Document],
    helped: Mapping[str, Sequence[tuple[str, str]]],
) -> list[dict[str, Any]]:
    """For each index the request that it saves most rows to, and the write that it costs most.

    `reads_for_each_write` is how many of the one have to be asked for each of the other, so that
    the rows read that are saved are worth the rows written, on D1's prices; None where nothing
    is saved.
    """
    reads = {(entry.operation, entry.arm): entry.mean for entry in record.reads}
    found = []
    for index in record.indexes:
        if index.name not in built:
            continue
        saved = {
            name: reads[name, study.base] - reads[name, arm]
            for name, arm in helped[index.name]
            if (name, study.base) in reads and (name, arm) in reads
        }
        best = max(saved, key=lambda name: saved[name], default=None)
        taxed = {
            entry.operation: entry.entries_of(index.name)
            for entry in record.writes
            if entry.arm == index.arm and entry.entries_of(index.name)
        }
        write = max(taxed, key=lambda name: taxed[name], default=None)
        gain = saved[best] if best is not None else 0.0
        more = taxed[write] if write is not None else 0.0
        dearer = PRICES.dollars_per_million_rows_written / PRICES.dollars_per_million_rows_read
        ratio = more * dearer / gain if gain > 0 else None
        found.append(
            {
                "index": index.name,
                "operation": best,
                "write": write,
                "rows_read_saved": whole(gain),
                "rows_written_more": whole(more),
                "reads_for_each_write": ratio,
                "sentence": break_even_sentence(
                    index.name,
                    None if best is None else study.operation(best).title,
                    None if write is None else study.operation(write).title,
                    gain, more, ratio,
                ),
            }
        )  # fmt: skip
    return found
