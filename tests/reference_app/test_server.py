from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from reference_app.database import DatabaseMissing
from reference_app.server import AddressUnavailable, bind, serve
from reference_app.settings import Settings

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
