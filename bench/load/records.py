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
REFUSED, BROKEN, TIMED_OUT, UNSENT, WRONG = (
    "connection refused", "connection broken", "timed out", "not sent", "status",
)  # fmt: skip
"""Errors by kind. A status that is no good answer is `status 503` and the like; `not sent` is a
slot that was due and never sent: it has no times, and is never left out."""

LATE_NS = 10_000_000
"""A slot sent later than this after it was due is late, and the generator's fault."""
MOST_LATE_SHARE = 0.01
"""With more late or unsent slots than this a load is invalid: something else was offered."""
MOST_CPU_SHARE = 0.8
"""A generator that uses more of its core than this measures itself: the load is invalid."""

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


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was due, was sent and was answered or given up.

    Times are nanoseconds from the start of the tape; `status` is 0 where no answer came. `name`
    is that of bench.resale.http_requests.name_of, so that a refusal in order counts by itself.
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
        """From when it was due to the end of the answer: what a visitor waits."""
        return self.ended_ns - self.due_ns

    @property
    def behind_ns(self) -> Times:
        """From when it was due until it was sent: what the generator is late by."""
        return self.sent_ns - self.due_ns

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which were answered as they should be; only those have latencies that mean anything."""
        return np.asarray(self.error == GOOD, dtype=np.bool_)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Answers:
        """Those rows."""
        return Answers(
            self.name[chosen], self.due_ns[chosen], self.sent_ns[chosen],
            self.ended_ns[chosen], self.status[chosen], self.error[chosen],
        )  # fmt: skip


def columns(answers: Iterable[Answer]) -> Answers:
    """Answers as columns, sorted by when they were due."""
    rows = sorted(answers, key=lambda answer: answer.due_ns)
    return Answers(
        np.array([row.name for row in rows], dtype=object),
        np.array([row.due_ns for row in rows], dtype=np.int64),
        np.array([row.sent_ns for row in rows], dtype=np.int64),
        np.array([row.ended_ns for row in rows], dtype=np.int64),
        np.array([row.status for row in rows], dtype=np.int16),
        np.array([row.error for row in rows], dtype=object),
    )


def merged(parts: Sequence[Answers]) -> Answers:
    """Several players' answers as one record, in the order in which they were due."""
    if not parts:
        return columns(())
    due_ns = np.concatenate([part.due_ns for part in parts])
    order = np.argsort(due_ns, kind="stable")
    return Answers(
        np.concatenate([part.name for part in parts])[order],
        due_ns[order],
        np.concatenate([part.sent_ns for part in parts])[order],
        np.concatenate([part.ended_ns for part in parts])[order],
        np.concatenate([part.status for part in parts])[order],
        np.concatenate([part.error for part in parts])[order],
    )


def write(path: Path, answers: Answers) -> None:
    """Write the record as Parquet."""
    table = pa.table(
        {
            "name": pa.array(answers.name.tolist(), pa.string()),
            "due_ns": answers.due_ns,
            "sent_ns": answers.sent_ns,
            "ended_ns": answers.ended_ns,
            "status": answers.status,
            "error": pa.array(answers.error.tolist(), pa.string()),
        }
    )
    pq.write_table(table.cast(_SCHEMA), path, compression="zstd")


def read(path: Path) -> Answers:
    """Read a record back."""
    table = pq.read_table(path)

    def texts(name: str) -> npt.NDArray[np.object_]:
        return np.array(table[name].cast(pa.string()).to_pylist(), dtype=object)

    def whole(name: str) -> npt.NDArray[np.int64]:
        return np.asarray(table[name].to_numpy(), dtype=np.int64)

    return Answers(
        texts("name"), whole("due_ns"), whole("sent_ns"), whole("ended_ns"),
        whole("status").astype(np.int16), texts("error"),
    )  # fmt: skip
