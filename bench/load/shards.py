"""The shards of a load, brought together: one log, one summary of what can be told from it.

Knows no Locust: shards may lie in one folder, or have been copied from several hosts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import hdrlog, interval_stats
from bench.load.hdrlog import BadLog, Interval
from bench.load.interval_stats import Totals

MERGED, SUMMARY = "merged.hlog", "summary.json"
HISTOGRAMS, INTERVALS = ".hlog", ".jsonl"
# Each quantile's share, and how many answers it needs: below, it is only the slowest of them.
QUANTILES = {
    "p50_ns": (0.5, 1),
    "p95_ns": (0.95, 20),
    "p99_ns": (0.99, 100),
    "p999_ns": (0.999, 1000),
}


@dataclass(frozen=True, slots=True)
class Merged:
    """One log of several, and the totals of each process that wrote one."""

    intervals: tuple[Interval, ...]
    shards: tuple[Totals, ...]


def logs_in(folder: Path) -> list[Path]:
    """The shards' histograms in a folder, what was merged left out."""
    return sorted(path for path in folder.glob(f"*{HISTOGRAMS}") if path.name != MERGED)


def tally_of(log: Path) -> Path:
    """Where the errors and the lateness of a shard stand."""
    return log.with_name(log.name.removesuffix(HISTOGRAMS) + INTERVALS)


def logs_of(sources: Sequence[Path]) -> list[Path]:
    """These logs, and those in these folders.

    Raises:
        BadLog: there is none.
    """
    logs = [log for path in sources for log in (logs_in(path) if path.is_dir() else [path])]
    if not logs:
        named = ", ".join(map(str, sources))
        raise BadLog(
            f"There is no *{HISTOGRAMS} in {named}; name a folder that Locust wrote logs into."
        )
    return logs


def merge(sources: Sequence[Path]) -> Merged:
    """Merge all shards of these folders, and these logs.

    Raises:
        BadLog: there is none, one is damaged, or they are of different runs.
        OSError: one cannot be read.
    """
    logs = logs_of(sources)
    shards = [interval_stats.read(tally_of(log)) for log in logs if tally_of(log).exists()]
    runs = sorted({shard.owner.run for shard in shards})
    if len(runs) > 1:
        raise BadLog(
            f"These are shards of {len(runs)} runs ({', '.join(runs)}); merge each run by itself."
        )
    names = [shard.owner.name for shard in shards]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadLog(f"The shard of {twice[0]} was named twice; name each folder once.")
    return Merged(tuple(hdrlog.merged(hdrlog.read(log) for log in logs)), tuple(shards))


def summary(merged: Merged, shards: Sequence[Totals] | None = None) -> dict[str, Any]:
    """A document: quantiles by name and kind, errors, the generators, and whether it is valid.

    `shards` are all processes of the run, where more took part than could be merged.
    """
    known = merged.shards if shards is None else shards
    here = {shard.owner.name for shard in merged.shards}
    reasons = interval_stats.invalid_because(known) if known else []
    return {
        "schema_version": 1,
        "run": known[0].owner.run if known else None,
        "valid": not reasons,
        "invalid_because": reasons,
        "latencies": _rows(hdrlog.totals(merged.intervals)),
        "errors": interval_stats.add_up(shard.errors for shard in known),
        "generators": [interval_stats.to_json(shard) for shard in known],
        "elsewhere": [s.owner.name for s in known if s.owner.name not in here],
    }


def _rows(by_tag: dict[str, Any]) -> list[dict[str, Any]]:
    """All of a kind first, then name by name."""
    whole: dict[str, Any] = {}
    rows = []
    for tag, histogram in by_tag.items():
        name, kind = hdrlog.parts_of(tag)
        whole.setdefault(kind, hdrlog.empty()).add(histogram)
        rows.append(_row(name, kind, histogram))
    return [_row("all", kind, whole[kind]) for kind in sorted(whole)] + rows


def _row(name: str, kind: str, histogram: Any) -> dict[str, Any]:
    count, most_ns = int(histogram.get_total_count()), int(histogram.get_max_value())
    times = hdrlog.quantiles(histogram, [share for share, _ in QUANTILES.values()])
    quantiles = {
        key: time_ns if count >= least else None
        for (key, (_, least)), time_ns in zip(QUANTILES.items(), times, strict=True)
    }
    return {"name": name, "kind": kind, "count": count, **quantiles, "max_ns": most_ns}
