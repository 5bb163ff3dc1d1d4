"""One operation in one state of a database file."""

from __future__ import annotations

from bench.results.model import Model


class Observation(Model):
    """Counters and plan of one execution, and the median of the timed ones.

    `program` numbers the distinct programs of the operation: states with equal numbers do the
    same work.
    """

    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int
    rows: int
    program: int
    plan: tuple[str, ...]
    median_ns: int | None
