"""Files come into the page cache in one way, and stay as they are."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw
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


def test_no_files_are_read(files: list[Path]) -> None:
    assert page_cache.reload([])
    files[1].unlink()
    files[1].mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        page_cache.reload(files)
    assert (caught.value.errno, caught.value.filename) == (errno.EISDIR, str(files[1]))


# SQLite's shared lock. Source: sqlite.org/src/file/src/os.h, SHARED_FIRST and SHARED_SIZE
ALONE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    except OSError:
        sys.exit(1)
"""


def test_a_connection_keeps_its_locks(tmp_path: Path) -> None:
    """Without them another process takes itself for the last to have the database open."""
    path = tmp_path / "shop.db"

    def is_alone() -> bool:
        return not subprocess.run([sys.executable, "-c", ALONE, str(path)], check=False).returncode

    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE t (a)")
        assert not is_alone()
        assert page_cache.reload([path])
        assert not is_alone()
    assert is_alone()
