"""The manifest next to a seeded database: scale, seed, hashes and versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apsw
import orjson

from seeds.scale import Plan

FORMAT = 1
_PACKAGES = ("numpy", "pyarrow", "faker", "adbc-driver-sqlite", "apsw")


class ManifestMissing(Exception):
    """The database has no readable manifest next to it."""

    exit_code = 2


@dataclass(frozen=True)
class Manifest:
    """What a database was made from: enough to make it again and to sample its parameters."""

    format: int
    scale: float
    seed: int
    now: str
    content_hash: str
    vocabulary_hash: str
    counts: Mapping[str, int]
    tables: Mapping[str, str]
    versions: Mapping[str, str]

    def plan(self) -> Plan:
        """The plan that the data was made from."""
        return Plan(self.scale, self.seed)


def manifest_path(db: Path) -> Path:
    """The path of a database's manifest."""
    return db.with_name(db.name + ".manifest.json")


def rollup_path(db: Path) -> Path:
    """The path of the daily counts of a database's events, a Parquet file."""
    return db.with_name(db.name + ".rollup.parquet")


def versions() -> dict[str, str]:
    """Versions of everything that decides the content or the speed."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "sqlite": apsw.sqlite_lib_version(), **packages}


def to_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON, keys sorted."""
    return orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def read_manifest(db: Path) -> Manifest:
    """The manifest of a database. Raises ManifestMissing if there is none or it is broken."""
    path = manifest_path(db)
    try:
        fields: dict[str, Any] = orjson.loads(path.read_bytes())
        return Manifest(**fields)
    except FileNotFoundError:
        raise ManifestMissing(
            f"{path} is missing, which `resale-bench seed` writes next to a database: put it back, "
            "or seed again. On a database that is not this shop's works `resale-bench gate --base "
            f"{db} --migration FILE.sql --queries FILE.sql`."
        ) from None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ManifestMissing(
            f"{path} cannot be read ({error}): seed the database again."
        ) from error
