"""Runs the load generator: a schedule goes out, a record comes back.

It is a process of its own, so that nothing else that goes on here makes a request late.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from bench.errors import BenchError
from bench.judge.latencies import quantile_ns
from bench.load import records
from bench.load.generator_process import CONNECTIONS, FAILED, TIMEOUT_S
from bench.load.load_result import ProgressTick
from bench.load.records import Answers
from bench.load.schedule import Schedule, to_json
from bench.spawn import kill, spawn

# The start of the process, reading a schedule and writing a record, on a busy machine.
_BESIDES_S = 120.0


class GeneratorFailed(BenchError):
    """Nothing was measured; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """What came of a schedule, and how the generator fared.

    `seconds` lasts from the schedule's begin to the last answer; `cpu_share` is the generator's
    share of a core until the last request was sent. `begun_ns` is of time.perf_counter_ns, which
    all processes of the machine share, `begun_at_ns` of time.time_ns.
    """

    answers: Answers
    seconds: float
    cpu_share: float
    cpu_s: float
    connections: int
    begun_ns: int
    begun_at_ns: int

    @property
    def late(self) -> int:
        """How many requests were sent later than LATE_NS after they were due."""
        return int(self.answers.late.sum())

    @property
    def missed(self) -> int:
        """How many were never sent."""
        return int(self.answers.unsent.sum())

    @property
    def behind_p99_ns(self) -> int:
        """The p99 of the time from due to sent, 0 where none was sent."""
        behind_ns = self.answers.behind_ns[~self.answers.unsent]
        return quantile_ns(behind_ns, 0.99, measured=True) or 0


def run_open(
    schedule: Schedule,
    url: str,
    work: Path,
    *,
    connections: int = CONNECTIONS,
    timeout_s: float = TIMEOUT_S,
    core: int | None = None,
    on_second: Callable[[ProgressTick], object] | None = None,
    stop_file: Path | None = None,
) -> GeneratorResult:
    """Send a schedule, each request at its time; ends when all are answered or given up.

    `on_second` is called, in the caller's thread, when each second of the schedule begins, the
    first of them as second 0. `work` holds the generator's files meanwhile and is left as it was.
    Once there is a `stop_file` the schedule ends: requests that are not due yet were never on it.

    Raises:
        GeneratorFailed: no server answers there, the disk is full, the generator was ended.
    """
    lasts_s = schedule.requests[-1].due_ns / 1e9 + 2 * timeout_s if schedule.requests else 0.0
    options = {
        "--url": url, "--connections": connections, "--timeout-s": timeout_s, "--core": core,
        "--stop-file": stop_file,
    }  # fmt: skip
    return _generated(schedule, work, options, lasts_s, on_second)


def run_closed(
    schedule: Schedule,
    url: str,
    work: Path,
    *,
    connections: int,
    seconds: float,
    timeout_s: float = TIMEOUT_S,
    core: int | None = None,
) -> GeneratorResult:
    """Send in turn for so long, on each connection again when it was answered, as wrk does.

    Raises:
        GeneratorFailed: as `run_open` does.
    """
    options = {
        "--url": url, "--connections": connections, "--timeout-s": timeout_s, "--core": core,
        "--closed-s": seconds,
    }  # fmt: skip
    return _generated(schedule, work, options, seconds + timeout_s)


def _generated(
    schedule: Schedule,
    work: Path,
    options: Mapping[str, object],
    lasts_s: float,
    on_second: Callable[[ProgressTick], object] | None = None,
) -> GeneratorResult:
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="generator-", dir=work) as folder:
            file, out = Path(folder, "schedule.jsonl"), Path(folder, "answers.parquet")
            write_schedule(file, schedule)
            words = ["--progress"] if on_second is not None else []
            for name, value in {"--schedule": file, "--out": out, **options}.items():
                words += [] if value is None else [name, str(value)]
            summary = _run(words, lasts_s, on_second)
            answers = records.read(out)
    except OSError as error:
        raise GeneratorFailed(
            f"{error.filename or work}: {error.strerror or error}; "
            "free some of the disk, or name another folder."
        ) from error
    return GeneratorResult(answers=answers, **summary)


def write_schedule(path: Path, schedule: Schedule) -> None:
    """Write the file that the generator reads: a header, then a line for each request."""
    header = {"requests": len(schedule.requests), "refusals": dict(schedule.refusals)}
    with path.open("wb") as file:
        file.write(orjson.dumps(header) + b"\n")
        file.writelines(orjson.dumps(to_json(request)) + b"\n" for request in schedule.requests)


def _run(
    words: Sequence[str], lasts_s: float, on_second: Callable[[ProgressTick], object] | None
) -> dict[str, Any]:
    """Run the generator; the summary that it prints at its end."""
    with tempfile.TemporaryFile("w+") as stderr:
        child = spawn(
            [sys.executable, "-m", "bench.load.generator_process", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            # A signal from the terminal is the parent's to handle.
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            with _ended_after(lasts_s + _BESIDES_S, child):
                summary = _listen(child.stdout, on_second)
                code = child.wait()
        finally:
            kill(child)
        stderr.seek(0)
        lines = stderr.read().strip().splitlines()
    if code == FAILED and lines:
        raise GeneratorFailed(lines[-1])
    if code or summary is None:
        why = f": {lines[-1]}" if lines else ""
        raise GeneratorFailed(
            f"The generator ended early (exit code {code}){why}; start the load anew."
        )
    return summary


@contextmanager
def _ended_after(seconds: float, child: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a child that hangs: waiting for it ends then."""
    watchdog = threading.Timer(seconds, child.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _listen(
    stdout: IO[str], on_second: Callable[[ProgressTick], object] | None
) -> dict[str, Any] | None:
    summary = None
    for line in stdout:
        message = json.loads(line)
        if "second" not in message:
            summary = message
        elif on_second is not None:
            on_second(ProgressTick(**message["second"]))
    return summary
