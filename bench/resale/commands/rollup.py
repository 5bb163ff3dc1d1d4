"""resale-bench rollup: the daily rollup, and the retention that rests on it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.options import DATABASE, JSON

if TYPE_CHECKING:
    from reference_app.analytics.rollup import DayDone

_GOOD, _DIFFERS = 0, 1
_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.option("--db", "database", required=True, type=DATABASE, help="A shop's database.")
@click.option("--day", type=_DAY, help="Roll up this day, whether it is rolled up or not.")
@click.option("--all", "every", is_flag=True, help="Roll up every ended day anew.")
@click.option("--since", type=_DAY, help="Roll up every ended day from this one on anew.")
@click.option(
    "--prune", is_flag=True, help="Delete old events of days whose rollup equals a recount."
)
@click.option(
    "--days", type=click.IntRange(min=7), help="How many days --prune keeps.  [default: 90]"
)
@JSON
def rollup(
    database: Path,
    day: datetime | None,
    every: bool,
    since: datetime | None,
    prune: bool,
    days: int | None,
    as_json: bool,
) -> int:
    """Roll up the ended days that are not rolled up yet, or prune old events.

    It may run at any time, in any order, any number of times, and beside a server: each
    day is a transaction of its own. A day whose events were deleted keeps its rollup; a day
    that is not rolled up keeps its events. Days count back from the newest event. The exit
    code is 1 if events stay since their rollup differs from a recount.

    Example: resale-bench rollup --db shop.db --since 2025-09-01
    """
    from reference_app.analytics import maintenance

    chosen = [given for given in (day, every, since, prune) if given]
    if len(chosen) > 1:
        raise click.UsageError("Choose one of --day, --all, --since and --prune.")
    if days is not None and not prune:
        raise click.UsageError("--days belongs to --prune; add it, or leave out --days.")
    if prune:
        done = maintenance.prune(database, 90 if days is None else days)
    elif day is not None:
        done = [maintenance.roll_up_one(database, f"{day:%Y-%m-%d}")]
    else:
        start = "0000-01-01" if since is None else f"{since:%Y-%m-%d}"
        done = maintenance.roll_up(database, start, missing_only=not (every or since))
    _show(done, as_json=as_json)
    return _DIFFERS if any(rolled_up.outcome == "differs" for rolled_up in done) else _GOOD


def _show(done: list[DayDone], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([rolled_up.to_json() for rolled_up in done]))
        return
    for rolled_up in done:
        if rolled_up.outcome != "unchanged":
            click.echo(
                f"{rolled_up.day}  {rolled_up.events:>10,} events  {_WORDS[rolled_up.outcome]}"
            )
    unchanged = sum(rolled_up.outcome == "unchanged" for rolled_up in done)
    click.echo(f"{len(done)} days looked at, {unchanged} of them right already")


_WORDS = {
    "written": "rolled up",
    "pruned": "kept as it was: its rollup knows of events that are gone",
    "deleted": "deleted; the rollup has them",
    "not rolled up": "kept: roll the day up first",
    "differs": "kept: the rollup differs from a recount; roll the day up again",
}
