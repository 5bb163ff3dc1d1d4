"""A server that is not there, for what is tested with generators that send nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_PORTS = count(1)


class FakeServer:
    """See `bench.load.servers.Server`."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{next(_PORTS)}"

    def cpu_s(self) -> float:
        return 0.0

    def reset_counters(self) -> None:
        return None

    def counters(self) -> dict[str, dict[str, int]]:
        return {}

    def require_alive(self) -> None:
        return None

    def require_disk(self, *_: object) -> None:
        return None


@contextmanager
def fake_serving(*_: object, **__: object) -> Iterator[FakeServer]:
    """See `bench.load.servers.serving`; each has a URL of its own."""
    yield FakeServer()
