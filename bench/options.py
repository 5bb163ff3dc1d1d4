"""What several commands ask for: shared options, and the values behind them.

Only for the command line. What takes long to import comes when a command needs it, so that
`--help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from bench.exit_codes import GOOD, INVALID, REGRESSION

if TYPE_CHECKING:
    from bench.results.model import Document
    from bench.study import Study

Shown = TypeVar("Shown", bound="Document")
DATABASE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
STUDY = click.option(
    "--study",
    type=click.Path(path_type=Path),
    help="A study's folder, or its study.toml.  [default: the built-in resale study]",
)
WORK = click.option(
    "--work",
    default=Path("data"),
    type=FOLDER,
    show_default=True,
    help="Where databases are built; emptied afterwards.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
# What every command that puts load on a service is asked.
SOURCE = click.option(
    "--db", "database", type=DATABASE, help="Use this seeded database; it stays as it is."
)
SCALE = click.option(
    "--scale", type=float, help="Size of the data; 1 is the study's full size.  [default: 1]"
)
SEED = click.option(
    "--seed", type=int, help="Seed of data, arrivals and draws.  [default: 20251005]"
)
SPACING = click.option(
    "--spacing",
    default="poisson",
    show_default=True,
    type=click.Choice(["poisson", "even"]),
    help="How arrivals lie in time.",
)
TAGS = click.option(
    "--tags", "families", multiple=True, help="Only requests of this claim family; may be repeated."
)


def options(
    *stacked: Callable[[Callable[..., int]], Callable[..., int]],
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Several options as one decorator, in the order in which help shows them."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        for option in reversed(stacked):
            command = option(command)
        return command

    return decorate


def load_exit(*, valid: bool, held: bool) -> int:
    """The exit code of a load: 1 a rule of the study was broken, 3 invalid, 0 measured."""
    return REGRESSION if not held else GOOD if valid else INVALID


def names_of(text: str) -> tuple[str, ...]:
    """Names that stand in an option with commas between them."""
    return tuple(name.strip() for name in text.split(","))


def arms_of(study: Study, text: str | None) -> tuple[str, ...]:
    """Names of arms from an option; without it the study's base and judged arm."""
    return (study.base, study.judged) if text is None else names_of(text)


def say_beside(*, as_json: bool) -> Callable[[str], None]:
    """Prints what happens; on the error stream where the figures are printed as JSON."""
    return lambda text: click.echo(text, err=as_json)


def timed_folder(kind: str) -> Path:
    """Where a command writes that was not told where: results/KIND-TIME."""
    return Path("results", f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def figures_or_text(
    document: Shown, written: Path, render: Callable[[Shown], str], *, as_json: bool
) -> None:
    """Print a load's document: as JSON, or as text with the file it stands in."""
    if as_json:
        click.echo(json.dumps(document.json_values()))
        return
    click.echo(render(document))
    click.echo(f"written: {written}")


def at_terminal() -> bool:
    """Whether somebody is there who could be asked."""
    return sys.stdin.isatty()


def ask_password(variable: str, *, confirm: bool = False) -> str:
    """Ask for a password at the terminal; it is not shown.

    Raises:
        click.UsageError: there is no terminal; `variable` is where to put it then.
    """
    if not at_terminal():
        raise click.UsageError(f"There is nobody to ask for a password; give it in {variable}.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    return password


def study_of(path: Path | None) -> Study:
    """Return the study of that file, or the built-in one."""
    from bench.study import BUILT_IN, load_study

    return load_study(path or BUILT_IN)


def served_study_of(path: Path | None) -> Study:
    """Return a study that load can be put on.

    Raises:
        click.UsageError: it has no service.
    """
    from bench.study.hooks import hooks_of

    study = study_of(path)
    if hooks_of(study).service is None:
        raise click.UsageError(f"The study {study.name} has no service to put load on.")
    return study


def seed_of(given: int | None) -> int:
    """Return the seed that was asked for, or the usual one."""
    from bench.study.hooks import PARAMETER_SEED

    return PARAMETER_SEED if given is None else given


def data_of(
    study: Study, database: Path | None, scale: float | None, seed: int | None
) -> tuple[float, int]:
    """Scale and seed: as asked for, or as the database has them.

    Of a study that generates no data the scale is 1, and the seed that of its parameters.
    """
    from bench.study.hooks import generator_of, hooks_of

    hooks = hooks_of(study)
    if hooks.generator is None:
        if database is None:
            generator_of(study)
        if scale is not None:
            raise click.UsageError(
                f"The study {study.name} has its database's size; leave out --scale."
            )
        return 1.0, seed_of(seed)
    if database is None:
        return 1.0 if scale is None else scale, seed_of(seed)
    if scale is not None or seed is not None:
        raise click.UsageError(
            "A database has its own scale and seed; leave out --scale and --seed, or --db."
        )
    if not database.is_file():
        raise click.UsageError(f"There is no database {database}; seed one or check the path.")
    dataset = hooks.dataset(database)
    return dataset.scale or 1.0, seed_of(dataset.seed)
