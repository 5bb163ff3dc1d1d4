"""One process's raw latencies on disk: an HdrHistogram log and, beside it, errors and lateness.

It knows no Locust. A request costs two numbers in a list; histograms are made once a second. Every
interval is written whole, by one write of each file, so that a killed run leaves whole lines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.load import hdrlog, interval_stats
from bench.load.hdrlog import SECOND_MS, SERVICE, SINCE_DUE, Encoder, Values, tag_of
from bench.load.interval_stats import CUT_OFF, IntervalStats, Owner, Totals
from bench.load.records import LATE_NS, UNSENT
from bench.load.shards import HISTOGRAMS, INTERVALS

_NEVER_DUE = -1


class ShardFailed(Exception):
    """The log cannot be written on; the text says what to do."""


class Shard:
    """Counts requests, and writes them under `folder`, if one is given, as `HOST-PID.hlog`.

    Raises:
        ShardFailed: the files cannot be made.
    """

    def __init__(self, owner: Owner, folder: Path | None) -> None:
        self.owner = owner
        self.failed: str | None = None
        self.settled = False
        self._ended = False
        self._seconds: list[IntervalStats] = []
        self._encoder = Encoder()
        self._files: list[_Appended] = []
        self._rows: dict[str, list[int]] = {}
        self._now = IntervalStats(0)
        self.start()
        if folder is not None:
            # The host's name may hold a dot: no with_suffix.
            self._files = [
                _Appended(folder / f"{owner.name}{end}") for end in (HISTOGRAMS, INTERVALS)
            ]
            self._append(
                hdrlog.header(owner.begun_ms).encode("ascii"), interval_stats.begin_line(owner)
            )

    def start(self) -> None:
        """Begin the first interval now."""
        self._wall_ns, self._cpu_s = time.perf_counter_ns(), time.process_time()
        self._now.begin_ms, self._now.settled = time.time_ns() // 1_000_000, self.settled

    def good(self, name: str, service_ns: int, since_due_ns: int | None) -> None:
        """Count a request that was answered as it should be; one of a closed user is never due."""
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = []
        row += (service_ns, _NEVER_DUE if since_due_ns is None else since_due_ns)
        if since_due_ns is not None and since_due_ns - service_ns > LATE_NS:
            self._now.late += 1

    def bad(self, name: str, kind: str, behind_ns: int = 0) -> None:
        """Count one that was not; `behind_ns` is how long after it was due it was sent."""
        kinds = self._now.errors.setdefault(name, {})
        kinds[kind] = kinds.get(kind, 0) + 1
        self._now.due += 1
        if kind == UNSENT:
            self._now.missed += 1
        elif behind_ns > LATE_NS:
            self._now.late += 1

    def cut(self, name: str) -> None:
        """Count one that was under way when the load was ended."""
        self.bad(name, CUT_OFF)

    def lagged(self, lag_ns: int) -> None:
        """Note how late a greenlet woke that only sleeps."""
        self._now.lag_max_ns = max(self._now.lag_max_ns, lag_ns)
        if lag_ns > LATE_NS:
            self._now.held_ns += lag_ns

    def flush(self) -> Iterator[None]:
        """End an interval and write it; pauses between histograms, for others to run meanwhile.

        Raises:
            ShardFailed: it cannot be written; what is on disk ends with the interval before.
        """
        rows, self._rows = self._rows, {}
        second = self._end_interval(rows)
        # The second that most of it lies in: whoever ends intervals wakes a little late or early.
        middle_ms = second.begin_ms + min(second.length_ms, SECOND_MS) // 2
        begin_ms = middle_ms // SECOND_MS * SECOND_MS
        length_ms = max(round(second.length_ms / SECOND_MS), 1) * SECOND_MS
        if self._files:
            made = []
            for line in hdrlog.lines(self._encoder, begin_ms, length_ms, _by_tag(rows)):
                made.append(line)
                yield
            self._append("".join(made).encode("ascii"), interval_stats.second_line(second))

    def _end_interval(self, rows: dict[str, list[int]]) -> IntervalStats:
        """The interval that ends now; the next one begins."""
        second, cpu_s = self._now, time.process_time()
        second.length_ms = (time.perf_counter_ns() - self._wall_ns) // 1_000_000
        second.due += sum(len(row) // 2 for row in rows.values())
        second.cpu_s = round(cpu_s - self._cpu_s, 6)
        self._seconds.append(second)
        self._now = IntervalStats(second.begin_ms + second.length_ms, settled=self.settled)
        self._wall_ns += second.length_ms * 1_000_000
        self._cpu_s = cpu_s
        return second

    def close(self) -> Totals:
        """Write what is left and say that it ended; the whole of it. A second time says it again.

        A log that cannot be written is told in `failed` of the totals.
        """
        if not self._ended and self.failed is None:
            try:
                for _ in self.flush():
                    pass
                self._append(b"", interval_stats.end_line(None))
                self._ended = True
            except ShardFailed as error:
                self.failed = str(error)
        for file in self._files:
            file.close()
        self._files = []
        return interval_stats.totals_of(
            self.owner, self._seconds, ended=self._ended, failed=self.failed
        )

    def _append(self, histograms: bytes, counts: bytes) -> None:
        for file, data in zip(self._files, (histograms, counts), strict=False):
            try:
                file.append(data)
            except ShardFailed as error:
                self.failed = str(error)
                raise


class _Appended:
    """A file that grows by whole pieces: of one that does not fit, nothing is left."""

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, 0
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise ShardFailed(_sentence(self._path, error)) from error

    def append(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise ShardFailed(_sentence(self._path, error)) from error
        self._size += len(data)

    def close(self) -> None:
        os.close(self._descriptor)


def _sentence(path: Path, error: OSError) -> str:
    return (
        f"{path}: {error.strerror}; the log of this load is cut short. Free some of the disk, "
        "or name another folder for it, and start again."
    )


def _by_tag(rows: dict[str, list[int]]) -> dict[str, Values]:
    values_by_tag: dict[str, Values] = {}
    for name, row in rows.items():
        pairs = np.array(row, dtype=np.int64).reshape(-1, 2)
        values_by_tag[tag_of(name, SERVICE)] = pairs[:, 0]
        since_due = pairs[pairs[:, 1] != _NEVER_DUE, 1]
        if len(since_due):
            values_by_tag[tag_of(name, SINCE_DUE)] = since_due
    return values_by_tag
