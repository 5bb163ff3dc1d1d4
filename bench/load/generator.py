"""The parent's handle on the lean player: a tape goes out, a record comes back.

The player is a process of its own, so that nothing else that goes on here makes a request late. It
knows no server's insides and no statistic.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from bench.errors import BenchError
from bench.load import records
from bench.load.generator_process import CONNECTIONS, FAILED, TIMEOUT_S
from bench.load.load_result import Second
from bench.load.records import Answers
from bench.load.schedule import Schedule, ScheduledRequest, slot_to_json
from bench.spawn import kill, spawn

# The start of the process, reading a tape and writing a record, on a busy machine.
_BESIDES_S = 120.0


class GeneratorFailed(BenchError):
    """Nothing was measured; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class GeneratorResult:
    """What came of a tape, and how its player fared.

    `seconds` lasts from the tape's begin to the last answer; `cpu_share` is the player's share
    of a core until the last slot was sent. `begun_ns` is of time.perf_counter_ns, which all
    processes of the machine share, `begun_at_ns` of time.time_ns. `late` and `missed` count
    slots that were sent later than LATE_NS after they were due, and never.
    """

    answers: Answers
    seconds: float
    cpu_share: float
    cpu_s: float
    late: int
    missed: int
    connections: int
    behind_p99_ns: int
    begun_ns: int
    begun_at_ns: int


def play(
    tape: Schedule,
    url: str,
    work: Path,
    *,
    connections: int = CONNECTIONS,
    timeout_s: float = TIMEOUT_S,
    core: int | None = None,
    on_second: Callable[[Second], object] | None = None,
    stop_file: Path | None = None,
) -> GeneratorResult:
    """Play a tape to a server, each request at its time; ends when all are answered or given up.

    `on_second` is told, in the caller's thread, when each second of the tape begins, the first of
    them as second 0. `work` holds the player's files meanwhile and is left as it was. Once there
    is a `stop_file` the tape ends: slots that are not due yet were never on it.

    Raises:
        GeneratorFailed: no server answers there, the disk is full, the player was ended.
    """
    lasts_s = tape.slots[-1].due_ns / 1e9 + 2 * timeout_s if tape.slots else 0.0
    options = ["--tell"] if on_second is not None else []
    options += [] if stop_file is None else ["--stop-file", str(stop_file)]
    return _played(tape.slots, url, work, connections, timeout_s, core, options, lasts_s, on_second)


def play_closed(
    slots: Sequence[ScheduledRequest],
    url: str,
    work: Path,
    *,
    connections: int,
    seconds: float,
    timeout_s: float = TIMEOUT_S,
    core: int | None = None,
) -> GeneratorResult:
    """Ask in turn for so long, on each connection again when it was answered, as wrk does.

    Raises:
        GeneratorFailed: as `play` does.
    """
    options = ["--closed-s", str(seconds)]
    return _played(
        slots, url, work, connections, timeout_s, core, options, seconds + timeout_s, None
    )


def _played(
    slots: Sequence[ScheduledRequest],
    url: str,
    work: Path,
    connections: int,
    timeout_s: float,
    core: int | None,
    options: Sequence[str],
    lasts_s: float,
    on_second: Callable[[Second], object] | None,
) -> GeneratorResult:
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="play-", dir=work) as folder:
            file, out = Path(folder, "tape.jsonl"), Path(folder, "answers.parquet")
            write_tape(file, slots)
            words = [
                *("--url", url, "--tape", str(file), "--out", str(out)),
                *("--connections", str(connections), "--timeout-s", str(timeout_s)),
                *options,
                *(() if core is None else ("--core", str(core))),
            ]
            found = _run(words, lasts_s, on_second)
            answers = records.read(out)
    except OSError as error:
        raise GeneratorFailed(
            f"{error.filename or work}: {error.strerror or error}; "
            "free some of the disk, or name another folder."
        ) from error
    found.pop("clock")
    return GeneratorResult(answers=answers, **found)


def write_tape(path: Path, slots: Sequence[ScheduledRequest]) -> None:
    """Write the file that the player reads: a header, then a line for each slot."""
    with path.open("wb") as file:
        file.write(orjson.dumps({"slots": len(slots)}) + b"\n")
        file.writelines(orjson.dumps(slot_to_json(slot)) + b"\n" for slot in slots)


def _run(
    words: Sequence[str], lasts_s: float, on_second: Callable[[Second], object] | None
) -> dict[str, Any]:
    """Run the player; the summary that it prints at its end."""
    with tempfile.TemporaryFile("w+") as said:
        child = spawn(
            [sys.executable, "-m", "bench.load.generator_process", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            # A signal from the terminal is the parent's to handle.
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            with _ended_after(lasts_s + _BESIDES_S, child):
                found = _listen(child.stdout, on_second)
                code = child.wait()
        finally:
            kill(child)
        said.seek(0)
        lines = said.read().strip().splitlines()
    if code == FAILED and lines:
        raise GeneratorFailed(lines[-1])
    if code or found is None:
        why = f": {lines[-1]}" if lines else ""
        raise GeneratorFailed(
            f"The player ended early (exit code {code}){why}; start the load anew."
        )
    return found


@contextmanager
def _ended_after(seconds: float, child: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a child that hangs: whoever waits for it is woken by its end."""
    watchdog = threading.Timer(seconds, child.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _listen(said: IO[str], on_second: Callable[[Second], object] | None) -> dict[str, Any] | None:
    found = None
    for line in said:
        told = json.loads(line)
        if "second" not in told:
            found = told
        elif on_second is not None:
            on_second(Second(**told["second"]))
    return found
