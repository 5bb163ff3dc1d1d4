"""A small seeded shop, made once for all tests that measure one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seeds import load

SCALE = 0.003


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded database that no test may change."""
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    load.seed(path, scale=SCALE)
    return path


@pytest.fixture
def shop(seeded: Path, tmp_path: Path) -> Path:
    """A copy of it, with what lies beside it, that a test may change."""
    for path in seeded.parent.glob("shop.db*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "shop.db"
