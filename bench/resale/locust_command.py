"""How the served shop is to be visited: Locust's command line."""

from __future__ import annotations

import shlex
from pathlib import Path

SCENARIO = Path(__file__).parents[1] / "shop.py"


def locust_command(address: str) -> str:
    """Locust's command for the shop that is served at `address`, which tells Locust the rest."""
    here = Path.cwd()
    scenario = SCENARIO.relative_to(here) if SCENARIO.is_relative_to(here) else SCENARIO
    return shlex.join(["locust", "-f", str(scenario), "--host", address])
