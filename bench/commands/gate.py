"""`resale-bench gate`: whether a change makes the shop slower, in two layers, for a CI."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.options import DATABASE, FOLDER, JSON, WORK

if TYPE_CHECKING:
    from bench.results.gate import Gate

WIDTH = 130
FORMS = ("gate.json", "gate.md", "gate.xml", "benchmark.json")
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option(
    "--base",
    required=True,
    help="A git ref, a saved run's folder, or a database file with --migration or --queries.",
)
@click.option(
    "--head",
    default=Path(),
    type=FOLDER,
    help="The checkout to gate, with its changes.  [default: the working tree]",
)
@click.option("--migration", type=_EXISTING, help="The SQL file to run on a copy of that database.")
@click.option(
    "--queries",
    type=_EXISTING,
    help="A SQL file of operations, for a database of one's own: see docs/your-own-database.md.",
)
@click.option("--base-queries", type=_EXISTING, help="The same file as the base has it.")
@click.option(
    "--foreign-keys/--no-foreign-keys",
    default=True,
    help="Whether the application of a database of one's own holds to them.  [default: it does]",
)
@click.option("--arm", help="The state of the database to gate.  [default: recommended]")
@click.option(
    "--scale",
    type=float,
    help="1 is 100,000 products, 10 million events.  [default: 0.1, or the saved run's]",
)
@click.option("--seed", type=int, help="Seed of data and draws.  [default: 20251005]")
@click.option(
    "--operation", "operations", multiple=True, help="Only this operation; may be repeated."
)
@click.option(
    "--budget-seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="How long measuring may take.  [default: `seconds` in pyproject.toml, or 120]",
)
@click.option(
    "--base-python", type=DATABASE, help="An interpreter with the base's own dependencies."
)
@click.option(
    "--out",
    type=FOLDER,
    help="Write gate.json, gate.md, gate.xml (JUnit) and benchmark.json (pytest-benchmark) here.",
)
@click.option(
    "--save",
    type=FOLDER,
    help="Keep what was counted of the head as a run to gate against; a head that does not pass "
    "is never kept.",
)
@WORK
@JSON
def gate(
    base: str,
    head: Path,
    migration: Path | None,
    queries: Path | None,
    base_queries: Path | None,
    foreign_keys: bool,
    arm: str | None,
    scale: float | None,
    seed: int | None,
    operations: tuple[str, ...],
    budget_seconds: float | None,
    base_python: Path | None,
    out: Path | None,
    save: Path | None,
    work: Path,
    as_json: bool,
) -> int:
    """Build base and head side by side, measure them against each other, and say pass or not.

    Answers, counters and plans are held to exact limits; times to paired rounds with an A/A
    pair. Limits stand in `[tool.resale-bench.gate]` of the head's pyproject.toml. Exit codes:
    0 pass, 1 a regression, 2 wrong use, 3 inconclusive, 4 the sides cannot be compared.

    Example: resale-bench gate --base origin/main --out gate

    Or: resale-bench gate --base my.db --migration new.sql --queries queries.sql
    """
    from bench import progress
    from bench.gate.job import run_gate
    from bench.gate.options import DEFAULT_ARM, GateOptions
    from bench.output import claimed_folder

    if queries is not None:
        _refuse_beside_queries(
            {"--arm": arm, "--scale": scale, "--base-python": base_python, "--save": save}
        )
    elif not foreign_keys:
        raise click.UsageError("--no-foreign-keys goes with --queries; leave it out here.")
    elif base_queries is not None:
        raise click.UsageError("--base-queries goes with --queries; name the head's file too.")
    elif migration is not None and (scale, seed, arm) != (None, None, None):
        raise click.UsageError(
            "A database has its own scale, seed and state; leave out --scale, --seed and --arm."
        )
    options = GateOptions(
        base=base,
        head=head,
        work=work,
        arm=arm or DEFAULT_ARM,
        scale=scale,
        seed=seed,
        migration=migration,
        operations=operations,
        budget_seconds=budget_seconds,
        base_python=None if base_python is None else base_python.absolute(),
        save=save,
        queries=queries,
        base_queries=base_queries,
        foreign_keys=foreign_keys,
    )

    def say(text: str) -> None:
        click.echo(text, err=True)

    with nullcontext() if out is None else claimed_folder(out):
        if out is not None:
            # What an earlier run left would be taken for this one's.
            for name in FORMS:
                (out / name).unlink(missing_ok=True)
        found = run_gate(options, say, progress.line(sys.stderr))
        _show(found, out, as_json=as_json)
    return found.exit_code


def _refuse_beside_queries(given: dict[str, object]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise click.UsageError(
            f"{' and '.join(named)} belong{'s' if len(named) == 1 else ''} to seeded databases; "
            "leave it out beside --queries."
        )


def _show(found: Gate, out: Path | None, *, as_json: bool) -> None:
    from bench.report.gate_benchmark import gate_benchmark_json
    from bench.report.gate_junit import gate_junit
    from bench.report.sections.gate import gate_blocks, gate_markdown
    from bench.report.terminal import blocks_text
    from bench.results import store

    if as_json:
        click.echo(json.dumps(store.plain(found)))
    else:
        click.echo(blocks_text(gate_blocks(found), width=WIDTH))
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    store.write_json(out / "gate.json", found)
    (out / "gate.md").write_text(gate_markdown(found), encoding="utf-8")
    (out / "gate.xml").write_text(gate_junit(found), encoding="utf-8")
    store.write_json(out / "benchmark.json", gate_benchmark_json(found))
