"""Disk needs are figured before work and refused with both figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measure import disk
from seeds import checks
from seeds.plan import Plan


def test_the_full_size_stays_within_the_limit() -> None:
    source_bytes = checks.size_estimate(Plan(1.0))
    assert disk.need(source_bytes, copies=2).total_bytes <= disk.LIMIT_BYTES


def test_need_grows_with_copies() -> None:
    none, one, two = (disk.need(1000, copies=copies).total_bytes for copies in range(3))
    assert none == 1000
    assert none < one < two


def test_a_third_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="At most two"):
        disk.need(1000, copies=3)


def test_too_little_disk_is_said_with_both_figures(tmp_path: Path) -> None:
    with pytest.raises(disk.DiskTooSmall, match=r"needs 1000000\.0 GB .* free"):
        disk.demand(tmp_path / "not" / "there", 10**15)


def test_enough_disk_is_no_matter(tmp_path: Path) -> None:
    disk.demand(tmp_path, 1)
