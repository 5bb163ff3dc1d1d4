"""Open arrivals under Locust: a schedule is sent at its times, whatever the server does.

Every process draws the whole schedule and sends its slice. Only Locust may import this module:
gevent patches the standard library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust.contrib.fasthttp import FastHttpSession

from bench.load.arrivals import InvalidSchedule, Spacing, Step
from bench.load.locust.announcement import Announcement
from bench.load.locust.recorder import Recorder, send
from bench.load.schedule import Schedule, ScheduledRequest, ScheduleExhausted

CONNECTIONS = 1024
_PATIENCE_S = 40.0
_YIELD_AFTER = 10

MakeSchedule = Callable[[Any, Sequence[Step], Spacing], Schedule]
"""The schedule of these steps, equal in every process, by Locust's environment; raises
InvalidSchedule or ScheduleExhausted, which say what to change."""


class ScheduleSender:
    """Sends this process's slice of the schedule, each request in a greenlet of its own.

    `clock_offset_s` tells what the leader's clock is ahead of this one; `on_end` is told once the
    last request is answered, or why there is nothing to send. It begins at once, in the background.
    """

    def __init__(
        self,
        announced: Announcement,
        make_schedule: MakeSchedule,
        recorder: Recorder,
        environment: Any,
        clock_offset_s: Callable[[], float],
        on_end: Callable[[str | None], None],
    ) -> None:
        self._announced, self._make_schedule, self._recorder = announced, make_schedule, recorder
        self._environment, self._clock_offset_s = environment, clock_offset_s
        self._on_end = on_end
        self._schedule = Schedule(())
        self._unsent: set[int] = set()
        self._requests: set[gevent.Greenlet] = set()
        self._connections = BoundedSemaphore(CONNECTIONS)
        self.ended = Event()
        self._client: Any = FastHttpSession(
            environment.host,
            environment.events.request,
            None,
            concurrency=CONNECTIONS,
            network_timeout=_PATIENCE_S,
            connection_timeout=_PATIENCE_S,
            max_retries=0,
            max_redirects=0,
        )
        self._greenlet = gevent.spawn(self._run)

    def _schedule_or_why(self) -> Schedule | str:
        steps = [Step(rate, seconds) for rate, seconds in self._announced.steps]
        # An error that leaves a thread of gevent's is printed on the way.
        try:
            return self._make_schedule(self._environment, steps, self._announced.spacing)
        except (InvalidSchedule, ScheduleExhausted) as error:
            return str(error)

    def _run(self) -> None:
        # In a thread: whoever draws for seconds would miss the leader's heartbeats.
        schedule = gevent.get_hub().threadpool.apply(self._schedule_or_why)
        if isinstance(schedule, str):
            self.ended.set()
            self._on_end(schedule)
            return
        workers = self._announced.workers
        nth = workers.index(self._environment.runner.client_id)
        self._schedule = schedule.of_worker(nth, len(workers))
        self._unsent = set(range(len(self._schedule.requests)))
        ahead_s = self._announced.begin_s - self._clock_offset_s() - time.time()
        begin_ns = perf_counter_ns() + round(ahead_s * 1e9)
        _sleep_until(begin_ns)
        self._recorder.start()
        self._send_all(begin_ns)
        gevent.joinall(list(self._requests))
        self.ended.set()
        self._on_end(None)

    def _send_all(self, begin_ns: int) -> None:
        for nth, scheduled in enumerate(self._schedule.requests):
            due_ns = begin_ns + scheduled.due_ns
            if due_ns > perf_counter_ns():
                _sleep_until(due_ns)
            elif nth % _YIELD_AFTER == 0:
                gevent.sleep(0)
            request = gevent.spawn(self._send, nth, scheduled, due_ns)
            self._requests.add(request)
            request.rawlink(self._requests.discard)

    def _send(self, nth: int, scheduled: ScheduledRequest, due_ns: int) -> None:
        with self._connections:
            self._unsent.discard(nth)
            send(
                self._client, scheduled.name, scheduled.request, self._schedule.refusals,
                recorder=self._recorder, due_ns=due_ns,
            )  # fmt: skip

    def stop(self) -> None:
        """End now: what is under way is cut off, what is left counts as not sent."""
        self._greenlet.kill()
        gevent.killall(list(self._requests))
        for nth in sorted(self._unsent):
            self._recorder.unsent(self._schedule.requests[nth].name)
        self._unsent.clear()
        self.ended.set()


def _sleep_until(due_ns: int) -> None:
    # A timer counts from when the loop last looked at the clock, and so may wake too early.
    while (ahead_ns := due_ns - perf_counter_ns()) > 0:
        gevent.sleep(ahead_ns / 1e9)
