"""A clock that stands still while other processes have the core."""

from __future__ import annotations

import os
import time
from typing import NamedTuple


class Reading(NamedTuple):
    """Nanoseconds so far: of the wall, and of this process's work."""

    wall_ns: int
    cpu_ns: int


_GAP = 0.01
"""A wall that exceeds the work by less is taken as it is: nobody can have waited for longer."""


class CoreClock:
    """Tells how long something took, less the time for which it was ready and had no core.

    What is waited for (a disk, a lock, a sleep) counts; that another process was running does
    not, and it is most of the noise of a busy machine. The kernel adds up how long each thread
    stood in the queue of a core: /proc/PID/task/TID/schedstat, second field, in nanoseconds
    (https://docs.kernel.org/scheduler/sched-stats.html). Where there is no such file the wall's
    time counts, waits included.
    """

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._known_ns = 0

    def begin(self) -> None:
        """Begin a row of readings: take in threads that were started, and what was waited so far.

        Reading the files of all threads takes as long as a short execution; so it is done here,
        and after an execution only if that may have waited.
        """
        try:
            threads = os.listdir("/proc/self/task")
        except OSError:
            return
        for name in threads:
            if name not in self._files:
                try:
                    path = f"/proc/self/task/{name}/schedstat"
                    self._files[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError:
                    continue
        self._known_ns = self._waited_ns()

    def start(self) -> Reading:
        """Read it; the wall last, so that reading the other is not counted."""
        cpu_ns = time.process_time_ns()
        return Reading(time.perf_counter_ns(), cpu_ns)

    def since(self, start: Reading) -> int:
        """Nanoseconds since `start`, at least those that the process itself worked.

        Threads of one process may wait for one another's core; that wait is work of its own.
        """
        wall_ns = time.perf_counter_ns() - start.wall_ns
        cpu_ns = time.process_time_ns() - start.cpu_ns
        if wall_ns - cpu_ns <= wall_ns * _GAP:
            return wall_ns
        before_ns, self._known_ns = self._known_ns, self._waited_ns()
        waited_ns = self._known_ns - before_ns
        return wall_ns if waited_ns <= 0 else min(wall_ns, max(cpu_ns, wall_ns - waited_ns))

    def _waited_ns(self) -> int:
        total = 0
        for file in self._files.values():
            try:
                total += int(os.pread(file, 64, 0).split()[1])
            except (OSError, IndexError, ValueError):
                # The thread has ended; its waits are left out on both sides of a difference.
                continue
        return total
