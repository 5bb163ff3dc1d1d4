"""The load generator: every request is sent at its time or counted, whatever the server does."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httptools
import numpy as np
import orjson
import psutil
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from bench.load import records
from bench.load.arrivals import Step, arrival_times
from bench.load.closed_loop import ClosedLoop
from bench.load.generator import (
    GeneratorFailed,
    GeneratorResult,
    run_closed,
    run_open,
    write_schedule,
)
from bench.load.generator_process import UnreadableSchedule, read_schedule, write_record
from bench.load.http_connection import Host, Unreachable, bytes_of, reach
from bench.load.load_result import CannotSend, LoadResult, ProgressTick
from bench.load.open_loop import OpenLoop
from bench.load.records import BROKEN, GOOD, NOT_CONNECTED, TIMED_OUT, UNSENT, Answer, Answers
from bench.load.schedule import Schedule, ScheduledRequest
from bench.load.timerfd import Timerfd
from bench.study.service import Request
from tests.bench.processes import who_runs
from tests.bench.scripted import scripted


def requests(*paths: str, gap_ms: float = 5.0, name: str = "product_detail") -> Schedule:
    return Schedule(
        tuple(
            ScheduledRequest(round(nth * gap_ms * 1e6), name, Request("GET", path))
            for nth, path in enumerate(paths)
        ),
        {"checkout": 409},
    )


def opened(
    schedule: Schedule,
    host: Host,
    *,
    connections: int = 1024,
    timeout_s: float = 20.0,
) -> Answers:
    return records.columns(whole(schedule, host, connections, timeout_s).answers)


def whole(schedule: Schedule, host: Host, connections: int, timeout_s: float) -> LoadResult:
    async def run() -> LoadResult:
        return await OpenLoop(schedule, host, connections=connections, timeout_s=timeout_s).run()

    return uvloop.run(run())


REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(
        lambda text: f"/{text}"
    ),
    body=st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers(0, 9)),
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "Idempotency-Key"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9),
    ),
)


@given(REQUESTS)
def test_a_request_goes_over_the_wire_as_written(request: Request) -> None:
    seen: dict[str, bytes] = {"body": b"", "url": b""}
    headers: dict[str, str] = {}
    ended = []

    class Reader:
        def on_url(self, url: bytes) -> None:
            seen["url"] += url

        def on_header(self, name: bytes, value: bytes) -> None:
            headers[name.decode()] = value.decode()

        def on_body(self, body: bytes) -> None:
            seen["body"] += body

        def on_message_complete(self) -> None:
            ended.append(True)

    parser = httptools.HttpRequestParser(Reader())
    parser.feed_data(bytes_of(request, "shop:80"))
    assert (parser.get_method().decode(), seen["url"].decode()) == (request.method, request.path)
    assert headers["Host"] == "shop:80"
    assert dict(request.headers).items() <= headers.items()
    assert (orjson.loads(seen["body"]) if seen["body"] else None) == request.body
    assert ended == [True]


def test_an_alarm_never_calls_before_its_moment() -> None:
    async def run() -> list[int]:
        done = asyncio.get_running_loop().create_future()
        early: list[int] = []
        at_ns = time.perf_counter_ns() + 3_000_000

        def rung() -> None:
            nonlocal at_ns
            early.append(at_ns - time.perf_counter_ns())
            at_ns += 700_000
            if len(early) < 20:
                alarm.set(at_ns)
            elif not done.done():
                alarm.stop()
                done.set_result(None)

        alarm = Timerfd(asyncio.get_running_loop(), rung)
        alarm.set(at_ns)
        await done
        alarm.close()
        return early

    found = uvloop.run(run())
    assert len(found) == 20
    assert max(found) <= 0


def test_each_answer_is_told_by_its_kind() -> None:
    paths = (
        "/ok", "/chunked", "/continue", "/status/404", "/status/204", "/last", "/cut", "/never",
        "/garbage", "/ok",
    )  # fmt: skip
    with scripted() as (url, _):
        found = opened(requests(*paths, gap_ms=30), reach(url))
    assert found.error.tolist() == [
        GOOD, GOOD, GOOD, "status 404", GOOD, GOOD, BROKEN, BROKEN, BROKEN, GOOD,
    ]  # fmt: skip
    assert found.status.tolist() == [200, 200, 200, 404, 204, 200, 0, 0, 0, 200]
    assert set(found.name) == {"product_detail"}
    # Nothing is sent before it is due, and nothing ends before it was sent.
    assert found.behind_ns.min() >= 0
    assert found.service_ns.min() > 0


def test_nothing_is_sent_before_it_is_due() -> None:
    due_ns = arrival_times([Step(2000, 0.3)], "poisson", np.random.default_rng(5)).tolist()
    schedule = Schedule(
        tuple(ScheduledRequest(due, "product_detail", Request("GET", "/ok")) for due in due_ns)
    )
    with scripted() as (url, _):
        found = opened(schedule, reach(url))
    assert found.good.all()
    assert found.due_ns.tolist() == due_ns
    assert found.behind_ns.min() >= 0


def test_a_refusal_in_order_counts_by_itself() -> None:
    with scripted() as (url, _):
        found = opened(requests("/ok", "/status/409", "/status/503", name="checkout"), reach(url))
    assert found.name.tolist() == ["checkout", "checkout: 409", "checkout"]
    assert found.error.tolist() == [GOOD, GOOD, "status 503"]


def test_a_kept_alive_connection_is_used_again_and_a_closed_one_is_not() -> None:
    with scripted() as (url, script):
        host = reach(url)
        assert opened(requests(*["/ok"] * 20), host, connections=1).good.all()
        assert script.accepted == 1 + 1
        assert opened(requests(*["/last"] * 5), host, connections=1).good.all()
        assert script.accepted == 2 + 5


def test_what_was_closed_while_idle_is_sent_once_more() -> None:
    with scripted() as (url, script):
        found = opened(requests("/ok", "/fresh", "/ok", gap_ms=50), reach(url), connections=1)
        assert found.good.all()
        assert script.asked["/fresh"] == 2
        # An answer never comes, so the second loss is an error; there is no third try.
        found = opened(requests("/ok", "/never", "/ok", gap_ms=50), reach(url), connections=1)
        assert found.error.tolist() == [GOOD, BROKEN, GOOD]
        assert script.asked["/never"] == 2


def test_an_open_load_does_not_wait_for_answers() -> None:
    # Nobody is answered until all are there: one connection for each, or none ends well.
    schedule = requests(*["/together"] * 40, gap_ms=1)
    with scripted(together=40) as (url, _):
        found = whole(schedule, reach(url), 1024, 20.0)
        assert found.connections == 40
        assert all(answer.error == GOOD for answer in found.answers)


def test_patience_ends_and_others_go_on() -> None:
    with scripted() as (url, _):
        found = opened(requests("/hang", "/ok", "/ok"), reach(url), timeout_s=0.3)
    assert found.error.tolist() == [TIMED_OUT, GOOD, GOOD]
    assert found.service_ns[0] >= 300_000_000


def test_no_slot_is_dropped_when_no_connection_comes_free() -> None:
    with scripted() as (url, _):
        found = opened(requests(*["/hang"] * 4), reach(url), connections=1, timeout_s=0.3)
    # The second is sent when the first was given up, or has waited too long itself by then.
    assert found.error[0] == TIMED_OUT
    assert len(found) == 4
    assert np.count_nonzero(found.error == UNSENT) > 0
    # The first may be late as well, where something else holds the processor.
    assert 3 <= np.count_nonzero(found.late | found.unsent) <= 4
    unsent = found.where(found.error == UNSENT)
    assert not unsent.sent_ns.any()
    assert not unsent.ended_ns.any()


def test_a_server_that_is_gone_refuses() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        found = opened(requests("/ok", "/ok"), Host("127.0.0.1", unheard.getsockname()[1], "x"))
    assert found.error.tolist() == [NOT_CONNECTED, NOT_CONNECTED]


def test_an_empty_tape_ends_at_once() -> None:
    with scripted() as (url, _):
        assert len(opened(Schedule(()), reach(url))) == 0


def test_a_stall_is_seen_since_due_and_hidden_since_sent(tmp_path: Path) -> None:
    """Coordinated omission, shown and avoided."""
    rate, seconds, stall_s = 100, 4, 0.6
    path = f"/stall?at={rate * seconds // 2}&for_s={stall_s}"
    due_ns = arrival_times([Step(rate, seconds)], "even", np.random.default_rng(0)).tolist()
    schedule = Schedule(
        tuple(ScheduledRequest(due, "product_detail", Request("GET", path)) for due in due_ns)
    )
    with scripted() as (url, _):
        # Few connections: as where visitors share a pool, most requests wait to be sent.
        result = run_open(schedule, url, tmp_path, connections=2)
    answers = result.answers
    assert answers.good.all()
    assert len(answers) == rate * seconds
    # Since they were sent, only two of 400 saw the stall; since they were due, sixty.
    service_s, since_due_s = (
        float(np.quantile(times_ns, 0.99)) / 1e9
        for times_ns in (answers.service_ns, answers.since_due_ns)
    )
    assert service_s < stall_s / 2
    assert 0.8 * stall_s < since_due_s < 2 * stall_s
    # They were sent late, and are counted as such.
    assert result.late >= round((stall_s - 0.1) * rate) - 5


def test_two_players_of_one_tape_leave_what_one_leaves(tmp_path: Path) -> None:
    due_ns = arrival_times([Step(200, 1)], "poisson", np.random.default_rng(3)).tolist()
    paths = ("/ok", "/status/409", "/status/503", "/chunked")
    names = ("checkout", "product_detail")
    schedule = Schedule(
        tuple(
            ScheduledRequest(due, names[nth % 2], Request("GET", paths[nth % 3]))
            for nth, due in enumerate(due_ns)
        ),
        {"checkout": 409},
    )
    with scripted() as (url, _):
        one = run_open(schedule, url, tmp_path / "one").answers
        parts: dict[int, Answers] = {}

        def part(index: int) -> None:
            parts[index] = run_open(
                schedule.of_worker(index, 2), url, tmp_path / str(index)
            ).answers

        players = [threading.Thread(target=part, args=(index,)) for index in range(2)]
        for player in players:
            player.start()
        for player in players:
            player.join()
    both = records.merged([parts[0], parts[1]])
    for name in ("due_ns", "name", "status", "error"):
        assert getattr(both, name).tolist() == getattr(one, name).tolist()
    assert len(both) == 200


def test_seconds_are_told_and_nothing_stays_behind(tmp_path: Path) -> None:
    told: list[ProgressTick] = []
    with scripted() as (url, _):
        result = run_open(requests(*["/ok"] * 23, gap_ms=50), url, tmp_path, on_second=told.append)
    assert [second.second for second in told][:2] == [0, 1]
    assert {second.begun_ns for second in told} == {result.begun_ns}
    assert told[0].scheduled <= told[1].scheduled <= 23
    assert result.missed == 0
    assert result.connections >= 1
    assert result.seconds >= 1.1
    assert result.cpu_share > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://no-such-host.invalid:80", "The host no-such-host.invalid is not known; check"),
        ("http://127.0.0.1:9", "Nothing listens at http://127.0.0.1:9; start the server"),
        ("https://127.0.0.1", "write it as http://"),
        ("shop", "write it as http://"),
    ],
)
def test_an_address_without_a_server_is_told(url: str, said: str) -> None:
    with pytest.raises(Unreachable, match=said):
        reach(url)


def test_where_no_server_is_nothing_is_measured(tmp_path: Path) -> None:
    with pytest.raises(GeneratorFailed, match="Nothing listens at"):
        run_open(requests("/ok"), "http://127.0.0.1:9", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_something_else_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(999)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(GeneratorFailed, match="does not answer in HTTP"):
            run_open(requests("/ok"), url, tmp_path)
        thread.join()


def test_ctrl_c_ends_the_player(tmp_path: Path) -> None:
    players: list[psutil.Process] = []

    def interrupt(second: ProgressTick) -> None:
        players.extend(who_runs("bench.load.generator_process"))
        raise KeyboardInterrupt

    with scripted() as (url, _), pytest.raises(KeyboardInterrupt):
        run_open(requests(*["/ok"] * 1000), url, tmp_path, on_second=interrupt)
    assert players
    assert not any(player.is_running() for player in players)
    assert list(tmp_path.iterdir()) == []


def test_a_player_that_is_killed_is_told(tmp_path: Path) -> None:
    def kill(second: ProgressTick) -> None:
        for player in who_runs("bench.load.generator_process"):
            player.kill()

    schedule = requests(*["/ok"] * 1000)
    with (
        scripted() as (url, _),
        pytest.raises(GeneratorFailed, match=r"ended early \(exit code -9\)"),
    ):
        run_open(schedule, url, tmp_path, on_second=kill)


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    file, out = tmp_path / "schedule.jsonl", tmp_path / "out.parquet"
    write_schedule(file, requests("/ok"))
    (tmp_path / "out.parquet.part").symlink_to("/dev/full")
    with scripted() as (url, _):
        found = subprocess.run(
            [sys.executable, "-m", "bench.load.generator_process", "--url", url,
             "--schedule", str(file),
             "--out", str(out)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert found.returncode == 2
    assert "No space left on device" in found.stderr
    assert "free some of the disk" in found.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(GeneratorFailed, match="name another folder"):
        run_open(requests("/ok"), "http://127.0.0.1:9", tmp_path / "taken")


def test_more_connections_than_files_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(GeneratorFailed, match="allow fewer with --connections"):
        run_open(requests("/ok"), "http://127.0.0.1:9", tmp_path, connections=10**9)


def test_a_tape_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "schedule.jsonl"
    write_schedule(file, requests("/a", "/b"))
    assert read_schedule(file) == requests("/a", "/b")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(UnreadableSchedule, match="cut short"):
        read_schedule(file)
    for content in (b"", b"[]", b"{}\n", b'{"requests": 1, "refusals": {}}\n[1]\n'):
        file.write_bytes(content)
        with pytest.raises(UnreadableSchedule, match="no schedule"):
            read_schedule(file)


def test_lateness_counts_what_was_sent() -> None:
    found = records.columns(
        [
            Answer("a", 0, 5, 9, 200),
            Answer("a", 10, 10_000_010, 10_000_099, 200),
            Answer("a", 20, 10_000_021, 10_000_099, 0, TIMED_OUT),
            Answer("a", 99_000_000, 0, 0, 0, UNSENT),
        ]
    )
    result = GeneratorResult(found, 1.0, 0.1, 0.1, 1, 0, 0)
    assert (result.late, result.missed, result.behind_p99_ns) == (1, 1, 10_000_001)
    none = replace(result, answers=records.columns(()))
    assert (none.late, none.missed, none.behind_p99_ns) == (0, 0, 0)


def test_a_record_replaces_an_older_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for count in (3, 1):
        write_record(path, records.columns([Answer("a", n, n, n, 200) for n in range(count)]))
        assert len(records.read(path)) == count
    assert list(tmp_path.iterdir()) == [path]


def test_a_closed_load_asks_again_when_it_was_answered(tmp_path: Path) -> None:
    with scripted() as (url, script):
        result = run_closed(requests("/ok", "/chunked"), url, tmp_path, connections=3, seconds=0.3)
        assert script.asked["/ok"] - script.asked["/chunked"] in (0, 1)
        assert len(result.answers) == script.asked["/ok"] + script.asked["/chunked"]
        # One more came to see whether the server is there.
        assert script.accepted == 3 + 1
    assert result.answers.good.all()
    assert not result.answers.behind_ns.any()


def test_a_closed_load_counts_what_breaks_and_goes_on() -> None:
    async def run(host: Host, *paths: str) -> LoadResult:
        return await ClosedLoop(
            requests(*paths), host, connections=2, seconds=0.2, timeout_s=0.2
        ).run()  # fmt: skip

    with scripted() as (url, _):
        host = reach(url)
        mixed = uvloop.run(run(host, "/ok", "/last", "/never", "/status/503"))
        hung = uvloop.run(run(host, "/hang"))
    kinds = {answer.error for answer in mixed.answers}
    assert kinds == {GOOD, BROKEN, "status 503"}
    assert len(mixed.answers) > 4
    assert [answer.error for answer in hung.answers] == [TIMED_OUT, TIMED_OUT]
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        gone = uvloop.run(run(Host("127.0.0.1", unheard.getsockname()[1], "x"), "/ok"))
    assert [answer.error for answer in gone.answers] == [NOT_CONNECTED, NOT_CONNECTED]


def test_a_fault_of_the_players_own_is_not_taken_for_the_servers() -> None:
    class Faulty(OpenLoop):
        def answered(self, *given: object) -> None:
            raise ZeroDivisionError

    async def run(host: Host) -> LoadResult:
        return await Faulty(requests("/ok"), host, connections=1, timeout_s=5).run()

    with scripted() as (url, _), pytest.raises(ZeroDivisionError):
        uvloop.run(run(reach(url)))


def test_too_few_files_for_a_connection_are_no_error_of_the_server() -> None:
    error = CannotSend.of(7, OSError(24, "Too many open files"))
    assert "more than 7 connections (Too many open files)" in str(error)
