"""What every document is, a frozen model whose fields are its JSON's keys, and parts of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import BenchError

Interval = tuple[float, float]
"""A 95 % interval, low and high."""


class Model(BaseModel):
    """A part of a document; keys that it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def json_values(self) -> dict[str, Any]:
        """Return what the JSON holds."""
        return self.model_dump(mode="json")


class Measured(Model):
    """When and by what a document was measured, apart from its run."""

    started_at: str
    duration_ns: int
    command: str
    commit: str | None


class DatasetSummary(Model):
    """The data that was measured, rows by table.

    `scale` and `seed` are those it was generated with, None for data that was not.
    """

    scale: float | None
    seed: int | None
    rows: Mapping[str, int]
    content_hash: str


class Document(Model):
    """A whole JSON file; a part that may be absent is None by default, and has no key then."""

    schema_version: int = 1

    @classmethod
    def version(cls) -> int:
        """Return the schema_version that is written and read now."""
        return int(cls.model_fields["schema_version"].default)

    def json_values(self) -> dict[str, Any]:
        """Return what the JSON holds."""
        absent = {
            name
            for name, field in type(self).model_fields.items()
            if field.default is None and getattr(self, name) is None
        }
        return self.model_dump(mode="json", exclude=absent)

    @classmethod
    def read(cls, values: Mapping[str, Any], *, name: str, command: str) -> Self:
        """Check the content of a file; `command` is what makes it anew.

        Raises:
            BenchError: it lacks a key, has one that is not known or a value of another kind.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            pointer = ".".join(map(str, first["loc"]))
            raise BenchError(
                f"The {name} document lacks or misuses {pointer} ({first['msg']}); "
                f"make it again with `resale-bench {command}`."
            ) from error


class PairNoise(Model):
    """What two measurements of one thing differ by, second / first, and the floor, a share."""

    ratio: float
    ci95: Interval
    floor: float


class ControlPair(Model):
    """One operation measured twice on `arm`; `ratio` is one measurement's time / the other's."""

    arm: str
    ratio: float
    ci95: Interval
    floor: float
    rounds: tuple[float, ...]


class NoiseFloor(Model):
    """The floor of a run and of each operation, shares; `unusable` says why a pair is none.

    `ci95` holds 95 % of the run's A/A ratios. Where nothing was timed `floor` is 0.
    """

    floor: float
    ci95: Interval | None = None
    worst_operation: str | None = None
    worst_floor: float | None = None
    operations: Mapping[str, ControlPair] = {}
    unusable: Mapping[str, str] = {}


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
