"""Structured logs: one JSON object a line, a line for each request.

Each line has the id of its request, which is also in the response's X-Request-ID header.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import sys
import time
from contextvars import ContextVar
from typing import Any, BinaryIO

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADER = b"x-request-id"
_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_STATUS = 500
# Generated ids: a random number of this process, and a counter of its requests.
_PROCESS, _numbers = secrets.token_hex(8).encode(), itertools.count(1)

request_id_now: ContextVar[str | None] = ContextVar("request_id_now", default=None)
"""The id of the request that is being answered."""


def _with_request_id(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    request_id = request_id_now.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


_SHARED: list[Any] = [
    _with_request_id,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def _as_text(event: Any, **options: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def request_logger(level: str, stream: BinaryIO | None = None) -> Any:
    """A logger that writes lines of JSON to a stream, standard error by default."""
    return structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stderr.buffer),
        processors=[*_SHARED, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        cache_logger_on_first_use=True,
    )


def install(level: str) -> None:
    """Send what libraries log, uvicorn and the scheduler among them, the same way.

    For a process that serves: it changes the root logger.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_as_text),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # What libraries say below a warning is about themselves.
    root.setLevel(max(_number(level), logging.WARNING))
    logging.getLogger("reference_app").setLevel(_number(level))


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


class RequestLog:
    """Middleware: an id for each request, and a line with its status and how long it took.

    A caller may give the id, as X-Request-ID of up to 64 letters, digits, dots, dashes
    and underscores; what is anything else is replaced.
    """

    def __init__(self, app: ASGIApp, logger: Any, *, enabled: bool) -> None:
        self._app = app
        self._logger = logger
        self._enabled = enabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id_of(scope)
        request_id_now.set(request_id.decode())
        status = _NO_STATUS
        begun_ns = time.perf_counter_ns()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((_HEADER, request_id))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if self._enabled:
                self._logger.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round((time.perf_counter_ns() - begun_ns) / 1e6, 3),
                )


def _id_of(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == _HEADER and _USABLE.fullmatch(value):
            return bytes(value)
    return b"%s-%x" % (_PROCESS, next(_numbers))
