"""Accepts connections: a few at a time, and those beyond the limits at almost no cost.

The event loop's own server accepts all that wait in one go, and makes a transport and a protocol
for each, to be refused then: a burst of them holds up every request that is being answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

_AT_ONCE = 16
_PAUSE_S = 0.1
"""How long nothing is accepted once the process or the machine has no room for a connection."""

# The bytes with which to refuse a connection from an address, None to take it.
Refuse = Callable[[str], bytes | None]


class Acceptor:
    """Accepts from a listening socket until it is closed; a server in the eyes of uvicorn."""

    def __init__(
        self,
        listener: socket.socket,
        refuse: Refuse,
        protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listener = listener
        self._refuse = refuse
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
        """Wait until what was accepted has its protocol."""
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
                # No room: to try again at once would only keep the loop busy.
                self._loop.remove_reader(self._listener)
                self._resume = self._loop.call_later(_PAUSE_S, self._listen)
                return
            accepted.setblocking(False)
            answer = self._refuse(address[0])
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
