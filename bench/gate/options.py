"""What a gate run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
