"""How the served shop is to be visited: Locust's command line for one database.

Only reads the manifest beside the database and its tables' names; sends no request.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from bench.study import Study
from reference_app.database import connect, tables
from seeds.manifest import ManifestMissing, read_manifest

SCENARIO = Path(__file__).with_name("shop.py")
AFTER_ONLY = "after-only"


def locust_command(database: Path, address: str, study: Study) -> str:
    """Locust's command for the shop that is served from `database` at `address`.

    It names the scale and the seed, without which visitors ask for ids that do
    not exist, and leaves out what the database has no tables for.

    Raises:
        DatabaseError: the database cannot be read.
    """
    here = Path.cwd()
    scenario = SCENARIO.relative_to(here) if SCENARIO.is_relative_to(here) else SCENARIO
    words = ["locust", "-f", str(scenario), "--host", address, *_of_the_data(database)]
    connection = connect(database, query_only=True)
    try:
        have = tables(connection)
    finally:
        connection.close()
    if any(set(operation.needs) - have for operation in study.operations):
        words += ["--exclude-tags", AFTER_ONLY]
    return shlex.join(words)


def _of_the_data(database: Path) -> list[str]:
    try:
        manifest = read_manifest(database)
    except ManifestMissing:
        return []
    return ["--shop-scale", f"{manifest.scale:g}", "--shop-seed", str(manifest.seed)]
