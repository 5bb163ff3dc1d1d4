"""A schedule sent to one database file by a server of its own; the file is then as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.rewind import Rewound, log_bytes
from bench.load import invariants, servers
from bench.load.generator import GeneratorFailed, GeneratorResult, run_open
from bench.load.invariants import Checked
from bench.load.schedule import RequestMix, Schedule
from bench.load.servers import Counters, Placement, Server
from bench.load.workspace import Say
from bench.study.service import WrittenRows

RunGenerator = Callable[..., GeneratorResult]
"""Sends a schedule to a server, as bench.load.generator.run_open does."""


class Sent(NamedTuple):
    """What came back, what it cost, and which rules it broke.

    `begun_at_ns` is of a monotonic clock, of which only differences mean anything;
    `log_bytes` is what the server wrote.
    """

    begun_at_ns: int
    result: GeneratorResult
    server_cpu_s: float
    counters: Counters
    log_bytes: int
    invariants: Checked


@dataclass(frozen=True)
class Sender:
    """What all sendings of a load share.

    `work` is a folder on the disk of the files, and `less` is what helps where that disk is full.
    With `counters` the server counts its statements. `written` are the operations whose rows are
    compared with what was answered.
    """

    mix: RequestMix
    work: Path
    where: Placement
    connections: int
    timeout_s: float
    less: str
    generate: RunGenerator = run_open
    counters: bool = False
    written: Mapping[str, WrittenRows] = field(default_factory=dict)
    progress: Say = field(default=lambda _: None)

    def send(
        self, schedule: Schedule, path: Path, name: str, *, label: str = "", whole: bool = False
    ) -> Sent:
        """Serve the file as it is at rest, send, count, check, and forget what was written.

        `name` is what the server is called, and `label` what is sent; `whole` also reads all of
        the file for damage.

        Raises:
            NotServed, BenchError, ServerUnfit, NotRewindable, GeneratorFailed: it was cut short;
                server and generator are ended then.
        """
        service = self.mix.service
        self.progress(f"{label}: starting the server of {name}")
        with (
            Rewound(path, service.side_files(path)),
            servers.serving(
                path, self.mix, service.environment(counters=self.counters, checkpoints=False),
                name=name, cores=self.where.server_cores,
            ) as server,
        ):  # fmt: skip
            since = newest_rowids(path)
            self.progress(f"{label}: {name}")
            if self.counters:
                server.reset_counters()
            spent_s = server.cpu_s()
            begun_at_ns = time.monotonic_ns()
            result = self._generated(server, schedule)
            server_cpu_s = server.cpu_s() - spent_s
            server.require_disk(result, self.work, self.less)
            self.progress(f"{label}: checking {name}")
            findings = (
                *service.audit(path, whole=whole),
                invariants.parents(path, since),
                *invariants.writes(path, since, self.written, result.answers),
            )
            return Sent(
                begun_at_ns, result, server_cpu_s, server.counters() if self.counters else {},
                log_bytes(path), invariants.checked(findings),
            )  # fmt: skip

    def _generated(self, server: Server, schedule: Schedule) -> GeneratorResult:
        try:
            return self.generate(
                schedule, server.url, self.work,
                connections=self.connections, timeout_s=self.timeout_s,
                core=self.where.player_core, on_second=lambda *_: server.require_alive(),
            )  # fmt: skip
        except GeneratorFailed:
            # A generator without a server has nothing to say; why the server ended has.
            server.require_alive()
            raise
