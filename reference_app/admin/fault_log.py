"""What the server tells the system's log: failed answers and failed jobs."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request

from reference_app.admin.system_log import SystemLog
from reference_app.jobs import Job
from reference_app.logs import request_id_now

_LONGEST = 300


class FaultLog:
    """Notes answers from status 500 on, and turns of jobs that failed."""

    def __init__(self, system_log: SystemLog) -> None:
        self._system_log = system_log

    def of_request(self, request: Request, status: HTTPStatus, error: Exception) -> None:
        """Note an answer, under its route and not its path: all of one route are one row."""
        route = getattr(request.scope.get("route"), "path", "an unknown route")
        self._system_log.note(
            # The database is busy now and then; whoever asked was told to come again.
            "warning" if status == HTTPStatus.SERVICE_UNAVAILABLE else "error",
            "http",
            f"{request.method} {route} answered {int(status)}",
            error=_text(error),
            request_id=request_id_now.get() or "",
        )

    def of_job(self, job: Job, error: Exception) -> None:
        """Note a turn of a job that failed."""
        self._system_log.note("error", "jobs", f"The job {job.name} failed", error=_text(error))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST]
