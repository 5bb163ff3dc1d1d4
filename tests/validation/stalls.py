"""Product details while one client loops a slow scan, and without."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from bench.judge.stats import median, quantile
from bench.load.server_process import ServerProcess
from tests.validation.http_generator import Generator, LoadFailed, request

_WARM_UP_S = 0.3
_SCAN_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Stall:
    """Product details while a scan loops, and without."""

    database: str
    scans: int
    scan_median_ns: int
    quiet_p50_ns: int
    quiet_p99_ns: int
    p50_ns: int
    p99_ns: int
    max_ns: int


def stall(
    name: str,
    server: ServerProcess,
    generator: Generator,
    token: str,
    ids: Sequence[int],
    *,
    path: str,
    seconds: float,
    connections: int,
) -> Stall:
    """Details without and with a scan that one client loops.

    Raises:
        LoadFailed: a server closed a connection, or refused the scan.
    """
    details = [request("GET", server.url, f"/products/{product_id}") for product_id in ids]

    def details_for(for_s: float) -> Sequence[int]:
        found = generator.send(server.url, details, connections=connections, seconds=for_s)
        return found.latencies_ns

    details_for(_WARM_UP_S)
    quiet = details_for(seconds)
    scans_ns: list[int] = []
    refused: list[str] = []
    begun, enough = threading.Event(), threading.Event()

    def loop() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=_SCAN_TIMEOUT_S) as client:
            begun.set()
            # At least one is seen to its end, however long it takes.
            while not scans_ns or not enough.is_set():
                begun_ns = time.perf_counter_ns()
                try:
                    answer = client.get(path)
                except httpx.HTTPError as error:
                    refused.append(f"{path} was not answered ({error!r}); look at the server.")
                    return
                if answer.status_code != 200:
                    refused.append(f"{path} was answered {answer.status_code}: {answer.text[:200]}")
                    return
                scans_ns.append(time.perf_counter_ns() - begun_ns)

    scanner = threading.Thread(target=loop)
    scanner.start()
    begun.wait(_SCAN_TIMEOUT_S)
    try:
        busy = details_for(seconds)
    finally:
        enough.set()
        scanner.join()
    if refused:
        raise LoadFailed(refused[0])
    return Stall(
        name,
        len(scans_ns),
        round(median(scans_ns)),
        quiet_p50_ns=round(quantile(quiet, 0.5)),
        quiet_p99_ns=round(quantile(quiet, 0.99)),
        p50_ns=round(quantile(busy, 0.5)),
        p99_ns=round(quantile(busy, 0.99)),
        max_ns=max(busy),
    )
