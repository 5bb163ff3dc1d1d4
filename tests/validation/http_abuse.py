"""What others feel while one client abuses the shop, on loopback.

    python -m tests.validation.http_abuse

Each attack runs for four seconds in a process of its own against one server with its default
limits, and ends by itself. Prints the product page's latency as a client of another address sees
it, how many of its requests failed, and the server's memory.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.reference_app.conftest import AFTER, make_shop
from tests.reference_app.test_connections import served

LASTS_S = 4.0
Address = tuple[str, int]


def nothing(address: Address, ends: float) -> None:
    """No attack, for comparison."""
    time.sleep(max(0.0, ends - time.time()))


def endless_header(address: Address, ends: float) -> None:
    """A header that does not end, over and over."""
    while time.time() < ends:
        with socket.create_connection(address) as one, contextlib.suppress(OSError):
            one.sendall(b"GET / HTTP/1.1\r\nx: ")
            while time.time() < ends:
                one.sendall(b"a" * 65_536)


def unknown_keys(address: Address, ends: float) -> None:
    """An order whose line has 1,400 unknown keys."""
    line = {"product_id": 1, **{f"k{number}": 1 for number in range(1400)}}
    body = json.dumps({"fulfilment": "collection", "items": [line]})
    one = http.client.HTTPConnection(*address)
    while time.time() < ends:
        one.request("POST", "/orders", body, {"content-type": "application/json"})
        one.getresponse().read()


def half_requests(address: Address, ends: float) -> None:
    """Two thousand requests that are begun and held open."""
    with contextlib.ExitStack() as held, contextlib.suppress(OSError):
        for _ in range(2000):
            one = held.enter_context(socket.create_connection(address, 2))
            one.sendall(b"GET / HT")
        nothing(address, ends)


ATTACKS: tuple[Callable[[Address, float], None], ...] = (
    nothing,
    endless_header,
    unknown_keys,
    half_requests,
)


def main() -> None:
    """Run every attack and print what others felt."""
    with tempfile.TemporaryDirectory() as folder:
        path = make_shop(Path(folder, "shop.db"), AFTER)
        with served(path, small=False, RESALE_LOG_LEVEL="error") as (host, port, pid):
            for attack in ATTACKS:
                ends = time.time() + LASTS_S
                attacker = multiprocessing.Process(target=attack, args=((host, port), ends))
                attacker.start()
                taken_ms, failed = [], 0
                while attacker.is_alive():
                    begun = time.perf_counter()
                    page = http.client.HTTPConnection(
                        host, port, timeout=30, source_address=("127.0.0.9", 0)
                    )
                    try:
                        page.request("GET", "/products/1")
                        failed += page.getresponse().status != 200
                    except OSError:
                        failed += 1
                    page.close()
                    taken_ms.append((time.perf_counter() - begun) * 1e3)
                    time.sleep(0.005)
                attacker.join()
                taken_ms.sort()
                memory_mb = psutil.Process(pid).memory_info().rss / 1e6
                print(
                    f"{attack.__name__}: {len(taken_ms)} pages, {failed} failed, "
                    f"p50 {taken_ms[len(taken_ms) // 2]:.1f} ms, "
                    f"p99 {taken_ms[int(len(taken_ms) * 0.99)]:.1f} ms, "
                    f"memory {memory_mb:.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
