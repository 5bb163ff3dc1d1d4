"""`resale-bench race` against a real server on the loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.resale.race import checks
from tests.bench.command import Command
from tests.validation.seeded_shop import let_staff_in

Race = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop(arms: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small shop with a ledger, and the token of its staff."""
    path = Path(shutil.copy(arms["after"], tmp_path_factory.mktemp("raced") / "shop.db"))
    return path, let_staff_in(path)


@pytest.fixture
def race(command: Command, monkeypatch: pytest.MonkeyPatch) -> Race:
    """The command, with a token of staff."""

    def run(url: str, token: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("RESALE_ADMIN_TOKEN", token)
        return command("race", "--url", url, *words)

    return run


@contextmanager
def served(path: Path, *words: str, **settings: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", "serve", "--db", str(path), "--port", "0", *words],
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


def test_every_probe_holds_on_the_shop_as_it_is(shop: tuple[Path, str], race: Race) -> None:
    path, token = shop
    with served(path) as url:
        code, output, error = race(url, token, "--clients", "6", "--rounds", "2", "--json")
        assert (code, error) == (0, "")
        probes = json.loads(output)["probes"]
        assert [(one["rounds"], one["broken"], one["ledger"]) for one in probes] == [
            (2, [], True)
        ] * 4
        code, _, error = race(url, "nobody", "--rounds", "1")
        assert code == 2
        assert "not those of staff" in error


def test_no_more_orders_wait_to_be_paid_than_one_address_may_have(
    shop: tuple[Path, str], race: Race
) -> None:
    path, token = shop
    with served(path, RESALE_RESERVATIONS_BY_ADDRESS="1") as url:
        probes = ("--probe", "last-item", "--probe", "idempotency")
        code, output, error = race(url, token, *probes, "--clients", "4", "--rounds", "3", "--json")
        assert (code, error) == (0, "")
        document = json.loads(output)
        assert [one["rounds"] for one in document["probes"]] == [3, 3]
        assert document["left"] == []


def test_the_reports_own_update_is_caught(shop: tuple[Path, str], race: Race) -> None:
    """The report says "no race conditions possible"; its UPDATE has no guard of the state."""
    path, token = shop
    with served(path, "--variant", "reported") as url:
        words = ("--probe", "offer-answers", "--clients", "4", "--rounds", "2")
        code, output, error = race(url, token, *words)
    assert code == 1, error
    said = " ".join(output.split())
    assert f"broken in 2 of 2 rounds: {checks.ANSWERED_ONCE}" in said
    assert "an offer was answered 4 times: " in said
    assert "batch BATCH-" in said
