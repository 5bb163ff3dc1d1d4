"""The shop's jobs: what has to happen by itself, at intervals, inside the server.

A job is a coroutine without arguments that may be run at any time and any number of times. A
failing job is logged and tried again at its next turn.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run, and every how many seconds."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


class Jobs:
    """Runs jobs at their intervals, never two turns of one at once, from `start` to `stop`.

    `on_failure` is told which job failed at a turn, and why.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        on_failure: Callable[[Job, Exception], None] | None = None,
    ) -> None:
        self.jobs = tuple(jobs)
        self._on_failure = on_failure
        self._scheduler: AsyncIOScheduler | None = None
        self._failing: set[str] = set()

    @property
    def running(self) -> bool:
        """Whether they have begun, and not been stopped."""
        return self._scheduler is not None

    @property
    def failing(self) -> list[str]:
        """The names of those that failed at their last turn."""
        return sorted(self._failing)

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self.jobs:
            self._scheduler.add_job(
                self.turn,
                "interval",
                args=(job,),
                id=job.name,
                seconds=job.every_s,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        self._scheduler.start()

    async def stop(self) -> None:
        """End; a turn that is under way is left to itself."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def run_once(self) -> None:
        """Run every job once, one after another."""
        for job in self.jobs:
            await self.turn(job)

    async def turn(self, job: Job) -> None:
        """Run one job; a failure is noted and not raised."""
        try:
            await job.run()
        except Exception as error:
            _log.exception("the job %s failed; it runs again in %g s", job.name, job.every_s)
            self._failing.add(job.name)
            if self._on_failure is not None:
                self._on_failure(job, error)
        else:
            self._failing.discard(job.name)
