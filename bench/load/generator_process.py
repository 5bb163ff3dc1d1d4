"""The load generator: a process of its own that sends a schedule and leaves the record.

    python -m bench.load.generator_process --url http://127.0.0.1:8000 \
        --schedule schedule.jsonl --out answers.parquet

Prints one line of JSON. Exit code 2, and a sentence on the error stream, where nothing could be
measured: no such host, no server, no disk. The only clock is time.perf_counter_ns.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson

from bench.load import records
from bench.load.closed_loop import ClosedLoop
from bench.load.http_connection import Unreachable, reach
from bench.load.load_result import CannotSend, LoadResult, ProgressTick
from bench.load.open_loop import OpenLoop
from bench.load.records import Answers
from bench.load.schedule import Schedule, of_json
from bench.load.timerfd import TimerfdUnavailable

CONNECTIONS, TIMEOUT_S = 1024, 40.0
FAILED = 2
# Beside the sockets: the schedule, the record, the loop's own.
_OTHER_FILES = 64


class UnreadableSchedule(ValueError):
    """The file is no whole schedule; the text says so."""


def read_schedule(path: Path) -> Schedule:
    """The schedule of a file.

    Raises:
        UnreadableSchedule: it is none, or was cut short.
    """
    try:
        header, *lines = path.read_bytes().splitlines()
        requests = tuple(of_json(orjson.loads(line)) for line in lines)
        first = orjson.loads(header)
        whole = first["requests"] == len(requests)
        schedule = Schedule(requests, first["refusals"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableSchedule(f"{path} is no schedule; make it anew.") from error
    if not whole:
        raise UnreadableSchedule(f"{path} was cut short; make it anew.")
    return schedule


def write_record(path: Path, answers: Answers) -> None:
    """Write the record, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        records.write(part, answers)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def summary_of(result: LoadResult) -> dict[str, object]:
    """The line that the process prints."""
    return {
        "seconds": result.seconds,
        "cpu_share": result.sending_cpu_s / result.sending_s if result.sending_s else 0.0,
        "cpu_s": result.cpu_s,
        "connections": result.connections,
        "begun_ns": result.begun_ns,
        "begun_at_ns": result.begun_at_ns,
    }


def _allow_files(connections: int) -> None:
    """Raise the limit of open files as far as this process may and needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise CannotSend(
            f"{connections} connections need {wanted} open files, and {hard} are allowed; raise "
            "the limit (ulimit -Hn), or allow fewer with --connections."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def generate(given: argparse.Namespace) -> dict[str, object]:
    """Send load as the command line says; what is printed.

    Raises:
        Unreachable: no server answers there.
        CannotSend: this process may open too few connections.
        UnreadableSchedule: there is no whole schedule.
        OSError: the record cannot be written.
    """
    import uvloop

    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    _allow_files(given.connections)
    host = reach(given.url)
    schedule = read_schedule(given.schedule)

    async def run() -> LoadResult:
        if given.closed_s is not None:
            return await ClosedLoop(
                schedule, host, connections=given.connections, seconds=given.closed_s,
                timeout_s=given.timeout_s,
            ).run()  # fmt: skip
        return await OpenLoop(
            schedule, host, connections=given.connections, timeout_s=given.timeout_s,
            on_second=_print_tick if given.progress else None, enough=_enough(given.stop_file),
        ).run()  # fmt: skip

    # A collection would hold up what is due in the meantime, and nothing here is circular.
    gc.collect()
    gc.freeze()
    gc.disable()
    result = uvloop.run(run())
    answers = records.columns(result.answers)
    write_record(given.out, answers)
    return summary_of(result)


def _print_tick(tick: ProgressTick) -> None:
    print(json.dumps({"second": asdict(tick)}), flush=True)


def _enough(stop_file: Path | None) -> Callable[[], bool]:
    return lambda: stop_file is not None and stop_file.exists()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.load.generator_process",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="the server's address")
    parser.add_argument("--schedule", required=True, type=Path, help="JSON lines: header, requests")
    parser.add_argument("--out", required=True, type=Path, help="the record, as Parquet")
    parser.add_argument(
        "--connections", type=int, default=CONNECTIONS, help=f"at most ({CONNECTIONS})"
    )
    parser.add_argument(
        "--timeout-s", type=float, default=TIMEOUT_S, help=f"patience with each ({TIMEOUT_S:g})"
    )
    parser.add_argument("--core", type=int, help="run on this core only")
    parser.add_argument(
        "--closed-s",
        type=float,
        help="send the requests in turn for so long, on each connection when it was answered",
    )
    parser.add_argument("--progress", action="store_true", help="print a line of JSON each second")
    parser.add_argument(
        "--stop-file", type=Path, help="once this file is there, leave out what is not due yet"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Parse, send, print; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.connections < 1 or given.timeout_s <= 0:
        parser.error("--connections is at least 1, and --timeout-s above 0")
    try:
        summary = generate(given)
    except (UnreadableSchedule, CannotSend, TimerfdUnavailable, Unreachable) as error:
        print(error, file=sys.stderr)
        return FAILED
    except OSError as error:
        where = error.filename or given.out
        what = error.strerror or error
        print(f"{where}: {what}; free some of the disk, or check the path.", file=sys.stderr)
        return FAILED
    print(json.dumps(summary), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
