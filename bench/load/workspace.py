"""Where a load job takes its data from and where everything goes. A value; it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the data comes from and where everything goes; `database` None: seed one."""

    out: Path
    work: Path
    scale: float
    seed: int
    database: Path | None = None
