"""Disk needs are figured before work and refused with both figures."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from bench.errors import BenchError
from bench.measure import disk
from seeds import checks
from seeds.plan import Plan


def test_the_full_size_stays_within_the_limit() -> None:
    source_bytes = checks.size_estimate(Plan(1.0))
    assert disk.need(source_bytes, copies=2, plain=1).total_bytes <= disk.LIMIT_BYTES


def test_need_grows_with_copies() -> None:
    none, one, two = (disk.need(1000, copies=copies).total_bytes for copies in range(3))
    assert none == 1000
    assert none < one < two
    assert disk.need(1000, copies=2, plain=2).total_bytes == two + 2000


def test_a_third_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="At most two"):
        disk.need(1000, copies=3)


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(8_010_000_000, "8.0 GB"), (96_400_000, "96 MB"), (1_000_000, "1 MB"), (41_000, "41 kB")],
)
def test_a_size_is_said_in_its_unit(size_bytes: int, said: str) -> None:
    assert disk.amount(size_bytes) == said


def test_too_little_disk_is_said_with_both_figures(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"needs 1000000\.0 GB .* has [\d.]+ [GM]B free"):
        disk.require_free_space(tmp_path / "not" / "there", 10**15, sized=True)


@pytest.mark.parametrize(
    ("sized", "advice"),
    [
        (True, "free some, name another folder, or seed a smaller scale."),
        (False, "free some, or name another folder."),
    ],
)
def test_a_smaller_scale_is_advised_where_one_can_be_chosen(
    tmp_path: Path, sized: bool, advice: str
) -> None:
    with pytest.raises(BenchError) as refused:
        disk.require_free_space(tmp_path, 10**15, sized=sized)
    assert str(refused.value).endswith(advice)


def test_enough_disk_is_no_matter(tmp_path: Path) -> None:
    disk.require_free_space(tmp_path, 1, sized=False)


def spilled() -> list[str]:
    """Where the files lie that SQLite has opened and unlinked, while a sort stands open."""
    connection = apsw.Connection(":memory:")
    rows = connection.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
        "SELECT hex(randomblob(60)) FROM n ORDER BY 1"
    )
    next(rows)
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = os.readlink(link)
            if target.endswith("(deleted)"):
                found.append(str(Path(target).parent))
    connection.close(True)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's list of open files")
def test_what_is_sorted_is_sorted_in_the_folder(tmp_path: Path) -> None:
    assert str(tmp_path) not in spilled()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with disk.spilling_into(folder):
            assert str(folder) in spilled()
    assert not set(spilled()) & {str(tmp_path / "one"), str(tmp_path / "two")}
