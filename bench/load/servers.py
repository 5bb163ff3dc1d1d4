"""One arm's file, served for the time of a block and as it was afterwards.

What starts, asks and ends servers.

Only files that the run made itself are served, so that nothing leads back to a database of
somebody else. The server checkpoints nothing: all that it writes stands in the log beside the
file, which goes with bench.load.rewind.Rewound.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
import psutil

from bench.engines.sqlite.files import beside
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.load.rewind import INVARIANTS, audit, new_rows
from bench.load.server_process import ONE_ADDRESS, SHOP, Served, served
from bench.resale.user_profiles import EVENTS_IN_A_BATCH
from reference_app.stock import audit as shop_audit

Counters = Mapping[str, Mapping[str, int]]
"""What the application counted, by endpoint: requests, statements, vm_steps, fullscan_steps,
sorts and autoindexes."""

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        **ONE_ADDRESS,
        "RESALE_LOG_LEVEL": "error",
        "RESALE_COUNTERS": "true",
        "RESALE_CHECKPOINTS": "false",
    }
)
"""How a shop is served under load."""

WRITES: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "checkout": ("orders", 1),
        "reserve": ("product_reservations", 1),
        "submit_sell_request": ("sell_submissions", 1),
        "track_events": ("analytics_events", EVENTS_IN_A_BATCH),
    }
)
"""Into which table a good answer of an operation has put how many rows."""

_STATEMENTS = "/admin/statements"
_COUNTED = ("requests", "statements", "vm_steps", "fullscan_steps", "sorts", "autoindexes")
_READY_S = 30.0
_ANSWER_S = 60.0


class ServerUnfit(BenchError):
    """A server runs and does not do what a load needs of it; the text says what."""

    exit_code = INVALID


@dataclass(frozen=True, slots=True)
class Placement:
    """Which cores the player and the servers have; None where there is only one for all."""

    player_core: int | None
    server_cores: tuple[int, ...] | None


def placement() -> Placement:
    """The last core for the player, all others for servers."""
    cores = sorted(os.sched_getaffinity(0))
    return Placement(cores[-1], tuple(cores[:-1])) if len(cores) > 1 else Placement(None, None)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of one shop; `name` is what it is called in errors."""

    name: str
    child: Served
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.child.url

    def refuse_dead(self) -> None:
        """Stop where the server has ended.

        Raises:
            BenchError: it has.
        """
        code = self.child.process.poll()
        if code is not None:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            raise BenchError(
                f"The server of {self.name} {how} under load ({self.child.last_words()}); "
                "look for what ended it, and start again.",
                INVALID,
            )

    def cpu_s(self) -> float:
        """Processor time that it has used so far, in seconds."""
        self.refuse_dead()
        times = psutil.Process(self.child.process.pid).cpu_times()
        return float(times.user + times.system)

    def reset_statements(self) -> None:
        """Set the counters of statements to zero.

        Raises:
            ServerUnfit, BenchError: it does not count, or is not there.
        """
        self._ask("DELETE", _STATEMENTS)

    def statements(self) -> Counters:
        """What its endpoints have executed since the last reset.

        Raises:
            ServerUnfit, BenchError: it does not count, or is not there.
        """
        entries = self._ask("GET", _STATEMENTS).json()["endpoints"]
        return {
            str(entry["endpoint"]): {key: int(entry[key]) for key in _COUNTED} for entry in entries
        }

    def wait_until_ready(self) -> None:
        """Ask /ready until it answers well.

        Raises:
            ServerUnfit, BenchError: it never did.
        """
        begun = time.monotonic()
        while True:
            try:
                self._ask("GET", "/ready")
                return
            except ServerUnfit:
                if time.monotonic() - begun > _READY_S:
                    raise
                time.sleep(0.02)

    def _ask(self, method: str, path: str) -> httpx.Response:
        self.refuse_dead()
        try:
            found = httpx.request(
                method, self.url + path, headers=dict(self.headers), timeout=_ANSWER_S
            )
        except httpx.HTTPError as error:
            self.refuse_dead()
            raise ServerUnfit(
                f"The server of {self.name} does not answer {method} {path} "
                f"({type(error).__name__}); start again, on a machine that is less busy."
            ) from error
        if not found.is_success:
            raise ServerUnfit(
                f"The server of {self.name} answers {method} {path} with {found.status_code}; "
                "seed the database again with this version."
            )
        return found


@contextmanager
def serving(
    path: Path,
    headers: Mapping[str, str],
    *,
    name: str,
    cores: Collection[int] | None = None,
    settings: Mapping[str, str] = SETTINGS,
) -> Iterator[Server]:
    """Serve a database until the block ends; the server is killed then, whatever happened.

    `headers` are those of a member of staff, who may read the counters.

    Raises:
        NotServed: it ended before it listened.
        BenchError, ServerUnfit: it did not become ready.
    """
    with served(SHOP, str(path), cores=cores, environment=settings) as child:
        server = Server(name, child, headers)
        try:
            server.wait_until_ready()
            yield server
        finally:
            # What it would put in order on its way out is thrown away in any case.
            child.kill()


def broken_rules(path: Path, acknowledged: Mapping[str, int], *, whole: bool) -> tuple[str, ...]:
    """Sentences about what a served file holds and must not; none if all is well.

    The rules are those of bench.load.rewind; besides, what clients were told is done must be
    there: `acknowledged` counts good answers by operation. `whole` reads all of the file too.

    Raises:
        DatabaseError: the file cannot be read.
    """
    found = list(audit(path))
    for name, (table, rows) in WRITES.items():
        told = acknowledged.get(name, 0) * rows
        there = new_rows(path, table) if told else 0
        if there < told:
            found.append(
                f"Broken: what was acknowledged is there ({name} was told of {told} rows of "
                f"{table}, and {there} are new)."
            )
    if whole:
        damaged = shop_audit.audit(path, rules=("damage",), without_ledger=True)
        found.extend(f"Broken: {one.rule}." for one in damaged.findings if one.broken_by)
    return tuple(found)


def rules_asked(*, whole: bool) -> int:
    """How many rules `broken_rules` asks."""
    return len(INVARIANTS) + len(WRITES) + whole


def written_bytes(path: Path) -> int:
    """How much stands in the log of a served file."""
    log = beside(path)[0]
    return log.stat().st_size if log.exists() else 0
