"""Which error means which exit code, and its sentence; others are faults and keep their traceback.

The words for errors of the operating system and of SQLite's files stand here, since
any room may meet them.
"""

from __future__ import annotations

import errno

import apsw

from bench.codes import INCOMPARABLE, INVALID, WRONG_USE
from bench.evidence.hidden import HiddenError
from bench.evidence.job import EvidenceRefused
from bench.gate.lanes import SideFailed
from bench.gate.options import GateError
from bench.judge.across import Incomparable
from bench.judge.capacity import BadLevel
from bench.judge.gate_limits import BadLimits
from bench.judge.records import JudgementError
from bench.load.arrivals import BadSchedule
from bench.load.duel import DiskFull
from bench.load.hdrlog import BadLog
from bench.load.live import LiveFailed
from bench.load.live_offer import LiveRefused
from bench.load.playing import PlayerFailed
from bench.load.rewind import NotRewindable
from bench.load.server_process import NotServed
from bench.load.servers import ServerDied, ServerUnfit
from bench.load.tape import UsedUp
from bench.measure.arms import ArmsError
from bench.measure.disk import NotEnoughDisk
from bench.measure.migration import NotOfThisShop
from bench.micro.lanes import MeasurementError
from bench.output import OutputExists
from bench.race.records import RaceError
from bench.show import ReportError
from bench.store import StoreError
from bench.study import StudyError
from bench.traffic import TrafficError
from reference_app.database import DatabaseError
from reference_app.server import ServerError
from seeds.checks import SeedError
from seeds.manifest import ManifestMissing
from seeds.plan import BadScale, BadSeed

CODES: tuple[tuple[type[Exception], int], ...] = (
    (Incomparable, INCOMPARABLE),
    # Before the kind of error that it is one of.
    (BadLimits, WRONG_USE),
    (MeasurementError, INVALID),
    (JudgementError, INVALID),
    (LiveFailed, INVALID),
    (ServerDied, INVALID),
    (ServerUnfit, INVALID),
    (SideFailed, INVALID),
    (ArmsError, WRONG_USE),
    (BadLevel, WRONG_USE),
    (BadLog, WRONG_USE),
    (BadScale, WRONG_USE),
    (BadSchedule, WRONG_USE),
    (BadSeed, WRONG_USE),
    (DatabaseError, WRONG_USE),
    (DiskFull, WRONG_USE),
    (EvidenceRefused, WRONG_USE),
    (GateError, WRONG_USE),
    (HiddenError, WRONG_USE),
    (LiveRefused, WRONG_USE),
    (NotEnoughDisk, WRONG_USE),
    (NotRewindable, WRONG_USE),
    (NotServed, WRONG_USE),
    (ManifestMissing, WRONG_USE),
    (NotOfThisShop, WRONG_USE),
    (OutputExists, WRONG_USE),
    (PlayerFailed, WRONG_USE),
    (RaceError, WRONG_USE),
    (ReportError, WRONG_USE),
    (SeedError, WRONG_USE),
    (ServerError, WRONG_USE),
    (StoreError, WRONG_USE),
    (StudyError, WRONG_USE),
    (TrafficError, WRONG_USE),
    (UsedUp, WRONG_USE),
    (apsw.FullError, WRONG_USE),
    (apsw.IOError, WRONG_USE),
    (apsw.CantOpenError, WRONG_USE),
    (apsw.ProtocolError, WRONG_USE),
    (apsw.ReadOnlyError, WRONG_USE),
    (OSError, WRONG_USE),
)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of a named error; None for a fault of ours."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return code
    return None


def sentence_of(error: Exception) -> str:
    """Say in one sentence what is wrong and what to do next."""
    if isinstance(error, apsw.FullError):
        return "The disk became full; free some of it and start again."
    if isinstance(error, apsw.Error):
        return f"SQLite cannot use a file ({error}); check the disk and the permissions."
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        return _of_the_system(error)
    return str(error)


def _of_the_system(error: OSError) -> str:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    if error.errno in _FULL:
        return f"{where}{what}; free some of the disk and start again."
    return f"{where}{what}; check the path and its permissions, or name another."
