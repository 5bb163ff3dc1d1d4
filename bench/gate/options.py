"""What a gate run is asked for, and the limits of a project's pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What to compare. `base` is a git ref, a saved run's folder, or a database with `migration`.

    `operations` empty: all. `budget_seconds` is for measuring, without building; None: as the
    limits say. `arm` None: the study's last. `scale` None: the saved run's, else the study's.
    `save` is the folder of a run that keeps what was counted of a head that passes. `pinned`
    keeps the sides' processes on one core. With `queries` the base is anybody's database: its
    operations stand in that file, those of the base in `base_queries` where they differ, and
    `foreign_keys` says whether its application holds to them.
    """

    base: str
    head: Path
    work: Path
    arm: str | None = None
    scale: float | None = None
    seed: int | None = None
    migration: Path | None = None
    operations: tuple[str, ...] = ()
    budget_seconds: float | None = None
    base_python: Path | None = None
    python: Path | None = None
    save: Path | None = None
    pinned: bool = True
    queries: Path | None = None
    base_queries: Path | None = None
    foreign_keys: bool = True


def limits_table(project: Path) -> dict[str, Any]:
    """`[tool.resale-bench.gate]` of the project's pyproject.toml; empty without one.

    Raises:
        BenchError: the file is not valid TOML, or another entry stands where a table has to.
    """
    path = project / "pyproject.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BenchError(f"{path} is not valid TOML ({error}); mend it.") from error
    table: Any = data
    for name in ("tool", "resale-bench", "gate"):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise BenchError(f"`{name}` has to be a table in {path}.")
    return dict(table)
