"""Wakes an event loop at a moment, to within some ten microseconds.

Timers of event loops count in milliseconds: a request sent by them is late by up to two, and one
that polls for its moment uses a whole core, which at 500 requests a second is all the time. A
timerfd of Linux (timerfd_create(2)) is a file that becomes readable at a moment given in
nanoseconds: the loop waits for it as for a socket, and nothing is polled.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_SECOND_NS = 1_000_000_000


class TimerfdUnavailable(OSError):
    """The system has no timerfd."""


class _Times(ctypes.Structure):
    """struct itimerspec: the interval, which stays zero, and the moment."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timerfd:
    """Calls back at a moment of time.perf_counter_ns, which on Linux is CLOCK_MONOTONIC.

    Raises:
        TimerfdUnavailable: this is no Linux.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        # Python has os.timerfd_create from 3.13 on only.
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "timerfd_create"):
            raise TimerfdUnavailable(
                errno.ENOSYS, "Load is sent by Linux's timerfd, which is missing; use Linux"
            )
        self._file = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._times = _Times()
        self._reference = ctypes.byref(self._times)
        self._settime = self._libc.timerfd_settime
        self._loop = loop
        loop.add_reader(self._file, callback)

    def set(self, at_ns: int) -> None:
        """Call back then; at once where that is past. Takes back an earlier moment.

        The callback must set the next moment, or `stop`: until then it is called on and on.
        """
        # All zeros would stop it.
        self._times.value_s, self._times.value_ns = divmod(max(1, at_ns), _SECOND_NS)
        self._settime(self._file, _TFD_TIMER_ABSTIME, self._reference, None)

    def stop(self) -> None:
        """Call back no more, until a moment is set."""
        self._times.value_s = self._times.value_ns = 0
        self._settime(self._file, _TFD_TIMER_ABSTIME, self._reference, None)

    def close(self) -> None:
        """Give the file back."""
        self._loop.remove_reader(self._file)
        os.close(self._file)
