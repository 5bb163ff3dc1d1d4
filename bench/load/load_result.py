"""What open and closed loops share: what they leave, and what errors mean."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass

from bench.load.records import BROKEN, GOOD, REFUSED, WRONG, Answer
from bench.study.service import counted_name

_OURS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)


class CannotSend(Exception):
    """The generator, not the server, is at its limit; the text says what to do."""

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
    due: int
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


def error_of(name: str, status: int, refusals: Mapping[str, int]) -> tuple[str, str]:
    """The name under which an answer counts, and its error, empty if it is good."""
    counted = counted_name(name, status, refusals)
    return (name, f"{WRONG} {status}") if counted is None else (counted, GOOD)


def openable(error: OSError) -> bool:
    """Whether a connection that failed so is the server's matter, and not this process's."""
    return error.errno not in _OURS


def not_connected(error: OSError) -> str:
    """The kind of error of a connection that did not come about."""
    return REFUSED if isinstance(error, ConnectionRefusedError) else BROKEN
