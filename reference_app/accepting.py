"""Accept connections a few at a time, and refuse those beyond the limits cheaply.

The event loop's own server accepts all waiting connections at once and makes a transport and a
protocol for each before it can be refused: a burst delays every request in progress.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

_AT_ONCE = 16
_PAUSE_S = 0.1
"""The pause after the process or the machine ran out of resources for connections."""

# The bytes that refuse a connection from an address, None to accept it.
Refusal = Callable[[str], bytes | None]


class Acceptor:
    """Accepts from a listening socket until it is closed; uvicorn treats it as a server."""

    def __init__(
        self,
        listener: socket.socket,
        refusal: Refusal,
        protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listener = listener
        self._refusal = refusal
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resume: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._listener)
        if self._resume is not None:
            self._resume.cancel()

    async def wait_closed(self) -> None:
        """Wait until every accepted connection has its protocol."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _listen(self) -> None:
        self._resume = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Accept a few connections; the loop calls again while more wait."""
        for _ in range(_AT_ONCE):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # Out of resources: an immediate retry would only keep the loop busy.
                self._loop.remove_reader(self._listener)
                self._resume = self._loop.call_later(_PAUSE_S, self._listen)
                return
            accepted.setblocking(False)
            answer = self._refusal(address[0])
            if answer is None:
                task = self._loop.create_task(self._take(accepted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                continue
            with accepted, contextlib.suppress(OSError):
                accepted.send(answer)

    async def _take(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, accepted)
        except OSError:
            # The client is gone already.
            accepted.close()
