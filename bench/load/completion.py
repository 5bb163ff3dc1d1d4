"""The end of a load: reached once, well or by the fault that cut it short."""

from __future__ import annotations

import asyncio


class Completion:
    """Awaited by the generator; faults of callbacks and tasks of the loop end the load too."""

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
            Exception: that with which the load failed.
        """
        await self._future

    def reach(self) -> None:
        """End the load, unless it has ended."""
        if not self._future.done():
            self._future.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the load by a fault, unless it has ended."""
        if not self._future.done():
            self._future.set_exception(error)

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self.fail(error if isinstance(error, Exception) else RuntimeError(context["message"]))
