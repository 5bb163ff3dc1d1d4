"""What one Locust process does in a run besides its users: record, and send its slice.

The leader's part is bench.load.locust.leader. Only Locust may import this module: gevent
patches the standard library.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gevent import GreenletExit
from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from bench.load.interval_stats import to_json
from bench.load.locust.announcement import KEY, of_option
from bench.load.locust.open_arrivals import MakeSchedule, ScheduleSender
from bench.load.locust.recorder import Recorder
from bench.load.locust.shard import ShardFailed

CLOCK, SENT, REPORT = "load_clock", "load_sent", "load_report"
"""Messages: what time is it, the schedule is sent (or why not), a shard's totals."""

_CLOCK_PATIENCE_S = 5.0
_CLOCK_READINGS = 7
_ATTRIBUTE = "load_process"


class Process:
    """This process's part of the run that is under way, if any."""

    def __init__(self, environment: Any, schedule: MakeSchedule | None) -> None:
        self._environment, self._schedule = environment, schedule
        self._runner = environment.runner
        self.recorder: Recorder | None = None
        self.sender: ScheduleSender | None = None
        self._time: AsyncResult | None = None
        setattr(environment, _ATTRIBUTE, self)
        if isinstance(self._runner, WorkerRunner):
            self._runner.register_message(CLOCK, self._receive_time)
        environment.events.test_start.add_listener(self._begin)
        environment.events.spawning_complete.add_listener(self._settle)
        environment.events.test_stopping.add_listener(self._stop)
        environment.events.test_stop.add_listener(self._end)

    def _begin(self, environment: Any, **_: Any) -> None:
        announced = of_option(getattr(environment.parsed_options, KEY, None))
        if isinstance(self._runner, MasterRunner) or announced is None:
            return
        try:
            folder = None if announced.folder is None else Path(announced.folder)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self.recorder = Recorder(announced.run, folder, self._say_sent)
        except (ShardFailed, OSError) as error:
            self._say_sent(str(error))
            return
        environment.events.request.add_listener(self.recorder.listen)
        if announced.steps and self._schedule is not None:
            # A schedule is sent whoever else is there: closed users wait.
            self.recorder.settle()
            self.sender = ScheduleSender(
                announced, self._schedule, self.recorder, environment, self._clock_offset_s,
                self._say_sent,
            )  # fmt: skip
        else:
            self.recorder.start()

    def _clock_offset_s(self) -> float:
        """What the leader's clock is ahead of this one: by the answer that came quickest.

        The leader read its clock somewhere between question and answer, so this is wrong by at
        most half of that time (Cristian 1989, "Probabilistic clock synchronization").
        """
        if not isinstance(self._runner, WorkerRunner):
            return 0.0
        answers = []
        for _ in range(_CLOCK_READINGS):
            sent_ns, sent_s = time.perf_counter_ns(), time.time()
            self._time = AsyncResult()
            self._runner.send_message(CLOCK, {})
            leader_s = float(self._time.get(timeout=_CLOCK_PATIENCE_S))
            took_s = (time.perf_counter_ns() - sent_ns) / 1e9
            answers.append((took_s, leader_s - (sent_s + took_s / 2)))
        return min(answers)[1]

    def _receive_time(self, environment: Any, msg: Any) -> None:
        if self._time is not None:
            self._time.set(msg.data["time_s"])

    def _settle(self, **_: Any) -> None:
        if self.recorder is not None:
            self.recorder.settle()

    def _stop(self, **_: Any) -> None:
        if self.sender is not None:
            self.sender.stop()
        if self.recorder is not None:
            self.recorder.stop()

    def _end(self, **_: Any) -> None:
        recorder, self.recorder, self.sender = self.recorder, None, None
        if recorder is not None:
            self._environment.events.request.remove_listener(recorder.listen)
            self._runner.send_message(REPORT, to_json(recorder.close()))

    def quit(self) -> None:
        """Locust is told to end while users are under way: they leave, and the log ends."""
        if not isinstance(self._runner, MasterRunner):
            self._runner.stop()

    def _say_sent(self, failed: str | None) -> None:
        self._runner.send_message(SENT, {"failed": failed})


def recorder_of(environment: Any) -> Recorder | None:
    """What records the run that is under way, if it is recorded."""
    recorder: Recorder | None = getattr(environment, _ATTRIBUTE).recorder
    return recorder


def stand_aside(environment: Any) -> None:
    """Closed users wait while a schedule is sent, and leave when it ends."""
    sender = getattr(environment, _ATTRIBUTE).sender
    if sender is not None:
        sender.ended.wait()
        # Not StopUser, which Locust would log as an error of on_start.
        raise GreenletExit
