"""`resale-bench logs`: the latencies that Locust's processes recorded, brought together."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import click

from bench.options import DATABASE, JSON

_SHARDS = click.Path(path_type=Path, exists=True)


@click.group()
def logs() -> None:
    """Bring together what `locust -f bench/shop.py --shop-log DIR` recorded.

    Example: resale-bench logs merge load-logs
    """


@logs.command()
@click.argument("sources", nargs=-1, required=True, type=_SHARDS, metavar="DIR...")
@click.option("--out", type=DATABASE, help="Write the merged HdrHistogram log here; a new file.")
@JSON
def merge(sources: tuple[Path, ...], out: Path | None, as_json: bool) -> int:
    """Merge the shards of one run, from this host or copied from several.

    Prints p50, p95, p99 and p99.9 of every request, from sending and since it was due,
    errors by kind, and the generators' processor time. Exit codes: 0 the run is valid,
    2 the logs cannot be merged, 3 the run is invalid, or
    nothing was answered.

    Example: resale-bench logs merge host-a/log host-b/log --out run.hlog
    """
    from bench.load import hdrlog, shards
    from bench.output import claimed_file
    from bench.report.logs import render_logs

    # Before OUT is there, which may lie beside them.
    shard_logs = shards.logs_of(sources)
    with nullcontext() if out is None else claimed_file(out):
        merged = shards.merge(shard_logs)
        summary = shards.summary(merged)
        if out is not None:
            hdrlog.write(out, merged.intervals)
    click.echo(json.dumps(summary) if as_json else render_logs(summary))
    if out is not None:
        click.echo(f"written: {out}", err=as_json)
    if not merged.intervals:
        click.echo("Nothing was answered as it should be; is the shop served there?", err=True)
        return 3
    return 0 if summary["valid"] else 3
