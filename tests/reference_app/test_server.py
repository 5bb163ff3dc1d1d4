from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import httpx
import pytest

from bench.resale.migrating import bring_to
from bench.study import load_study
from reference_app import migrate
from reference_app.accounts.offline import save_account
from reference_app.database import DatabaseBusy, DatabaseMissing
from reference_app.file_lock import exclusive_lock
from reference_app.server import AddressUnavailable, bind, serve
from reference_app.settings import Settings
from reference_app.stock.audit import audit
from tests.files_in_use import content

SERVE = """
import sys
from pathlib import Path
from reference_app.server import serve
from reference_app.settings import Settings
serve(Settings(database=Path(sys.argv[1])), port=0, announce=lambda url: print(url, flush=True))
print("closed", flush=True)
"""


@contextmanager
def served(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_what_was_tracked_outlives_the_server(shop_after: Path) -> None:
    event = {"event_type": "search", "session_id": "outlives"}
    with served(shop_after) as (process, url):
        response = httpx.post(f"{url}/analytics/track", json={"events": [event] * 3})
        assert response.json() == {"accepted": 3}
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(shop_after) as (process, url):
        items = httpx.get(
            f"{url}/admin/analytics/events?type=search", headers={"Authorization": "Bearer staff"}
        ).json()["items"]
        assert [item["session_id"] for item in items] == ["outlives"] * 3


def test_the_first_signal_ends_it_gracefully(shop_after: Path) -> None:
    with served(shop_after) as (process, url):
        assert httpx.get(f"{url}/ready").json()["status"] == "ready"
        process.send_signal(signal.SIGINT)
        process.wait(20)
    left = {path.name for path in shop_after.parent.iterdir()}
    assert left == {shop_after.name, f"{shop_after.name}.outbox.db"}


def test_a_port_in_use_is_told(shop_after: Path) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailable, match=f"The port {port} of 127.0.0.1 is in use"):
            serve(Settings(database=shop_after), port=port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_an_address_that_cannot_be_is_told(host: str, port: int) -> None:
    with pytest.raises(AddressUnavailable, match="choose another"):
        bind(host, port)


def test_a_missing_database_frees_the_port(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    with pytest.raises(DatabaseMissing):
        serve(Settings(database=tmp_path / "none.db"), port=port)
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_migration_waits_for_the_server_to_stop(shop_before: Path) -> None:
    arm = load_study().arm("after")
    with served(shop_before) as (process, url):
        assert httpx.get(f"{url}/ready").json()["status"] == "ready"
        before = content(shop_before.parent)
        with pytest.raises(DatabaseBusy, match="stop it, then migrate"):
            bring_to(shop_before, arm)
        assert content(shop_before.parent) == before
        # What works beside a server goes on doing so.
        assert save_account(shop_before, "new@example.com", "a long password", "admin", "A", "B")
        audit(shop_before, without_ledger=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert bring_to(shop_before, arm)


def test_a_server_waits_for_the_migration_to_end(shop_before: Path) -> None:
    with exclusive_lock(shop_before), pytest.raises(DatabaseBusy, match="is being migrated"):
        serve(Settings(database=shop_before), port=0)


def test_a_server_notices_a_migration_by_another_tool(shop_before: Path) -> None:
    """A write that left out the new ledger would break it, and a dropped column every page."""
    staff = {"Authorization": "Bearer staff"}
    pages = ("/products/1", "/products", "/admin/dashboard")
    with served(shop_before) as (_, url):

        def answers() -> list[int]:
            return [httpx.get(f"{url}{page}", headers=staff).status_code for page in pages]

        assert answers() == [200] * 3
        assert httpx.get(f"{url}/ready").json()["ledger"] is False
        with closing(apsw.Connection(str(shop_before))) as other:
            other.set_busy_timeout(5000)
            migrate.apply(other)
        assert answers() == [200] * 3
        corrected = httpx.post(
            f"{url}/admin/stock/1/adjustments",
            headers=staff,
            json={"quantity_change": 1, "note": "found"},
        )
        assert corrected.status_code == 201
        assert httpx.get(f"{url}/ready").json()["ledger"] is True
    assert audit(shop_before).ok
