"""The end of a play: reached once, well or by the fault that cut it short."""

from __future__ import annotations

import asyncio


class Completion:
    """Awaited by who plays; faults of callbacks and tasks of the loop end the play too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._fault)

    @property
    def over(self) -> bool:
        """Whether the end has been reached."""
        return self._future.done()

    async def wait(self) -> None:
        """Wait for the end.

        Raises:
            Exception: that with which the play failed.
        """
        await self._future

    def reach(self) -> None:
        """End the play, unless it has ended."""
        if not self._future.done():
            self._future.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the play by a fault, unless it has ended."""
        if not self._future.done():
            self._future.set_exception(error)

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self.fail(error if isinstance(error, Exception) else RuntimeError(context["message"]))
