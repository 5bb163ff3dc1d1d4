"""What leads a run under Locust: it announces the run, hears when it is over, and says if it holds.

The leader is the master, or the only process. Only Locust may import this module: gevent patches
the standard library.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from gevent import GreenletExit
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.runners import STATE_MISSING, MasterRunner

from bench.load import interval_stats, shards
from bench.load.arrivals import InvalidSchedule, Step, seconds_of
from bench.load.hdrlog import BadLog, write
from bench.load.interval_stats import Totals
from bench.resale.locust import served_shop
from bench.resale.locust.announcement import KEY, Announcement, lead_s, steps_of, to_option
from bench.resale.locust.process import CLOCK, HOST, PLAYED, REPORT
from bench.resale.locust.served_shop import NotThisShop, Served

_LOG = logging.getLogger("locust.shop")
_WRONG_USE, _INVALID = 2, 3
# How long the end of a worker's log is waited for, where it can be seen.
_PATIENCE_S = 5.0
# How long a shop may take to say who it is, also while scans keep it busy.
_ABOUT_S = 20.0


class Leader:
    """Leads the runs of one Locust, one after another."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._options = environment.parsed_options
        self._started = 0
        self._announced: Announcement | None = None
        self._playing: set[str] = set()
        self._reports: dict[str, Totals] = {}
        self._failed: str | None = None
        self._asked: Served | None = None
        runner = environment.runner
        runner.register_message(PLAYED, self._played)
        runner.register_message(REPORT, self._reported)
        if isinstance(runner, MasterRunner):
            runner.register_message(CLOCK, self._tell_time)
            # With the only process its own part listens for it, after this.
        environment.events.test_start.add_listener(self._announce)
        environment.events.test_stop.add_listener(self._stopped)

    def ask_shop(self) -> None:
        """Ask the address who is served there, and settle how it is visited.

        Raises:
            NotThisShop: visitors must not go there, or do not know what to ask for.
        """
        environment, given = self._environment, self._options
        environment.host = served_shop.checked(environment.host or HOST)
        there = _about(environment.host)
        visited = served_shop.visited_of(
            there, scale=given.shop_scale, seed=given.shop_seed, tags=given.tags
        )
        setattr(given, served_shop.KEY, served_shop.to_option(visited))
        if there == self._asked:
            return
        self._asked = there
        _LOG.info(
            "The shop at %s: arm %s, scale %g, seed %d, its clock at %s.",
            *(there.address, there.arm or "unknown", visited.scale, visited.seed, there.now),
        )
        for sentence in served_shop.warnings_of(there, visited):
            _LOG.warning(sentence)

    def _announce(self, **_: Any) -> None:
        self._reports, self._failed, self._announced = {}, None, None
        setattr(self._options, KEY, None)
        try:
            self.ask_shop()
        except NotThisShop as error:
            self._give_up(str(error))
            # Ends the greenlet that was about to spawn visitors.
            raise GreenletExit from error
        try:
            steps = steps_of(self._options.shop_steps) if self._options.shop_steps else ()
        except InvalidSchedule as error:
            self._give_up(str(error))
            return
        if not steps and not self._options.shop_log:
            return
        self._started += 1
        workers = self._workers()
        self._announced = Announcement(
            run=f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{self._started}",
            folder=str(self._folder()) if self._options.shop_log else None,
            steps=tuple((step.rate_per_second, step.seconds) for step in steps),
            spacing=self._options.shop_arrivals,
            begin_s=time.time() + lead_s(steps),
            workers=workers,
        )
        self._playing = set(workers)
        setattr(self._options, KEY, to_option(self._announced))
        if steps:
            self._say_steps(steps)

    def _say_steps(self, steps: tuple[Step, ...]) -> None:
        _LOG.info(
            "A schedule of %.0f s is sent from %.1f s from now on; closed users stand aside.",
            seconds_of(steps),
            lead_s(steps),
        )

    def _folder(self) -> Path:
        folder = Path(self._options.shop_log)
        # A second run, started from Locust's page, has a folder of its own.
        return folder if self._started == 1 else folder / f"run-{self._started}"

    def _workers(self) -> tuple[str, ...]:
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return (runner.client_id,)
        present = [one.id for one in runner.clients.all if one.state != STATE_MISSING]
        return tuple(sorted(present, key=runner.get_worker_index))

    def _tell_time(self, environment: Any, msg: Any) -> None:
        environment.runner.send_message(CLOCK, {"time_s": time.time()}, client_id=msg.node_id)

    def _played(self, environment: Any, msg: Any) -> None:
        if msg.data["failed"] is not None:
            self._give_up(msg.data["failed"])
            return
        self._playing.discard(self._id_of(msg))
        if not self._playing:
            _LOG.info("The schedule has been sent.")
            self._end()

    def _reported(self, environment: Any, msg: Any) -> None:
        self._reports[self._id_of(msg)] = interval_stats.of_json(msg.data)

    def _id_of(self, msg: Any) -> str:
        runner = self._environment.runner
        return str(msg.node_id if isinstance(runner, MasterRunner) else runner.client_id)

    def _give_up(self, sentence: str) -> None:
        if self._failed is None:
            self._failed = sentence
            self._environment.process_exit_code = _WRONG_USE
            _LOG.error(sentence)
            self._end()

    def _end(self) -> None:
        """End the run; in a greenlet of its own, for whoever calls is ended with it."""
        runner = self._environment.runner
        gevent.spawn(runner.quit if self._options.headless else runner.stop)

    def _stopped(self, **_: Any) -> None:
        # On the page Locust goes on; without it, workers end only when it ends itself.
        if not self._options.headless and self._announced is not None:
            gevent.spawn(self.conclude)

    def conclude(self) -> None:
        """Bring the shards together and say whether the run is valid; sets the exit code."""
        announced, self._announced = self._announced, None
        if announced is None or not announced.records:
            return
        try:
            told = self._summary(announced)
        except (BadLog, OSError) as error:
            self._environment.process_exit_code = _WRONG_USE
            _LOG.error("The logs cannot be merged: %s", error)
            return
        for name in told["elsewhere"] if announced.folder else ():
            _LOG.info(
                "The log of %s lies on its own host; copy it here and run "
                "resale-bench logs merge %s --out merged.hlog.",
                name,
                announced.folder,
            )
        for sentence in told["invalid_because"]:
            _LOG.error("This run is invalid. %s", sentence)
        if self._failed is not None or any(one["failed"] for one in told["generators"]):
            self._environment.process_exit_code = _WRONG_USE
        elif not told["valid"]:
            self._environment.process_exit_code = _INVALID

    def _summary(self, announced: Announcement) -> dict[str, Any]:
        folder = None if announced.folder is None else Path(announced.folder)
        merged = self._merged(announced, folder)
        known = {one.owner.name: one for one in merged.shards}
        known |= {one.owner.name: one for one in self._reports.values()}
        told = shards.summary(merged, [known[name] for name in sorted(known)])
        silent = len(announced.workers) - len(known)
        if silent > 0:
            told["invalid_because"].append(
                f"{silent} of {len(announced.workers)} workers have told nothing of the run; "
                "look at their logs."
            )
            told["valid"] = False
        if folder is not None and known:
            if merged.intervals:
                write(folder / shards.MERGED, merged.intervals)
            path = folder / shards.SUMMARY
            path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            _LOG.info("Latencies of this run: resale-bench logs merge %s", folder)
        return told

    def _merged(self, announced: Announcement, folder: Path | None) -> shards.Merged:
        """What can be seen, once the workers whose logs lie here have ended them."""
        nothing = shards.Merged((), ())
        if folder is None:
            return nothing
        until = time.monotonic() + _PATIENCE_S
        while True:
            if not shards.logs_in(folder):
                return nothing
            told = len(self._reports) >= len(announced.workers)
            merged = shards.merge([folder])
            if told or all(one.ended or one.failed for one in merged.shards):
                return merged
            if time.monotonic() > until:
                return merged
            gevent.sleep(0.1)


def _about(address: str) -> Served:
    """Ask as visitors do, with nobody counting it."""
    client = FastHttpSession(
        address,
        EventHook(),  # type: ignore[no-untyped-call]
        None,
        network_timeout=_ABOUT_S,
        connection_timeout=_ABOUT_S,
        max_retries=0,
    )
    response: Any = client.get(served_shop.ABOUT)
    client.client.clientpool.close()
    if not response.status_code:
        raise served_shop.unanswered(address, response.error)
    return served_shop.served_of(address, response.status_code, response.text or "")
