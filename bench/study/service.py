"""What a study's HTTP service brings: how it is started, what it is asked, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.study.hooks import Dataset, Parameters, Value
from bench.study.models import Study


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; a `body` is sent as JSON."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampledRequest:
    """A request, and the parameters that were drawn for it."""

    request: Request
    parameters: Parameters


# A request of an operation; the n-th of a schedule, for services that take turns among accounts.
RequestSampler = Callable[[str, int, np.random.Generator], SampledRequest]


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """How many rows a good answer of an operation has put into which table."""

    table: str
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that was checked, and what breaks it; nothing does if it holds."""

    rule: str
    broken_by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PendingMigration:
    """A migration's statements, and those that record it, with their parameters."""

    name: str
    statements: tuple[str, ...]
    record: tuple[tuple[str, tuple[Value, ...]], ...] = ()


def counted_name(name: str, status: int, refusals: Mapping[str, int]) -> str | None:
    """The name under which an answer of this status counts as good; None if it does not.

    An expected refusal is counted by itself, as `NAME: 409`.
    """
    if 200 <= status < 300:
        return name
    return f"{name}: {status}" if refusals.get(name) == status else None


class Service(Protocol):
    """A study's HTTP service, as load is put on it.

    `module` is started as `python -m MODULE DATABASE` and prints its URL once it listens.
    `ready_path` answers 200 once it serves. `counters_path` answers GET with {"endpoints":
    [{"endpoint", "requests", "statements", "vm_steps", "fullscan_steps", "sorts",
    "autoindexes"}]}, where an endpoint is `METHOD /path/{parameter}?name=&other=` with its
    query's names sorted, and DELETE by setting all to zero.

    `families` are those that requests belong to. `exclusive` names the parameter of operations
    that use a row up: asked a second time they would only be refused. `written` holds operations
    that add rows to a table to which nothing else adds any, and `write_probe` is the one that is
    sent evenly to see when writes stop. `refusals` are statuses with which the service may
    refuse an operation although all is well, `full_status` says that the disk is full.
    `load_limits`, `capacity_limits` and `migration_limits` are sentences on what its figures do
    not show.
    """

    module: str
    ready_path: str
    counters_path: str
    families: Collection[str]
    exclusive: Mapping[str, str]
    written: Mapping[str, WrittenRows]
    write_probe: str
    refusals: Mapping[str, int]
    full_status: int
    load_limits: tuple[str, ...]
    capacity_limits: tuple[str, ...]
    migration_limits: tuple[str, ...]

    def environment(
        self, *, counters: bool, checkpoints: bool, busy_timeout_ms: int | None = None
    ) -> Mapping[str, str]:
        """Return environment variables of a server under load.

        Without `checkpoints` it never folds its log into the file; `busy_timeout_ms` is how long
        its writes wait for the lock, as it does by itself if None.
        """
        ...

    def headers(self, dataset: Dataset) -> Mapping[str, str]:
        """Return the headers of somebody who may read the counters."""
        ...

    def side_files(self, database: Path) -> Sequence[Path]:
        """Return the databases that it keeps beside the one that it serves."""
        ...

    def shares(
        self, *, families: Collection[str] = (), without: Collection[str] = ()
    ) -> Mapping[str, float]:
        """Return each operation's share of all requests; they add up to 1.

        `families` keeps only those (all if empty), `without` leaves operations out.

        Raises:
            ValueError: no request is left.
        """
        ...

    def requests(self, dataset: Dataset) -> RequestSampler:
        """Return what draws requests for the rows of a dataset."""
        ...

    def needed_rate(self, database: Path, shares: Mapping[str, float]) -> float:
        """Return the requests a second that the busiest time in the data stands for."""
        ...

    def audit(self, database: Path, *, whole: bool) -> tuple[Finding, ...]:
        """Check the study's rules on a served database; the state before is that without its log.

        `whole` also reads all of the file for damage.
        """
        ...

    def audit_migrated(self, database: Path, study: Study) -> tuple[Finding, ...]:
        """Check the study's rules and facts on a database that was migrated while served."""
        ...

    def pending(self, database: Path, names: Sequence[str]) -> tuple[PendingMigration, ...]:
        """Return those of the migrations that a database has not had, in order."""
        ...
