"""Writes failed answers and failed jobs to the system log."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request

from reference_app.admin.system_log import SystemLog
from reference_app.jobs import Job
from reference_app.logs import request_id_now

_LONGEST = 300


class ErrorLog:
    """Records responses from status 500 on, and failed jobs."""

    def __init__(self, system_log: SystemLog) -> None:
        self._system_log = system_log

    def of_request(self, request: Request, status: HTTPStatus, error: Exception) -> None:
        """Record a response under its route, not its path: all of one route are one row."""
        route = getattr(request.scope.get("route"), "path", "an unknown route")
        self._system_log.note(
            # The database is busy now and then; the caller may retry.
            "warning" if status == HTTPStatus.SERVICE_UNAVAILABLE else "error",
            "http",
            f"{request.method} {route} answered {int(status)}",
            error=_text(error),
            request_id=request_id_now.get() or "",
        )

    def of_job(self, job: Job, error: Exception) -> None:
        """Record a failed job."""
        self._system_log.note("error", "jobs", f"The job {job.name} failed", error=_text(error))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST]
