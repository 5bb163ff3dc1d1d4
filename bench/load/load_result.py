"""What a load leaves, tells of its progress, or ends with."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from bench.load.records import Answer

_OURS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)


class CannotSend(Exception):
    """The generator, not the server, is at its limit; the text says what to do."""

    @staticmethod
    def because(error: OSError) -> bool:
        """Whether it is this process, and not the server, that a connection failed by."""
        return error.errno in _OURS

    @classmethod
    def of(cls, opened: int, error: OSError) -> CannotSend:
        """Where this process may open no further connection."""
        return cls(
            f"The generator cannot open more than {opened} connections ({error.strerror}); raise "
            "the limit of open files (ulimit -n), or allow fewer with --connections."
        )


@dataclass(frozen=True, slots=True)
class ProgressTick:
    """The progress at the begin of a second; `begun_ns` is of time.perf_counter_ns."""

    second: int
    begun_ns: int
    scheduled: int
    answered: int


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came of a load.

    `begun_ns` is when the schedule began, of time.perf_counter_ns, and `begun_at_ns` of
    time.time_ns; `seconds` lasts until the last answer. `sending_s` and `sending_cpu_s` are
    the time and the processor time until the last request was sent.
    """

    answers: tuple[Answer, ...]
    begun_ns: int
    begun_at_ns: int
    seconds: float
    sending_s: float
    sending_cpu_s: float
    cpu_s: float
    connections: int
