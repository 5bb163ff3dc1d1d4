"""What every document of a run is: a frozen model whose fields are its JSON's keys."""

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
            place = ".".join(map(str, first["loc"]))
            raise BenchError(
                f"The {name} document lacks or misuses {place} ({first['msg']}); "
                f"make it again with `resale-bench {command}`."
            ) from error
