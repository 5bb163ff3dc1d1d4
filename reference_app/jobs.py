"""The shop's jobs: what has to happen by itself, at intervals, inside the server.

A job is a coroutine without arguments that may be run at any time and any number of
times. A failing job is logged and tried again at its next turn. No SQL may enter.
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
    """Runs jobs at their intervals, never two turns of one at once, from `start` to `stop`."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = tuple(jobs)
        self._scheduler: AsyncIOScheduler | None = None

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self.jobs:
            self._scheduler.add_job(
                _guarded,
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
            await _guarded(job)


async def _guarded(job: Job) -> None:
    try:
        await job.run()
    except Exception:
        _log.exception("the job %s failed; it runs again in %g s", job.name, job.every_s)
