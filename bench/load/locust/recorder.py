"""Sends and records the requests of one Locust process, and watches the generator itself.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import gevent
from gevent import GreenletExit
from gevent.event import Event
from locust.exception import CatchResponseError

from bench.load.interval_stats import Owner, Totals
from bench.load.locust.shard import Shard, ShardFailed
from bench.load.records import BROKEN, NOT_CONNECTED, TIMED_OUT, UNSENT, WRONG
from bench.study.service import Request, counted_name

DUE_KEY = "due_ns"
"""The key of Locust's request context under which it stands when a request was due."""
_INTERVAL_S = 1.0
_LAG_PROBE_S = 0.02


class Recorder:
    """One run's recording in this process; `on_failure` is told when it had to give up."""

    def __init__(self, run: str, folder: Path | None, on_failure: Callable[[str], None]) -> None:
        owner = Owner(run, socket.gethostname(), os.getpid(), time.time_ns() // 1_000_000)
        self._shard = Shard(owner, folder)
        self._closing = Event()
        self._stopped = False
        self._on_failure = on_failure
        self._greenlets: list[gevent.Greenlet] = []
        self.cut = self._shard.cut
        self._totals: Totals | None = None

    def start(self) -> None:
        """Begin the first interval, and write one each second from now on."""
        self._shard.start()
        self._greenlets = [gevent.spawn(self._write), gevent.spawn(self._probe)]

    def listen(
        self,
        name: str,
        response_time: float,
        context: Mapping[str, Any] | None = None,
        exception: BaseException | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        """One answered request, as Locust's request event tells of it."""
        ended_ns = perf_counter_ns()
        service_ns = int(response_time * 1e6)
        due_ns = (context or {}).get(DUE_KEY)
        since_due_ns = None if due_ns is None else max(ended_ns - due_ns, service_ns)
        if self._stopped:
            self._shard.cut(name)
        elif exception is None:
            self._shard.good(name, service_ns, since_due_ns)
        else:
            behind_ns = 0 if since_due_ns is None else since_due_ns - service_ns
            self._shard.bad(name, kind_of(exception, response), behind_ns)

    def settle(self) -> None:
        """All users are there: from the next interval on the load is what was asked for."""
        self._shard.settled = True

    def unsent(self, name: str) -> None:
        """A request that was never sent."""
        self._shard.bad(name, UNSENT)

    def stop(self) -> None:
        """The load ends now: what is still under way counts as cut off, however it ends.

        Locust takes a quarter of a second to stop its users, in which nobody is served: an answer
        that waited for that would seem slow.
        """
        self._stopped = True

    def close(self) -> Totals:
        """Write what is left; the whole of it."""
        if self._totals is None:
            self._closing.set()
            gevent.joinall(self._greenlets)
            self._totals = self._shard.close()
        return self._totals

    def _write(self) -> None:
        # Intervals end with the seconds of the clock, so that those of all processes agree.
        while not self._closing.wait(_INTERVAL_S - time.time() % _INTERVAL_S):
            try:
                for _ in self._shard.flush():
                    gevent.sleep(0)
            except ShardFailed as error:
                self._on_failure(str(error))
                return

    def _probe(self) -> None:
        """How late somebody wakes who only sleeps: what the process is too busy for."""
        while True:
            begun_ns = perf_counter_ns()
            if self._closing.wait(_LAG_PROBE_S) or self._stopped:
                return
            late_ns = perf_counter_ns() - begun_ns - round(_LAG_PROBE_S * 1e9)
            self._shard.lagged(max(late_ns, 0))


def kind_of(exception: BaseException, response: Any) -> str:
    """The kind of error that an exception of Locust's clients is."""
    status = getattr(response, "status_code", 0) or 0
    if status >= 400 or (status and isinstance(exception, CatchResponseError)):
        return f"{WRONG} {status}"
    # A retry that was given up names what it gave up for.
    cause = getattr(exception, "original", None) or exception
    if isinstance(cause, ConnectionRefusedError):
        return NOT_CONNECTED
    if isinstance(cause, TimeoutError | gevent.Timeout):
        return TIMED_OUT
    return BROKEN


def send(
    client: Any,
    name: str,
    request: Request,
    refusals: Mapping[str, int],
    *,
    recorder: Recorder | None,
    due_ns: int | None = None,
) -> Any:
    """Send a request that was due at that reading of `perf_counter_ns`, if ever; the answer.

    A refusal that is in order is counted by itself, not as a failure. A request that is still
    under way when the load is ended is recorded as cut off.
    """
    try:
        with client.request(
            request.method,
            request.path,
            name=name,
            json=request.body,
            headers=request.headers,
            catch_response=True,
            context={} if due_ns is None else {DUE_KEY: due_ns},
        ) as response:
            good = counted_name(name, response.status_code, refusals)
            if good is not None:
                response.request_meta["name"] = good
                response.success()
            elif response.request_meta["exception"] is None:
                response.failure(f"status {response.status_code}")
    except GreenletExit:
        if recorder is not None:
            recorder.cut(name)
        raise
    return response
