"""What leads a run under Locust: it announces the run, hears when it is over, and says if it holds.

The leader is the master, or the only process. Only Locust may import this module: gevent patches
the standard library.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from gevent import GreenletExit
from locust.runners import STATE_MISSING, MasterRunner

from bench.load import hdrlog, interval_stats, shards
from bench.load.arrivals import InvalidSchedule, seconds_of
from bench.load.hdrlog import BadLog
from bench.load.interval_stats import Totals
from bench.load.locust.announcement import KEY, Announcement, lead_s, steps_of, to_option
from bench.load.locust.options import LoadOptions, WrongUse
from bench.load.locust.process import CLOCK, REPORT, SENT

_LOG = logging.getLogger("locust.load")
_WRONG_USE, _INVALID = 2, 3
# How long the end of a worker's log is waited for, where it can be seen.
_PATIENCE_S = 5.0


class Leader:
    """Leads the runs of one Locust, one after another; `before_run` may refuse one by WrongUse."""

    def __init__(
        self, environment: Any, options: LoadOptions, before_run: Callable[[Any], None]
    ) -> None:
        self._environment, self._options, self._before_run = environment, options, before_run
        self._given = environment.parsed_options
        self._started = 0
        self._announced: Announcement | None = None
        self._sending: set[str] = set()
        self._reports: dict[str, Totals] = {}
        self._failed: str | None = None
        self._runner = environment.runner
        self._is_master = isinstance(self._runner, MasterRunner)
        self._runner.register_message(SENT, self._sent)
        self._runner.register_message(REPORT, self._reported)
        if self._is_master:
            self._runner.register_message(CLOCK, self._tell_time)
        environment.events.test_start.add_listener(self._announce)
        environment.events.test_stop.add_listener(self._stopped)

    def _announce(self, **_: Any) -> None:
        self._reports, self._failed, self._announced = {}, None, None
        setattr(self._given, KEY, None)
        try:
            self._before_run(self._environment)
        except WrongUse as error:
            self._give_up(str(error))
            # Ends the greenlet that was about to spawn users.
            raise GreenletExit from error
        text = self._options.read(self._given, "steps")
        log = self._options.read(self._given, "log")
        try:
            steps = steps_of(text) if text else ()
        except InvalidSchedule as error:
            self._give_up(str(error))
            return
        if not steps and not log:
            return
        self._started += 1
        # A second run, started from Locust's page, has a folder of its own.
        folder = Path(log) if self._started == 1 else Path(log, f"run-{self._started}")
        self._announced = Announcement(
            run=f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{self._started}",
            folder=str(folder) if log else None,
            steps=tuple((step.rate_per_second, step.seconds) for step in steps),
            spacing=self._options.read(self._given, "arrivals") or "poisson",
            begin_s=time.time() + lead_s(steps),
            workers=self._workers(),
        )
        self._sending = set(self._announced.workers)
        setattr(self._given, KEY, to_option(self._announced))
        if steps:
            _LOG.info(
                "A schedule of %.0f s is sent from %.1f s from now on; closed users stand aside.",
                seconds_of(steps),
                lead_s(steps),
            )

    def _workers(self) -> tuple[str, ...]:
        if not self._is_master:
            return (self._runner.client_id,)
        present = [
            client.id for client in self._runner.clients.all if client.state != STATE_MISSING
        ]
        return tuple(sorted(present, key=self._runner.get_worker_index))

    def _tell_time(self, environment: Any, msg: Any) -> None:
        environment.runner.send_message(CLOCK, {"time_s": time.time()}, client_id=msg.node_id)

    def _sent(self, environment: Any, msg: Any) -> None:
        if msg.data["failed"] is not None:
            self._give_up(msg.data["failed"])
            return
        self._sending.discard(self._id_of(msg))
        if not self._sending:
            _LOG.info("The schedule has been sent.")
            self._end()

    def _reported(self, environment: Any, msg: Any) -> None:
        self._reports[self._id_of(msg)] = interval_stats.of_json(msg.data)

    def _id_of(self, msg: Any) -> str:
        return str(msg.node_id if self._is_master else self._runner.client_id)

    def _give_up(self, sentence: str) -> None:
        if self._failed is None:
            self._failed = sentence
            self._environment.process_exit_code = _WRONG_USE
            _LOG.error(sentence)
            self._end()

    def _end(self) -> None:
        """End the run; in a greenlet of its own, for whoever calls is ended with it."""
        gevent.spawn(self._runner.quit if self._given.headless else self._runner.stop)

    def _stopped(self, **_: Any) -> None:
        # On the page Locust goes on; without it, workers end only when it ends itself.
        if not self._given.headless and self._announced is not None:
            gevent.spawn(self.conclude)

    def conclude(self) -> None:
        """Bring the shards together and say whether the run is valid; sets the exit code."""
        announced, self._announced = self._announced, None
        if announced is None:
            return
        try:
            summary = self._summary(announced)
        except (BadLog, OSError) as error:
            self._environment.process_exit_code = _WRONG_USE
            _LOG.error("The logs cannot be merged: %s", error)
            return
        for name in summary["elsewhere"] if announced.folder else ():
            _LOG.info(
                "The log of %s lies on its own host; copy it here and run "
                "resale-bench logs merge %s --out merged.hlog.",
                name,
                announced.folder,
            )
        for sentence in summary["invalid_because"]:
            _LOG.error("This run is invalid. %s", sentence)
        if self._failed is not None or any(
            generator["failed"] for generator in summary["generators"]
        ):
            self._environment.process_exit_code = _WRONG_USE
        elif not summary["valid"]:
            self._environment.process_exit_code = _INVALID

    def _summary(self, announced: Announcement) -> dict[str, Any]:
        folder = None if announced.folder is None else Path(announced.folder)
        merged = shards.Merged((), ()) if folder is None else self._merged(announced, folder)
        known = {totals.owner.name: totals for totals in (*merged.shards, *self._reports.values())}
        summary = shards.summary(merged, [known[name] for name in sorted(known)])
        silent = len(announced.workers) - len(known)
        if silent > 0:
            summary["invalid_because"].append(
                f"{silent} of {len(announced.workers)} workers have told nothing of the run; "
                "look at their logs."
            )
            summary["valid"] = False
        if folder is not None and known:
            if merged.intervals:
                hdrlog.write(folder / shards.MERGED, merged.intervals)
            text = json.dumps(summary, indent=1) + "\n"
            (folder / shards.SUMMARY).write_text(text, encoding="utf-8")
            _LOG.info("Latencies of this run: resale-bench logs merge %s", folder)
        return summary

    def _merged(self, announced: Announcement, folder: Path) -> shards.Merged:
        """What can be seen, once the workers whose logs lie here have ended them."""
        until = time.monotonic() + _PATIENCE_S
        while shards.logs_in(folder):
            merged = shards.merge([folder])
            if (
                len(self._reports) >= len(announced.workers)
                or all(shard.ended or shard.failed for shard in merged.shards)
                or time.monotonic() > until
            ):
                return merged
            gevent.sleep(0.1)
        return shards.Merged((), ())
