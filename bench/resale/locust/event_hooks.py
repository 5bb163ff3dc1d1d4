"""Ties the shop's visitors to Locust's events: options first, then who leads, records and plays.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from locust import events
from locust.runners import WorkerRunner

from bench.load.shards import logs_in
from bench.resale.locust import options, users
from bench.resale.locust.announcement import FAMILIES, lead_s, steps_of
from bench.resale.locust.leader import Leader
from bench.resale.locust.process import Process
from bench.resale.locust.served_shop import NotThisShop
from bench.resale.user_profiles import KINDS

# What the last answers may take, in seconds: a server that never answers ends with it.
_DRAIN_S = 45


class _WrongUse(Exception):
    """Options that cannot be; the text says what to change."""


class Listening:
    """Our part of one Locust process."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._leader: Leader | None = None
        self._process: Process | None = None

    def listen(self) -> None:
        """Listen to everything that is needed; the order matters where one event is shared."""
        events.init_command_line_parser.add_listener(self._add)  # type: ignore[no-untyped-call]
        events.init.add_listener(self._init)  # type: ignore[no-untyped-call]
        events.request.add_listener(options.Hint().listen)  # type: ignore[no-untyped-call]
        # Before Locust's own listener is there: quitting is told to the last one first, and so
        # the workers have been told to end when it is told here.
        events.quitting.add_listener(self._quit)  # type: ignore[no-untyped-call]

    def _add(self, parser: Any, **_: Any) -> None:
        self._parser = parser
        options.add_options(parser)

    def _init(self, environment: Any, runner: Any, **_: Any) -> None:
        given = environment.parsed_options
        leads = not isinstance(runner, WorkerRunner)
        if leads:
            self._leader = Leader(environment)
            try:
                self._check(given)
                self._leave_out(environment)
                # The page asks for the address where none is given.
                if given.host or given.headless or given.autostart:
                    self._leader.ask_shop()
                    self._leave_out(environment)
            except (_WrongUse, NotThisShop) as error:
                # Locust ends its worker processes only when they miss their leader, after a minute.
                for worker in psutil.Process().children() if given.processes else ():
                    worker.terminate()
                self._parser.error(str(error))
        else:
            with suppress(_WrongUse):
                self._leave_out(environment)
        # After the leader, which asks the shop first.
        environment.events.test_start.add_listener(options.prepare)
        environment.events.test_start.add_listener(users.keep)
        self._process = Process(environment)

    def _check(self, given: Any) -> None:
        """Options that do not go together are refused before anything begins."""
        if given.shop_rate:
            if given.shop_steps:
                raise _WrongUse("Give --shop-rate or --shop-steps, not both.")
            if not given.run_time:
                raise _WrongUse("--shop-rate needs --run-time; or say --shop-steps 50x60.")
            # Locust ends a run by its own clock, which starts before the schedule does.
            given.shop_steps = f"{given.shop_rate:f}x{given.run_time}"
            given.run_time += math.ceil(lead_s(steps_of(given.shop_steps))) + _DRAIN_S
        if given.shop_log:
            folder = Path(given.shop_log)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                there = logs_in(folder)
            except OSError as error:
                raise _WrongUse(f"--shop-log: {folder}: {error.strerror}; name another.") from error
            if there:
                raise _WrongUse(
                    f"--shop-log: {folder} holds the log of another run; name an empty folder."
                )

    def _leave_out(self, environment: Any) -> None:
        """Kinds of visitors of which the tags leave nothing do not come."""
        kept = options.families_now(environment)
        nobody = {
            kind.name for kind in KINDS if not any(task.family in kept for task in kind.tasks)
        }
        coming = [one for one in environment.user_classes if one.__name__ not in nobody]
        if coming:
            environment.user_classes[:] = coming
        else:
            raise _WrongUse(
                "--tags and --exclude-tags leave these visitors nothing to do; the tags are "
                f"{', '.join(sorted(FAMILIES))}."
            )

    def _quit(self, **_: Any) -> None:
        if self._process is not None:
            self._process.quit()
        if self._leader is not None:
            self._leader.conclude()
