"""What one client may take of a real server, with limits so small that they are soon reached."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.reference_app.conftest import AFTER, make_shop

SERVE = """
import sys
from pathlib import Path
from reference_app.server import serve
from reference_app.settings import Settings
serve(Settings(database=Path(sys.argv[1])), port=0, announce=lambda url: print(url, flush=True))
"""
SMALL = {
    "RESALE_LOG_LEVEL": "error",
    "RESALE_BODY_LIMIT_BYTES": "4096",
    "RESALE_JSON_MEMBERS_LIMIT": "50",
    "RESALE_FAULTS_LIMIT": "3",
    "RESALE_HEAD_LIMIT_BYTES": "1024",
    "RESALE_HEADERS_LIMIT": "12",
    "RESALE_PIPELINED_REQUESTS": "4",
    "RESALE_HEAD_TIMEOUT_S": "0.4",
    "RESALE_BODY_TIMEOUT_S": "0.4",
    "RESALE_WRITE_TIMEOUT_S": "0.4",
    "RESALE_KEEP_ALIVE_S": "1",
}
LONGEST_S = 20.0
TRACK = b"POST /analytics/track HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
CHUNKED = TRACK + b"transfer-encoding: chunked\r\n\r\n"


@contextmanager
def served(path: Path, *, small: bool = True, **settings: str) -> Iterator[tuple[str, int, int]]:
    """Host, port and process of a server."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(SMALL if small else {}), **settings},
    )
    assert process.stdout is not None
    try:
        url = urlsplit(process.stdout.readline().strip())
        assert url.hostname is not None
        assert url.port is not None
        yield url.hostname, url.port, process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, int]]:
    path = make_shop(tmp_path_factory.mktemp("shop") / "shop.db", AFTER)
    with served(path) as found:
        yield found


def connect(server: tuple[str, int, int], source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(server[:2], LONGEST_S, (source, 0))


def until_closed(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    found = b""
    while True:
        try:
            more = connection.recv(1 << 16)
        except ConnectionError:
            return found
        if not more:
            return found
        found += more


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def get(headers: bytes = b"", path: bytes = b"/health") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n" + headers + b"\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"a" * 2000, 431, id="a header without end"),
        pytest.param(b"GET /" + b"a" * 2000, 431, id="an address without end"),
        pytest.param(get(b"x: " + b"a" * 1020 + b"\r\n"), 431, id="a long header"),
        pytest.param(get(b"a: b\r\n" * 12), 431, id="many headers"),
        pytest.param(CHUNKED + b"1\r\n \r\n0\r\n" + b"a: b\r\n" * 12, 431, id="many trailers"),
        pytest.param(CHUNKED + b"1\r\n \r\n" * 300, 413, id="tiny chunks"),
        pytest.param(b"no HTTP\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"GET / HT", 408, id="half a head"),
        pytest.param(TRACK + b"content-length: 9\r\n\r\n{", 408, id="half a body"),
        pytest.param(CHUNKED + b"1\r\n{\r\n", 408, id="half a chunked body"),
    ],
)
def test_a_request_beyond_the_limits_is_refused_and_ended(
    sent: bytes, status: int, server: tuple[str, int, int]
) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    assert statuses(head) == [status]
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert len(json.loads(body)["detail"].split()) > 4


@pytest.mark.parametrize("begun", [b"x: ", b"0;x="], ids=["a trailer", "an extension"])
def test_what_frames_a_body_has_an_end_too(begun: bytes, server: tuple[str, int, int]) -> None:
    with connect(server) as connection:
        connection.sendall(CHUNKED + b"1\r\n \r\n" + (b"0\r\n" if begun == b"x: " else b"") + begun)
        answers = b""
        connection.settimeout(0.05)
        for _ in range(100):
            try:
                connection.sendall(b"a" * 500)
                answers += connection.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if answers:
                break
    assert statuses(answers) == [431]


def test_a_head_within_the_limits_is_answered(server: tuple[str, int, int]) -> None:
    with connect(server) as connection:
        connection.sendall(get(b"x: " + b"a" * 900 + b"\r\n" + b"connection: close\r\n"))
        assert statuses(until_closed(connection)) == [200]


def test_a_client_that_waits_to_be_told_to_go_on_has_its_time_too(
    server: tuple[str, int, int],
) -> None:
    with connect(server) as connection:
        connection.sendall(TRACK + b"content-length: 9\r\nexpect: 100-continue\r\n\r\n")
        assert statuses(until_closed(connection)) == [100, 408]


