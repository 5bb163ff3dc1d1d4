"""Locust's options for raw latencies and open arrivals; a locustfile gives them its prefix."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bench.load.arrivals import InvalidSchedule, Spacing
from bench.load.locust.announcement import lead_s, steps_of
from bench.load.shards import logs_in

# What the last answers may take, in seconds: a server that never answers ends with it.
_DRAIN_S = 45
_SPACINGS: tuple[Spacing, ...] = get_args(Spacing)


class WrongUse(Exception):
    """A run that cannot be; the text says what to change."""


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate < 1e6:
        raise argparse.ArgumentTypeError("Give requests a second, above 0.")
    return rate


def _steps(text: str) -> str:
    if text:
        try:
            steps_of(text)
        except InvalidSchedule as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return text


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """--PREFIX-log and, where the locustfile has a schedule, those of open arrivals."""

    prefix: str
    open_arrivals: bool

    def read(self, given: Any, name: str) -> Any:
        """The value of --PREFIX-NAME; empty where there is no such option."""
        return getattr(given, f"{self.prefix}_{name}", "")

    def _add(self, parser: Any, name: str, **options: Any) -> None:
        # On the parser itself, not in a group of it: only so does Locust's page show them.
        variable = f"LOCUST_{self.prefix}_{name}".upper()
        parser.add_argument(f"--{self.prefix}-{name}", env_var=variable, **options)

    def add(self, parser: Any) -> None:
        """Have Locust know them."""
        if self.open_arrivals:
            self._add_arrivals(parser)
        self._add(
            parser, "log", metavar="DIR", default="", include_in_web_ui=False,
            help="Write every request's latency, from sending and since it was due, as "
            "HdrHistogram logs into this folder, a shard for each process, merged at the end. A "
            "run whose generator was too busy or too late is invalid: exit code 3.",
        )  # fmt: skip

    def _add_arrivals(self, parser: Any) -> None:
        self._add(
            parser, "rate", type=_rate, default=0.0, include_in_web_ui=False,
            help="Open arrivals instead of closed users: so many requests a second for "
            "--run-time, sent when they are due, however slow the server is.",
        )  # fmt: skip
        self._add(
            parser, "steps", type=_steps, metavar="RATExSECONDS,...", default="",
            help="Open arrivals in steps of requests a second x seconds: 50x10,100x10. The run "
            "ends by itself.",
        )  # fmt: skip
        self._add(
            parser, "arrivals", choices=_SPACINGS, default=_SPACINGS[0],
            help="How open arrivals are spaced: poisson, as visitors come that know nothing of "
            "each other, or even (default poisson).",
        )  # fmt: skip

    def check(self, given: Any) -> None:
        """Refuse what does not go together; --PREFIX-rate becomes a step.

        Raises:
            WrongUse: says what to change.
        """
        rate, steps, log = (self.read(given, name) for name in ("rate", "steps", "log"))
        if rate:
            if steps:
                raise WrongUse(f"Give --{self.prefix}-rate or --{self.prefix}-steps, not both.")
            if not given.run_time:
                raise WrongUse(
                    f"--{self.prefix}-rate needs --run-time; or say --{self.prefix}-steps 50x60."
                )
            steps = f"{rate:f}x{given.run_time}"
            setattr(given, f"{self.prefix}_steps", steps)
            # Locust ends a run by its own clock, which starts before the schedule does.
            given.run_time += math.ceil(lead_s(steps_of(steps))) + _DRAIN_S
        if log:
            self._check_log(Path(log))

    def _check_log(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = logs_in(folder)
        except OSError as error:
            raise WrongUse(
                f"--{self.prefix}-log: {folder}: {error.strerror}; name another."
            ) from error
        if there:
            raise WrongUse(
                f"--{self.prefix}-log: {folder} holds the log of another run; name an empty folder."
            )
