"""One small seeded database for all tests of seeds that read and do not write."""

from __future__ import annotations

from pathlib import Path

import pytest

from seeds.load import SeedReport, seed

SCALE = 0.002


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SeedReport]:
    """(file, report) at scale 0.002: 200 products, 20,000 events."""
    db = tmp_path_factory.mktemp("seeded") / "shop.db"
    return db, seed(db, scale=SCALE)
