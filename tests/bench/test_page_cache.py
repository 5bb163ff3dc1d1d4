"""Files come into the page cache in one way, and stay as they are."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from bench.measure import page_cache


class _Memory(NamedTuple):
    available: int


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("one.db", "two.db")]
    for path in paths:
        path.write_bytes(os.urandom(50 * mmap.PAGESIZE))
    return paths


def test_files_stay_as_they_are(files: list[Path]) -> None:
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert page_cache.reload(files)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_what_does_not_fit_is_not_read(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(path.stat().st_size for path in files)
    for free, fits in ((size - 1, False), (size, True)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: _Memory(free))
        assert page_cache.reload(files) is fits
