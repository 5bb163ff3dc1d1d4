"""`resale-bench gate`: whether a change makes operations slower, in two layers, for a CI."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from bench.options import DATABASE, FOLDER, JSON, WORK, options

if TYPE_CHECKING:
    from bench.results.gate import Gate

WIDTH = 130
FORMS = ("gate.json", "gate.md", "gate.xml", "benchmark.json")
_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option(
        "--base",
        required=True,
        help="A git ref, a saved run's folder, or a database file with --migration or --queries.",
    ),
    click.option(
        "--head",
        default=Path(),
        type=FOLDER,
        help="The checkout to gate, with its changes.  [default: the working tree]",
    ),
    click.option(
        "--migration", type=_EXISTING, help="The SQL file to run on a copy of that database."
    ),
    click.option(
        "--queries",
        type=_EXISTING,
        help="A SQL file of operations, for a database of one's own: see "
        "docs/your-own-database.md.",
    ),
    click.option("--base-queries", type=_EXISTING, help="The same file as the base has it."),
    click.option(
        "--foreign-keys/--no-foreign-keys",
        default=True,
        help="Whether the application of a database of one's own holds to them.  "
        "[default: it does]",
    ),
    click.option("--arm", help="The state of the database to gate.  [default: the study's last]"),
    click.option(
        "--scale",
        type=float,
        help="Size of the generated data, as of `resale-bench seed`.  "
        "[default: 0.1, or the saved run's]",
    ),
    click.option("--seed", type=int, help="Seed of data and draws.  [default: 20251005]"),
    click.option(
        "--operation", "operations", multiple=True, help="Only this operation; may be repeated."
    ),
    click.option(
        "--budget-seconds",
        type=click.FloatRange(min=0, min_open=True),
        help="How long measuring may take.  [default: `seconds` of the limits, or 120]",
    ),
    click.option(
        "--base-python", type=DATABASE, help="An interpreter with the base's own dependencies."
    ),
    click.option(
        "--out",
        type=FOLDER,
        help="Write gate.json, gate.md, gate.xml (JUnit) and benchmark.json (pytest-benchmark) "
        "here.",
    ),
    click.option(
        "--save",
        type=FOLDER,
        help="Keep what was counted of the head as a run to gate against; a head that does not "
        "pass is never kept.",
    ),
    WORK,
)


class _Values(TypedDict):
    """The values of _OPTIONS, by the names that GateOptions has for them."""

    base: str
    head: Path
    migration: Path | None
    queries: Path | None
    base_queries: Path | None
    foreign_keys: bool
    arm: str | None
    scale: float | None
    seed: int | None
    operations: tuple[str, ...]
    budget_seconds: float | None
    base_python: Path | None
    save: Path | None
    work: Path


@click.command()
@options(*_OPTIONS, JSON)
def gate(out: Path | None, as_json: bool, **values: Unpack[_Values]) -> int:
    """Build base and head side by side, measure them against each other, and say pass or not.

    Answers, counters and plans are held to exact limits; times to paired rounds with an A/A
    pair. Limits stand in `[gate]` of study.toml, or in `[tool.resale-bench.gate]` of the head's
    pyproject.toml. Exit codes: 0 pass, 1 a regression, 2 wrong use, 3 inconclusive, 4 the
    sides cannot be compared.

    Example: resale-bench gate --base origin/main --out gate

    Or: resale-bench gate --base my.db --migration new.sql --queries queries.sql
    """
    from bench import progress
    from bench.gate.job import run_gate
    from bench.gate.options import GateOptions
    from bench.output import claimed_folder

    _validate_options(values)
    if values["base_python"] is not None:
        values["base_python"] = values["base_python"].absolute()
    sides = GateOptions(**values)

    def say(text: str) -> None:
        click.echo(text, err=True)

    with nullcontext() if out is None else claimed_folder(out):
        if out is not None:
            # What an earlier run left would be taken for this one's.
            for name in FORMS:
                (out / name).unlink(missing_ok=True)
        document = run_gate(sides, say, progress.line(sys.stderr))
        _show(document, out, as_json=as_json)
    return document.exit_code


def _validate_options(values: _Values) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: with what to leave out.
    """
    if values["queries"] is not None:
        named = [
            option
            for option, value in (
                ("--arm", values["arm"]),
                ("--scale", values["scale"]),
                ("--base-python", values["base_python"]),
                ("--save", values["save"]),
            )
            if value is not None
        ]
        if named:
            raise click.UsageError(
                f"{' and '.join(named)} belong{'s' if len(named) == 1 else ''} to seeded "
                "databases; leave it out beside --queries."
            )
    elif not values["foreign_keys"]:
        raise click.UsageError("--no-foreign-keys goes with --queries; leave it out here.")
    elif values["base_queries"] is not None:
        raise click.UsageError("--base-queries goes with --queries; name the head's file too.")
    elif values["migration"] is not None and any(
        value is not None for value in (values["scale"], values["seed"], values["arm"])
    ):
        raise click.UsageError(
            "A database has its own scale, seed and state; leave out --scale, --seed and --arm."
        )


def _show(document: Gate, out: Path | None, *, as_json: bool) -> None:
    from bench.report.gate_benchmark import gate_benchmark_json
    from bench.report.gate_junit import gate_junit
    from bench.report.sections.gate import gate_blocks, gate_markdown
    from bench.report.terminal import blocks_text
    from bench.results import store

    if as_json:
        click.echo(json.dumps(document.json_values()))
    else:
        click.echo(blocks_text(gate_blocks(document), width=WIDTH))
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    store.write_json(out / "gate.json", document)
    (out / "gate.md").write_text(gate_markdown(document), encoding="utf-8")
    (out / "gate.xml").write_text(gate_junit(document), encoding="utf-8")
    store.write_json(out / "benchmark.json", gate_benchmark_json(document))
