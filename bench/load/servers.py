"""A study's service on one database: starts, asks and ends it.

Only files that the run made itself are served, so that nothing leads back to a database of
somebody else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.load.generator import GeneratorResult
from bench.load.schedule import RequestMix
from bench.load.server_process import ServerProcess, served
from bench.study.service import Service

Counters = Mapping[str, Mapping[str, int]]
"""What the service counted, by endpoint: requests, statements, vm_steps, fullscan_steps, sorts
and autoindexes."""

_COUNTED = ("requests", "statements", "vm_steps", "fullscan_steps", "sorts", "autoindexes")
_READY_S = 30.0
_ANSWER_S = 60.0


class ServerUnfit(BenchError):
    """A server runs and does not do what a load needs of it; the text says what."""

    exit_code = INVALID


@dataclass(frozen=True, slots=True)
class Placement:
    """Which cores the generator and the servers have; None where there is only one for all."""

    player_core: int | None
    server_cores: tuple[int, ...] | None


def placement() -> Placement:
    """The last core for the generator, all others for servers."""
    cores = sorted(os.sched_getaffinity(0))
    return Placement(cores[-1], tuple(cores[:-1])) if len(cores) > 1 else Placement(None, None)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `name` is what it is called in errors."""

    name: str
    child: ServerProcess
    service: Service
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.child.url

    def require_alive(self) -> None:
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

    def require_disk(self, result: GeneratorResult, work: Path, otherwise: str) -> None:
        """Stop where the disk became full under the server; `otherwise` is what helps too.

        Raises:
            BenchError: it did.
        """
        if (result.answers.status == self.service.full_status).any():
            raise BenchError(
                f"The disk of {work} became full under load, so that the server refused writes; "
                f"free some of it, name another --work, or {otherwise}."
            )

    def cpu_s(self) -> float:
        """Processor time that it has used so far, in seconds."""
        self.require_alive()
        times = psutil.Process(self.child.process.pid).cpu_times()
        return float(times.user + times.system)

    def reset_counters(self) -> None:
        """Set the counters of statements to zero.

        Raises:
            ServerUnfit, BenchError: it does not count, or is not there.
        """
        self._request("DELETE", self.service.counters_path)

    def counters(self) -> Counters:
        """What its endpoints have executed since the last reset.

        Raises:
            ServerUnfit, BenchError: it does not count, or is not there.
        """
        entries = self._request("GET", self.service.counters_path).json()["endpoints"]
        return {
            str(entry["endpoint"]): {key: int(entry[key]) for key in _COUNTED} for entry in entries
        }

    def wait_until_ready(self) -> None:
        """Wait until the service says that it is ready.

        Raises:
            ServerUnfit, BenchError: it never did.
        """
        begun = time.monotonic()
        while True:
            try:
                self._request("GET", self.service.ready_path)
                return
            except ServerUnfit:
                if time.monotonic() - begun > _READY_S:
                    raise
                time.sleep(0.02)

    def _request(self, method: str, path: str) -> httpx.Response:
        self.require_alive()
        try:
            response = httpx.request(
                method, self.url + path, headers=dict(self.headers), timeout=_ANSWER_S
            )
        except httpx.HTTPError as error:
            self.require_alive()
            raise ServerUnfit(
                f"The server of {self.name} does not answer {method} {path} "
                f"({type(error).__name__}); start again, on a machine that is less busy."
            ) from error
        if not response.is_success:
            raise ServerUnfit(
                f"The server of {self.name} answers {method} {path} with {response.status_code}; "
                "seed the database again with this version."
            )
        return response


@contextmanager
def serving(
    path: Path,
    mix: RequestMix,
    environment: Mapping[str, str],
    *,
    name: str,
    cores: Collection[int] | None = None,
) -> Iterator[Server]:
    """Serve a database until the block ends; the server is killed then, whatever happened.

    Raises:
        NotServed: it ended before it listened.
        BenchError, ServerUnfit: it did not become ready.
    """
    service = mix.service
    with served(service.module, str(path), cores=cores, environment=environment) as child:
        server = Server(name, child, service, service.headers(mix.dataset))
        try:
            server.wait_until_ready()
            yield server
        finally:
            # What it would put in order on its way out is thrown away in any case.
            child.kill()
