"""Ties raw latencies and open arrivals to Locust's events: options first, then leader and process.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

from typing import Any

import psutil
from locust import events
from locust.runners import WorkerRunner

from bench.load.locust.leader import Leader
from bench.load.locust.open_arrivals import MakeSchedule
from bench.load.locust.options import LoadOptions, WrongUse
from bench.load.locust.process import Process


class LoadHooks:
    """Our part of one Locust process; a locustfile with more to say overrides the four methods.

    `prefix` is that of the options. `schedule` draws what open arrivals send, equal in every
    process; without one there are none.
    """

    def __init__(self, prefix: str = "load", schedule: MakeSchedule | None = None) -> None:
        self._options = LoadOptions(prefix, schedule is not None)
        self._schedule = schedule
        self._parser: Any = None
        self._leader: Leader | None = None
        self._process: Process | None = None

    def add_options(self, parser: Any) -> None:
        """Add the locustfile's own options."""

    def set_up(self, environment: Any, *, leads: bool) -> None:
        """Look at the options once, in every process; `leads` where the run is led from here.

        Raises:
            WrongUse: ends a leading process with exit code 2.
        """

    def before_run(self, environment: Any) -> None:
        """Look at the host, where a run is led from, before each run.

        Raises:
            WrongUse: the run does not begin.
        """

    def prepare(self, environment: Any, **_: Any) -> None:
        """Make ready, in every process, before the first user of a run comes."""

    def listen(self) -> None:
        """Listen to everything that is needed; the order matters where one event is shared."""
        events.init_command_line_parser.add_listener(self._add)  # type: ignore[no-untyped-call]
        events.init.add_listener(self._init)  # type: ignore[no-untyped-call]
        # Before Locust's own listener is there: quitting is told to the last one first, and so
        # the workers have been told to end when it is told here.
        events.quitting.add_listener(self._quit)  # type: ignore[no-untyped-call]

    def _add(self, parser: Any, **_: Any) -> None:
        self._parser = parser
        self.add_options(parser)
        self._options.add(parser)

    def _init(self, environment: Any, runner: Any, **_: Any) -> None:
        leads = not isinstance(runner, WorkerRunner)
        if leads:
            self._leader = Leader(environment, self._options, self.before_run)
        try:
            if leads:
                self._options.check(environment.parsed_options)
            self.set_up(environment, leads=leads)
        except WrongUse as error:
            # Locust ends its worker processes only when they miss their leader, after a minute.
            for worker in (
                psutil.Process().children() if environment.parsed_options.processes else ()
            ):
                worker.terminate()
            self._parser.error(str(error))
        # After the leader, which announces the run, and before what records it.
        environment.events.test_start.add_listener(self.prepare)
        self._process = Process(environment, self._schedule)

    def _quit(self, **_: Any) -> None:
        if self._process is not None:
            self._process.quit()
        if self._leader is not None:
            self._leader.conclude()
