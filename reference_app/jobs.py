"""Periodic jobs inside the server.

A job is a coroutine function without arguments that may run at any time and any number of times. A
failed job is logged and runs again at its next interval.
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
    """Runs jobs at their intervals, never one twice at once, from `start` to `stop`.

    `on_failure` is called with a job that failed and its error.
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
        """Whether they were started and not stopped."""
        return self._scheduler is not None

    @property
    def failing(self) -> list[str]:
        """The names of the jobs whose last run failed."""
        return sorted(self._failing)

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self.jobs:
            self._scheduler.add_job(
                self.run_job,
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
        """Stop; a job in progress runs to its end."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def run_once(self) -> None:
        """Run every job once, one after another."""
        for job in self.jobs:
            await self.run_job(job)

    async def run_job(self, job: Job) -> None:
        """Run one job; a failure is recorded, not raised."""
        try:
            await job.run()
        except Exception as error:
            _log.exception("the job %s failed; it runs again in %g s", job.name, job.every_s)
            self._failing.add(job.name)
            if self._on_failure is not None:
                self._on_failure(job, error)
        else:
            self._failing.discard(job.name)
