"""Open arrivals under Locust: a schedule is sent at its times, whatever the server does.

Every process draws the whole schedule and sends its slice. Only Locust may import this module:
gevent patches the standard library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import gevent
import numpy as np
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust.contrib.fasthttp import FastHttpSession

from bench.load.arrivals import InvalidSchedule, Step, arrival_times
from bench.load.schedule import (
    RequestMix,
    Schedule,
    ScheduledRequest,
    ScheduleExhausted,
    draw_schedule,
)
from bench.resale.dataset import planned
from bench.resale.locust.announcement import Announcement
from bench.resale.locust.options import families_now
from bench.resale.locust.recorder import Recorder
from bench.resale.locust.send import ask, now_ns
from bench.resale.service import SERVICE
from seeds.plan import Plan

CONNECTIONS = 1024
_PATIENCE_S = 40.0
_YIELD_AFTER = 10

Clock = Callable[[], float]


def schedule_of(announced: Announcement, plan: Plan, families: Collection[str]) -> Schedule:
    """The schedule of a run: equal for every process that is told the same.

    Raises:
        InvalidSchedule, ScheduleExhausted: there is no such schedule; the text says what to change.
    """
    if not families:
        raise InvalidSchedule("--tags and --exclude-tags leave no request; name a family.")
    steps = [Step(rate, seconds) for rate, seconds in announced.steps]
    due_ns = arrival_times(steps, announced.spacing, np.random.default_rng([plan.seed, 0]))
    mix = RequestMix(SERVICE, planned(plan), SERVICE.shares(families=families))
    return draw_schedule(mix, due_ns, seed=0)


def _schedule_or_why(
    announced: Announcement, plan: Plan, families: Collection[str]
) -> Schedule | str:
    # An error that leaves a thread of gevent's is printed on the way.
    try:
        return schedule_of(announced, plan, families)
    except (InvalidSchedule, ScheduleExhausted) as error:
        return str(error)


class ScheduleSender:
    """Sends this process's slice of the schedule, each request in a greenlet of its own.

    `clock` is the leader's, in seconds since the epoch; `on_end` is told once the last request is
    answered, or why there is nothing to send.
    """

    def __init__(
        self,
        announced: Announcement,
        recorder: Recorder,
        environment: Any,
        client_id: str,
        clock: Callable[[], Clock],
        on_end: Callable[[str | None], None],
    ) -> None:
        self._announced, self._recorder = announced, recorder
        self._environment, self._client_id = environment, client_id
        self._clock, self._on_end = clock, on_end
        self._scheduled: tuple[ScheduledRequest, ...] = ()
        self._unsent: set[int] = set()
        self._requests: set[gevent.Greenlet] = set()
        self._connections = BoundedSemaphore(CONNECTIONS)
        self._client: Any = None
        self.ended = Event()

    def start(self, plan: Plan, host: str) -> None:
        """Draw the schedule, wait for its start, and send; returns at once."""
        self._client = FastHttpSession(
            host,
            self._environment.events.request,
            None,
            concurrency=CONNECTIONS,
            network_timeout=_PATIENCE_S,
            connection_timeout=_PATIENCE_S,
            max_retries=0,
            max_redirects=0,
        )
        self._greenlet = gevent.spawn(self._run, plan)

    def _run(self, plan: Plan) -> None:
        # In a thread: whoever draws for seconds would miss the leader's heartbeats.
        pool = gevent.get_hub().threadpool
        families = families_now(self._environment)
        schedule = pool.apply(_schedule_or_why, (self._announced, plan, families))
        if isinstance(schedule, str):
            self.ended.set()
            self._on_end(schedule)
            return
        workers = self._announced.workers
        self._scheduled = schedule.of_worker(workers.index(self._client_id), len(workers)).requests
        self._unsent = set(range(len(self._scheduled)))
        clock = self._clock()
        begin_ns = now_ns() + round((self._announced.begin_s - clock()) * 1e9)
        _sleep_until(begin_ns)
        self._recorder.start()
        self._send_all(begin_ns)
        gevent.joinall(list(self._requests))
        self.ended.set()
        self._on_end(None)

    def _send_all(self, begin_ns: int) -> None:
        for nth, scheduled in enumerate(self._scheduled):
            due_ns = begin_ns + scheduled.due_ns
            if due_ns > now_ns():
                _sleep_until(due_ns)
            elif nth % _YIELD_AFTER == 0:
                gevent.sleep(0)
            request = gevent.spawn(self._send, nth, scheduled, due_ns)
            self._requests.add(request)
            request.rawlink(self._requests.discard)

    def _send(self, nth: int, scheduled: ScheduledRequest, due_ns: int) -> None:
        with self._connections:
            self._unsent.discard(nth)
            ask(self._client, scheduled.name, scheduled.request, due_ns, self._recorder.cut)

    def stop(self) -> None:
        """End now: what is under way is cut off, what is left counts as not sent."""
        self._greenlet.kill()
        gevent.killall(list(self._requests))
        for nth in sorted(self._unsent):
            self._recorder.unsent(self._scheduled[nth].name)
        self._unsent.clear()
        self.ended.set()


def _sleep_until(due_ns: int) -> None:
    # A timer counts from when the loop last looked at the clock, and so may wake too early.
    while (ahead_ns := due_ns - now_ns()) > 0:
        gevent.sleep(ahead_ns / 1e9)


def local_clock() -> Clock:
    """The clock of whoever leads the run itself."""
    return time.time


def offset_clock(ask_leader: Callable[[], float], times: int = 7) -> Clock:
    """The leader's clock, by asking it: the offset of the answer that came quickest.

    The leader read its clock somewhere between question and answer, so the offset is wrong by at
    most half of that time (Cristian 1989, "Probabilistic clock synchronization").
    """
    best = (float("inf"), 0.0)
    for _ in range(times):
        asked_ns, asked_s = now_ns(), time.time()
        told_s = ask_leader()
        took_s = (now_ns() - asked_ns) / 1e9
        best = min(best, (took_s, told_s - (asked_s + took_s / 2)))
    return lambda: time.time() + best[1]
