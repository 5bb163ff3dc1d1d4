"""How connections are accepted: a few at a time, and after the process had no room for one."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from contextlib import ExitStack
from typing import Any

from reference_app.accepting import Acceptor

LONGEST_S = 20.0


def listening(stack: ExitStack, kind: type[socket.socket] = socket.socket) -> socket.socket:
    listener = stack.enter_context(kind(socket.AF_INET, socket.SOCK_STREAM))
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    return listener


def connected(stack: ExitStack, listener: socket.socket, count: int) -> list[socket.socket]:
    address = listener.getsockname()
    return [stack.enter_context(socket.create_connection(address, LONGEST_S)) for _ in range(count)]


def test_a_burst_of_connections_is_refused_in_portions() -> None:
    async def refuse_all(listener: socket.socket) -> Counter[int]:
        loop = asyncio.get_running_loop()
        turn = 0
        by_turn: Counter[int] = Counter()

        def refuse(_: str) -> bytes:
            by_turn[turn] += 1
            return b"no"

        acceptor = Acceptor(listener, refuse, asyncio.Protocol)
        ends = loop.time() + LONGEST_S
        while by_turn.total() < 40 and loop.time() < ends:
            await asyncio.sleep(0)
            turn += 1
        acceptor.close()
        await acceptor.wait_closed()
        return by_turn

    with ExitStack() as stack:
        listener = listening(stack)
        waiting = connected(stack, listener, 40)
        assert sorted(asyncio.run(refuse_all(listener)).values()) == [8, 16, 16]
        assert [one.recv(10) + one.recv(10) for one in waiting] == [b"no"] * 40


class Full(socket.socket):
    """A listener whose process may open no more files, once."""

    tried = 0

    def accept(self) -> Any:
        self.tried += 1
        if self.tried == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_a_process_that_had_no_room_accepts_again() -> None:
    async def take_one(listener: socket.socket) -> None:
        taken = asyncio.Event()

        class Taken(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                transport.write(b"yes")
                transport.close()
                taken.set()

        acceptor = Acceptor(listener, lambda _: None, Taken)
        await asyncio.wait_for(taken.wait(), LONGEST_S)
        acceptor.close()
        await acceptor.wait_closed()

    with ExitStack() as stack:
        listener = listening(stack, Full)
        (waiting,) = connected(stack, listener, 1)
        asyncio.run(take_one(listener))
        assert waiting.recv(10) == b"yes"
