"""Processes of the sides as the harness sees them: started, asked, ended.

Knows no tree's code and no statistics.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.engines.sqlite.values import from_json, to_json
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.spawn import spawn

HARNESS = Path(__file__).parents[2]
"""Where the harness's own `bench` is imported from."""
_LAST_BYTES = 2_000
_OBSERVED_SECONDS = 0.3


class SideFailed(BenchError):
    """The process of a side died, or its code cannot do what was asked of it."""

    exit_code = INVALID


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a side's process is started with; see `bench.gate.worker.adapter.Adapter`.

    `adapter` is named as MODULE:CLASS; `source` is a tree, or a file of queries.
    """

    name: str
    adapter: str
    source: Path
    database: Path
    python: Path
    scratch: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `bench.gate.worker.main` is given; of equal length for names of equal length."""
        return (
            "--adapter", self.adapter, "--source", str(self.source),
            "--database", str(self.database), "--files", str(self.scratch / self.name),
        )  # fmt: skip


class WorkerProcess:
    """One process of a side. Every answer is awaited before the next is asked for."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.name = spec.name
        self._errors = (spec.scratch / f"{spec.name}.err").open("w+b")
        command = [str(spec.python), "-m", "bench.gate.worker.main", *spec.arguments]
        self._process = spawn(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=spec.scratch,
            env=environment(HARNESS),
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input = self._process.stdin
        # Buffered, so that a long answer is read as one line.
        self._output = os.fdopen(os.dup(self._process.stdout.fileno()), "rb")

    def send(self, do: str, **given: Any) -> None:
        """Ask for something without waiting; see `receive`.

        Raises:
            SideFailed: the process is gone.
        """
        try:
            self._input.write(json.dumps({"do": do, **given}, default=to_json).encode() + b"\n")
        except OSError as error:
            raise self._died() from error

    def receive(self) -> Any:
        """The answer to what was asked last.

        Raises:
            SideFailed: the process is gone, or its code refuses.
        """
        line = self._output.readline()
        if not line:
            raise self._died()
        answer = json.loads(line, object_hook=from_json)
        if "error" in answer:
            raise SideFailed(f"The {self.name} cannot be measured: {answer['error']}")
        return answer["ok"]

    def ask(self, do: str, **given: Any) -> Any:
        """Ask and wait.

        Raises:
            SideFailed: as `send` and `receive`.
        """
        self.send(do, **given)
        return self.receive()

    def _died(self) -> SideFailed:
        self._process.wait()
        self._errors.seek(0)
        output = self._errors.read()[-_LAST_BYTES:].decode(errors="replace").strip().splitlines()
        return SideFailed(
            f"The process of the {self.name} ended by itself (exit code "
            f"{self._process.returncode}); it said last: {' | '.join(output[-3:]) or 'nothing'}"
        )

    def close(self) -> None:
        """End the process; it holds nothing that is to be kept."""
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def environment(*paths: Path) -> dict[str, str]:
    """The environment of a side's processes: the same for all, as long, and without chance."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RESALE_", "PYTHON", "COV_", "PYTEST_"))
    }
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
        "PYTHONHASHSEED": "0",
        # Nothing is written into somebody's tree.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextmanager
def worker_processes(specs: Sequence[WorkerSpec]) -> Iterator[dict[str, WorkerProcess]]:
    """Processes by name, started side by side and alike; all of them end with the block."""
    with ExitStack() as stack:
        made: dict[str, WorkerProcess] = {}
        for spec in specs:
            made[spec.name] = WorkerProcess(spec)
            stack.callback(made[spec.name].close)
        yield made


def open_all(running: Mapping[str, WorkerProcess], *, cpu: int | None) -> None:
    """Make every process's application, and put all of them on one core, if one is named.

    They never run at once, so that none loses by it, and all have that core's caches, pace
    and neighbours.
    """
    for worker in running.values():
        worker.send("open", cpu=cpu)
    for worker in running.values():
        worker.receive()


@contextmanager
def staying_on(cpu: int | None) -> Iterator[None]:
    """Keep this thread on the core of the workers, if there is one; freed with the block.

    It never runs at once with them either. On another core, which somebody else may keep busy,
    it would wait for its turn there between any two turns of theirs. To be entered when they
    are started: a process takes the cores of the thread that starts it.
    """
    if cpu is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    try:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {cpu})
        yield
    finally:
        # A core may have been taken from us meanwhile; what was measured is worth more.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, allowed)


def quietest_cpu() -> int | None:
    """The core that did least for some tenths of a second; None where cores cannot be chosen.

    To be asked while none of ours is running: what starts keeps the free core busy, and the one
    that somebody else works on would look as good.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    busy = psutil.cpu_percent(interval=_OBSERVED_SECONDS, percpu=True)
    return min((cpu for cpu in allowed if cpu < len(busy)), key=lambda cpu: busy[cpu], default=None)


THIS_PYTHON = Path(sys.executable)
