"""ablation.json: what each index of the migration does, by leaving it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.results.model import (
    DatasetSummary,
    Document,
    Interval,
    Measured,
    Model,
    NoiseFloor,
    Observation,
)

EffectWord = Literal["helps", "harms", "none", "masked"]
"""What an index does to an operation; `masked` where another index replaces it."""

IndexVerdict = Literal["pays", "mixed", "harmful", "dead weight", "untested"]


class Effect(Model):
    """What indexes do to an operation, told by what their loss does.

    `steps_ratio` is steps without them / steps with all, `speedup` time without / time with all:
    above 1 they help. `confirmed` says whether the times bear the effect out; None where there is
    nothing to confirm or nothing was timed.
    """

    effect: EffectWord
    steps_ratio: float
    speedup: float | None = None
    ci95: Interval | None = None
    confirmed: bool | None = None
    reason: str | None = None


class IndexEffect(Effect):
    """One index: the operation without it, and with it as the only one of the migration."""

    without: Observation
    alone: Observation


class PairEffect(Effect):
    """Two indexes left out together."""

    without_both: Observation


class OperationAblation(Model):
    """One operation with all indexes of the migration and with none; `cells` go by index.

    `difference` says how the answers differ between states; such an operation is not judged.
    """

    name: str
    title: str
    kind: str
    control: bool
    difference: str | None
    all: Observation
    none: Observation
    cells: Mapping[str, IndexEffect]


class IndexAblation(Model):
    """One index; `write_vm_steps` is what it adds to one execution of each write."""

    name: str
    table: str
    columns: tuple[str, ...]
    verdict: IndexVerdict
    reason: str
    helps: tuple[str, ...]
    harms: tuple[str, ...]
    write_vm_steps: Mapping[str, int]
    bytes: int | None


class PairAblation(Model):
    """Two indexes that may replace each other, why that is thought, and what is found."""

    indexes: tuple[str, str]
    why: str
    operations: Mapping[str, PairEffect]
    reason: str


class Ablation(Document):
    """The whole document, of the judged arm `arm`."""

    schema_version: int = 2
    study: str
    dataset: DatasetSummary
    arm: str
    sqlite_version: str
    noise_floor: NoiseFloor
    indexes: tuple[IndexAblation, ...]
    operations: tuple[OperationAblation, ...]
    pairs: tuple[PairAblation, ...]
    limits: tuple[str, ...]
    measured: Measured | None = None
