"""`resale-bench race` against a real server on the loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.resale.race import checks
from seeds import load
from tests.validation.seeded_shop import let_staff_in

COMMAND = [sys.executable, "-m", "bench.cli"]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small shop with a ledger, and the token of its staff."""
    path = tmp_path_factory.mktemp("raced") / "shop.db"
    load.seed(path, scale=0.001)
    migrate = [*COMMAND, "migrate", "--db", str(path), "--arm", "after"]
    subprocess.run(migrate, cwd=ROOT, check=True, capture_output=True, timeout=60)
    return path, let_staff_in(path)


@contextmanager
def served(path: Path, *words: str, **settings: str) -> Iterator[str]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--db", str(path), "--port", "0", *words],
        cwd=ROOT,
        env=os.environ | {"RESALE_LOG_LEVEL": "error"} | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def race(url: str, token: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "race", "--url", url, *words],
        cwd=ROOT,
        env=os.environ | {"RESALE_ADMIN_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_probe_holds_on_the_shop_as_it_is(shop: tuple[Path, str]) -> None:
    path, token = shop
    with served(path) as url:
        found = race(url, token, "--clients", "6", "--rounds", "2", "--json")
        assert (found.returncode, found.stderr) == (0, "")
        probes = json.loads(found.stdout)["probes"]
        assert [(one["rounds"], one["broken"], one["ledger"]) for one in probes] == [
            (2, [], True)
        ] * 4
        wrong = race(url, "nobody", "--rounds", "1")
        assert wrong.returncode == 2
        assert "not those of staff" in wrong.stderr


def test_no_more_orders_wait_to_be_paid_than_one_address_may_have(shop: tuple[Path, str]) -> None:
    path, token = shop
    with served(path, RESALE_RESERVATIONS_BY_ADDRESS="1") as url:
        probes = ("--probe", "last-item", "--probe", "idempotency")
        found = race(url, token, *probes, "--clients", "4", "--rounds", "3", "--json")
        assert (found.returncode, found.stderr) == (0, "")
        document = json.loads(found.stdout)
        assert [one["rounds"] for one in document["probes"]] == [3, 3]
        assert document["left"] == []


def test_the_reports_own_update_is_caught(shop: tuple[Path, str]) -> None:
    """The report says "no race conditions possible"; its UPDATE has no guard of the state."""
    path, token = shop
    with served(path, "--variant", "reported") as url:
        words = ("--probe", "offer-answers", "--clients", "4", "--rounds", "2")
        found = race(url, token, *words)
    assert found.returncode == 1, found.stderr
    said = " ".join(found.stdout.split())
    assert f"broken in 2 of 2 rounds: {checks.ANSWERED_ONCE}" in said
    assert "an offer was answered 4 times: " in said
    assert "batch BATCH-" in said
