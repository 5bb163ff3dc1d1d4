"""Structured logs: a line of JSON for each request, by its id."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from reference_app import logs


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def _fails(_: Request) -> PlainTextResponse:
    raise RuntimeError("broken")


def client(stream: io.BytesIO, *, enabled: bool = True) -> TestClient:
    app = Starlette(routes=[Route("/hello", _hello), Route("/fails", _fails)])
    app.add_middleware(logs.RequestLog, logger=logs.request_logger("info", stream), enabled=enabled)
    return TestClient(app, raise_server_exceptions=False)


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_leaves_one_line_with_the_id_of_its_answer() -> None:
    stream = io.BytesIO()
    response = client(stream).get("/hello")
    [line] = lines(stream)
    assert line["request_id"] == response.headers["x-request-id"]
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", "/hello")
    assert (line["status"], line["level"]) == (200, "info")
    assert line["duration_ms"] >= 0


def test_ids_differ_from_request_to_request() -> None:
    stream = io.BytesIO()
    browser = client(stream)
    assert len({browser.get("/hello").headers["x-request-id"] for _ in range(5)}) == 5
    assert len({line["request_id"] for line in lines(stream)}) == 5


@pytest.mark.parametrize(
    ("given", "kept"), [("order-7.2_a", True), ("a" * 64, True), ("a" * 65, False), ("a b", False)]
)
def test_a_usable_id_of_the_caller_is_kept(given: str, kept: bool) -> None:
    stream = io.BytesIO()
    response = client(stream).get("/hello", headers={"X-Request-ID": given})
    assert (response.headers["x-request-id"] == given) is kept
    assert lines(stream)[0]["request_id"] == response.headers["x-request-id"]


def test_a_failing_request_is_logged_as_500() -> None:
    stream = io.BytesIO()
    assert client(stream).get("/fails").status_code == 500
    assert lines(stream)[0]["status"] == 500


def test_lines_can_be_turned_off_and_ids_stay() -> None:
    stream = io.BytesIO()
    assert client(stream, enabled=False).get("/hello").headers["x-request-id"]
    assert lines(stream) == []


def test_what_libraries_warn_of_is_json_too() -> None:
    """In a process of its own: it changes the root logger."""
    code = (
        "import logging; from reference_app import logs; logs.install('info');"
        "logging.getLogger('uvicorn.error').warning('shutting %s', 'down');"
        "logging.getLogger('uvicorn.error').info('unsaid');"
        "logging.getLogger('reference_app.answers').info('said')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in said.stderr.splitlines()]
    assert [line["event"] for line in found] == ["shutting down", "said"]
    assert found[0]["logger"] == "uvicorn.error"
    assert logging.getLogger().level != logging.INFO
