"""What came of each request, as flat columns: the raw values that everything else is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Times = npt.NDArray[np.int64]

GOOD = ""
"""The error of a request that was answered as it should be."""
NOT_CONNECTED, BROKEN, TIMED_OUT, UNSENT, WRONG = (
    "connection refused", "connection broken", "timed out", "not sent", "status",
)  # fmt: skip
"""Errors by kind. A status that is no good answer is `status 503` and the like; `not sent` is a
request that was due and never sent: it has no times, and is never left out."""

LATE_NS = 10_000_000
"""A request sent later than this after it was due is late, and the generator's fault."""

_SCHEMA = pa.schema(
    [
        ("name", pa.dictionary(pa.int16(), pa.string())),
        ("due_ns", pa.int64()),
        ("sent_ns", pa.int64()),
        ("ended_ns", pa.int64()),
        ("status", pa.int16()),
        ("error", pa.dictionary(pa.int16(), pa.string())),
    ]
)


# The columns of a record, in order; names and errors are texts.
_DTYPES = {
    "name": object, "due_ns": np.int64, "sent_ns": np.int64, "ended_ns": np.int64,
    "status": np.int16, "error": object,
}  # fmt: skip
_PLAIN = {"name": pa.string(), "error": pa.string()}


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was due, was sent and was answered or given up.

    Times are nanoseconds from the start of the schedule; `status` is 0 where no answer came. `name`
    is that of bench.study.service.counted_name: an expected refusal counts by itself.
    """

    name: str
    due_ns: int
    sent_ns: int
    ended_ns: int
    status: int
    error: str = GOOD


@dataclass(frozen=True)
class Answers:
    """Answers as columns of equal length, in the order in which they were due."""

    name: npt.NDArray[np.object_]
    due_ns: Times
    sent_ns: Times
    ended_ns: Times
    status: npt.NDArray[np.int16]
    error: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.due_ns)

    @property
    def service_ns(self) -> Times:
        """From sending to the end of the answer: what the server and the wire took."""
        return self.ended_ns - self.sent_ns

    @property
    def since_due_ns(self) -> Times:
        """From when it was due to the end of the answer: what a user waits."""
        return self.ended_ns - self.due_ns

    @property
    def behind_ns(self) -> Times:
        """From when it was due until it was sent: what the generator is late by."""
        return self.sent_ns - self.due_ns

    @property
    def unsent(self) -> npt.NDArray[np.bool_]:
        """Which were due and never sent."""
        return np.asarray(self.error == UNSENT, dtype=np.bool_)

    @property
    def late(self) -> npt.NDArray[np.bool_]:
        """Which were sent, and later after they were due than the generator may be."""
        return (self.behind_ns > LATE_NS) & ~self.unsent

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which were answered as they should be; only those have latencies that mean anything."""
        return np.asarray(self.error == GOOD, dtype=np.bool_)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Answers:
        """Those rows."""
        return Answers(*(getattr(self, name)[chosen] for name in _DTYPES))


def columns(answers: Iterable[Answer]) -> Answers:
    """Answers as columns, sorted by when they were due."""
    rows = sorted(answers, key=lambda answer: answer.due_ns)
    return Answers(
        *(
            np.array([getattr(row, name) for row in rows], dtype=dtype)
            for name, dtype in _DTYPES.items()
        )
    )


def merged(parts: Sequence[Answers]) -> Answers:
    """Several generators' answers as one record, in the order in which they were due."""
    if not parts:
        return columns(())
    order = np.argsort(np.concatenate([part.due_ns for part in parts]), kind="stable")
    return Answers(
        *(np.concatenate([getattr(part, name) for part in parts])[order] for name in _DTYPES)
    )


def write(path: Path, answers: Answers) -> None:
    """Write the record as Parquet."""
    arrays = {name: pa.array(getattr(answers, name), _PLAIN.get(name)) for name in _DTYPES}
    pq.write_table(pa.table(arrays).cast(_SCHEMA), path, compression="zstd")


def read(path: Path) -> Answers:
    """Read a record back."""
    table = pq.read_table(path)
    return Answers(
        *(
            np.asarray(table[name].to_pylist() if name in _PLAIN else table[name], dtype=dtype)
            for name, dtype in _DTYPES.items()
        )
    )
