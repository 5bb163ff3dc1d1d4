"""What one Locust process does in a run besides being visited: record, and play its slice.

The leader's part stands in bench.resale.locust.leader. Only Locust may import this module: gevent
patches the standard library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gevent import GreenletExit
from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from bench.load.interval_stats import to_json
from bench.resale.locust.announcement import KEY, Announcement, of_option
from bench.resale.locust.open_arrivals import Clock, ScheduleSender, local_clock, offset_clock
from bench.resale.locust.options import plan_of
from bench.resale.locust.recorder import Recorder
from bench.resale.locust.shard import ShardFailed

CLOCK, PLAYED, REPORT = "shop_clock", "shop_played", "shop_report"
"""Messages: what time is it, the schedule is sent (or why not), a shard's totals."""

_CLOCK_PATIENCE_S = 5.0
HOST = "http://127.0.0.1:8000"
"""Where the shop is served unless --host says otherwise."""
_ATTRIBUTE = "shop_process"


class Process:
    """This process's part of the run that is under way, if any."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.recorder: Recorder | None = None
        self.sender: ScheduleSender | None = None
        self._time: AsyncResult | None = None
        setattr(environment, _ATTRIBUTE, self)
        runner = environment.runner
        if isinstance(runner, WorkerRunner):
            runner.register_message(CLOCK, self._told)
        environment.events.test_start.add_listener(self._begin)
        environment.events.spawning_complete.add_listener(self._settle)
        environment.events.test_stopping.add_listener(self._stop)
        environment.events.test_stop.add_listener(self._end)

    def _begin(self, environment: Any, **_: Any) -> None:
        announced = of_option(getattr(environment.parsed_options, KEY, None))
        if isinstance(environment.runner, MasterRunner) or announced is None:
            return
        if not announced.records:
            return
        try:
            folder = None if announced.folder is None else Path(announced.folder)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self.recorder = Recorder(announced.run, folder, self._failed)
        except (ShardFailed, OSError) as error:
            self._say(PLAYED, {"failed": str(error)})
            return
        environment.events.request.add_listener(self.recorder.listen)
        if announced.steps:
            # A schedule is sent whoever else is there: closed users wait.
            self.recorder.settle()
            self._play(announced)
        else:
            self.recorder.start()

    def _play(self, announced: Announcement) -> None:
        assert self.recorder is not None
        environment = self._environment
        self.sender = ScheduleSender(
            announced,
            self.recorder,
            environment,
            environment.runner.client_id,
            self._clock,
            lambda failed: self._say(PLAYED, {"failed": failed}),
        )
        self.sender.start(plan_of(environment), environment.host or HOST)

    def _clock(self) -> Clock:
        if isinstance(self._environment.runner, WorkerRunner):
            return offset_clock(self._ask_leader)
        return local_clock()

    def _ask_leader(self) -> float:
        self._time = AsyncResult()
        self._say(CLOCK, {})
        return float(self._time.get(timeout=_CLOCK_PATIENCE_S))

    def _told(self, environment: Any, msg: Any) -> None:
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
            self._say(REPORT, to_json(recorder.close()))

    def quit(self) -> None:
        """Locust is told to end while visitors are under way: they leave, and the log ends."""
        if not isinstance(self._environment.runner, MasterRunner):
            self._environment.runner.stop()

    def _failed(self, sentence: str) -> None:
        self._say(PLAYED, {"failed": sentence})

    def _say(self, kind: str, told: dict[str, Any]) -> None:
        self._environment.runner.send_message(kind, told)


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
