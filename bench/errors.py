"""Which named error means which exit code; unknown errors are faults and keep their traceback."""

from __future__ import annotations

from bench.job import OutputExists
from bench.judge.across import Incomparable
from bench.judge.records import JudgementError
from bench.measure.arms import ArmsError
from bench.measure.disk import NotEnoughDisk
from bench.measure.migration import NotOfThisShop
from bench.micro.paired import MeasurementError
from bench.store import StoreError
from bench.study import StudyError
from reference_app.database import DatabaseError
from reference_app.server import ServerError
from seeds.checks import SeedError
from seeds.manifest import ManifestMissing
from seeds.plan import BadScale, BadSeed

WRONG_USE, INVALID, INCOMPARABLE = 2, 3, 4

CODES: tuple[tuple[type[Exception], int], ...] = (
    (Incomparable, INCOMPARABLE),
    (MeasurementError, INVALID),
    (JudgementError, INVALID),
    (ArmsError, WRONG_USE),
    (BadScale, WRONG_USE),
    (BadSeed, WRONG_USE),
    (DatabaseError, WRONG_USE),
    (NotEnoughDisk, WRONG_USE),
    (ManifestMissing, WRONG_USE),
    (NotOfThisShop, WRONG_USE),
    (OutputExists, WRONG_USE),
    (SeedError, WRONG_USE),
    (ServerError, WRONG_USE),
    (StoreError, WRONG_USE),
    (StudyError, WRONG_USE),
)


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of a named error; None for a fault of ours."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return code
    return None
