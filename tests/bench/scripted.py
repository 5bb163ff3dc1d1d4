"""A tiny HTTP server for tests, in a thread of its own, that does what the path says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Scripted:
    """`accepted` counts connections, `asked` requests by path, retries too.

    ?at=N&for_s=S holds everything up for S seconds when it is asked the N-th time; with each=N
    instead every N-th request of that path takes so long.
    """

    def __init__(self, together: int = 0) -> None:
        self.accepted = 0
        self.asked: dict[str, int] = {}
        self._together = together
        self._all_there = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        answered = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ]
                await reader.readexactly(sum(length))
                path = head.split(b" ")[1].decode()
                self.asked[path] = self.asked.get(path, 0) + 1
                if not await self._answer(path, writer, answered):
                    break
                answered += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter, answered: int) -> bool:
        """Whether the connection stays open."""
        first, *rest = path.strip("/").split("/")
        words = dict(word.split("=") for word in filter(None, path.partition("?")[2].split("&")))
        if "at" in words and self.asked[path] == int(words["at"]):
            time.sleep(float(words["for_s"]))
        if "each" in words and self.asked[path] % int(words["each"]) == 0:
            await asyncio.sleep(float(words["for_s"]))
        if first == "chunked":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{")
            await writer.drain()
            writer.write(b"}\r\n3\r\n   \r\n0\r\n\r\n")
        elif first == "continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # So that they come in two pieces.
            await asyncio.sleep(0.02)
            writer.write(WHOLE)
        elif first == "status":
            writer.write(f"HTTP/1.1 {rest[0]} Said\r\nContent-Length: 0\r\n\r\n".encode())
        elif first == "hang":
            await asyncio.Event().wait()
        elif first == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
            return False
        elif first == "never" or (first == "fresh" and answered):
            return False
        elif first == "garbage":
            writer.write(b"this is no HTTP\r\n\r\n")
        elif first == "last":
            writer.write(WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        elif first == "together":
            if self.asked[path] == self._together:
                self._all_there.set()
            await self._all_there.wait()
            writer.write(WHOLE)
        else:
            writer.write(WHOLE)
        return True


@contextmanager
def scripted(together: int = 0) -> Iterator[tuple[str, Scripted]]:
    """Its URL, and what it has seen."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[asyncio.Server, Scripted]:
        script = Scripted(together)
        return await asyncio.start_server(script.serve, "127.0.0.1", 0, backlog=2048), script

    async def stop() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server, script = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", script
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
