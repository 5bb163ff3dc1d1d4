"""A small seeded shop, made once for all tests that measure one, and commands in this process."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from seeds import load
from tests.bench.command import Command

SCALE = 0.003


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A seeded database that no test may change, nor leave a file beside."""
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    load.seed(path, scale=SCALE)
    as_made = state(path.parent)
    yield path
    assert state(path.parent) == as_made


def state(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def shop(seeded: Path, tmp_path: Path) -> Path:
    """A copy of it, with what lies beside it, that a test may change."""
    for path in seeded.parent.glob("shop.db*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "shop.db"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """A command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Command()