@pytest.mark.parametrize("sent", [[], [get()], [get(), b"\r\n"]], ids=["new", "kept", "blank"])
def test_a_connection_without_a_request_is_closed(
    sent: list[bytes], server: tuple[str, int, int]
) -> None:
    answers = b""
    with connect(server) as connection:
        for part in sent:
            connection.sendall(part)
            # A line end alone is no request, and yet takes the time that a kept connection has.
            answers += b"" if answers else connection.recv(4096)
        last = until_closed(connection)
    assert (statuses(answers), statuses(last)) == (
        [200] * bool(sent),
        [408] * (b"\r\n" in sent),
    )


def test_a_body_that_nobody_wants_is_read_up_to_the_limit(server: tuple[str, int, int]) -> None:
    sent = 0
    with connect(server) as connection, pytest.raises(ConnectionError):
        connection.sendall(CHUNKED.replace(b"/analytics/track", b"/nowhere"))
        for _ in range(10_000):
            connection.sendall(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            sent += 1000


def test_few_requests_wait_behind_one(server: tuple[str, int, int]) -> None:
    with connect(server) as connection:
        connection.sendall(get() * 4 + get(b"connection: close\r\n"))
        assert statuses(until_closed(connection)) == [200] * 5
    with connect(server) as connection:
        connection.sendall(get() * 60)
        assert len(statuses(until_closed(connection))) < 60


def test_nothing_is_upgraded(server: tuple[str, int, int]) -> None:
    upgrade = b"connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    with connect(server) as connection:
        connection.sendall(get(upgrade + b"sec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\n"))
        assert statuses(until_closed(connection)) == [200]


def test_an_answer_that_is_not_read_is_dropped(server: tuple[str, int, int]) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.05)
        connection.connect(server[:2])
        own = connection.getsockname()
        ends = time.monotonic() + LONGEST_S
        held = [own]
        # Answers pile up until the server drops the connection.
        while held and time.monotonic() < ends:
            with suppress(TimeoutError, ConnectionError):
                connection.sendall(get(path=b"/openapi.json") * 3)
            held = [
                found
                for found in psutil.Process(server[2]).net_connections("tcp")
                if found.raddr == own
            ]
        assert held == []


@pytest.mark.parametrize(
    ("settings", "source", "status"),
    [
        ({"RESALE_CONNECTIONS_BY_ADDRESS": "4"}, "127.0.0.1", 429),
        ({"RESALE_CONNECTIONS_BY_ADDRESS": "4"}, "127.0.0.2", 200),
        (
            {"RESALE_CONNECTIONS_BY_ADDRESS": "4", "RESALE_TRUSTED_PROXIES": "127.0.0.0/31"},
            "127.0.0.1",
            200,
        ),
        ({"RESALE_CONNECTIONS": "4"}, "127.0.0.2", 503),
    ],
)
def test_connections_are_counted(
    settings: dict[str, str], source: str, status: int, shop_after: Path
) -> None:
    last = get(b"connection: close\r\n")
    with served(shop_after, **{**settings, "RESALE_HEAD_TIMEOUT_S": "60"}) as server:
        with ExitStack() as open_ones:
            for _ in range(4):
                one = open_ones.enter_context(connect(server))
                one.sendall(get() + b"GET / HT")
                assert statuses(one.recv(4096)) == [200]
            with connect(server, source) as another:
                another.sendall(last)
                assert statuses(until_closed(another)) == [status]
        # The places of those that went are free again.
        ends = time.monotonic() + LONGEST_S
        found = []
        while found != [200] and time.monotonic() < ends:
            with connect(server, source) as another:
                another.sendall(last)
                found = statuses(until_closed(another))
        assert found == [200]


def test_the_faults_of_a_request_are_few_and_short(server: tuple[str, int, int]) -> None:
    url = f"http://{server[0]}:{server[1]}/analytics/track"
    event = {"event_type": "login", "session_id": "s", **{f"{n}{'k' * 400}": 1 for n in range(8)}}
    answer = httpx.post(url, json={"events": [event]})
    assert answer.status_code == 422
    assert len(answer.json()["faults"]) == 3
    assert "the first 3 of 8 faults" in answer.json()["detail"]
    assert len(answer.content) < 2000
    many = {f"k{n}": 1 for n in range(60)}
    assert httpx.post(url, json={"events": [many]}).status_code == 413


@pytest.mark.parametrize("levels", [40, 300])
def test_event_data_is_not_nested_without_end(levels: int, server: tuple[str, int, int]) -> None:
    url = f"http://{server[0]}:{server[1]}/analytics/track"
    event = {"event_type": "login", "session_id": "s", "event_data": {"x": None}}
    body = json.dumps({"events": [event]}).replace("null", "[" * levels + "]" * levels)
    answer = httpx.post(url, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "32 levels" in answer.json()["faults"][0]["detail"]
