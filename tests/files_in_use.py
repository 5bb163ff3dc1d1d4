"""Databases in every state in which somebody may leave or hold them.

The state is made by processes of their own, so that locks are another's. What distinguishes
the content is `PRAGMA user_version`: WHOLE is committed, everything else is not.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WHOLE = 7
_PRELUDE = """
import os, sys
import apsw
connection = apsw.Connection(sys.argv[1])
def run(sql):
    return connection.execute(sql).fetchall()
def closed():
    connection.close()
    os._exit(0)
def killed():
    os._exit(0)
def held():
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
"""
_DELETE = "run('PRAGMA journal_mode = DELETE')"
_WAL = "run('PRAGMA journal_mode = WAL')"
_COMMIT = f"run('PRAGMA user_version = {WHOLE}')"
_BEGIN = "run('BEGIN IMMEDIATE'); run('PRAGMA user_version = 8')"
_EMPTIED = "run('PRAGMA wal_checkpoint(TRUNCATE)')"
_READ = "run('BEGIN'); run('SELECT count(*) FROM sqlite_schema')"
_SPILL = "run('CREATE TABLE spilled (x)'); run('INSERT INTO spilled VALUES (zeroblob(3000000))')"
_FRAMELESS = [_WAL, _COMMIT, _EMPTIED, "run('PRAGMA user_version = 8')", "killed()"]
_STATES = {
    "clean": [_WAL, _COMMIT, "closed()"],
    "rollback mode": [_COMMIT, _DELETE, "closed()"],
    "unflushed log": [_WAL, _EMPTIED, _COMMIT, "killed()"],
    "unflushed log without index": [_WAL, _EMPTIED, _COMMIT, "killed()"],
    "empty log": [_WAL, _COMMIT, _EMPTIED, "killed()"],
    "log of a header": _FRAMELESS,
    "log of garbage": _FRAMELESS,
    "log of a damaged header": _FRAMELESS,
    "killed within a commit": [
        _DELETE, _COMMIT, "run('PRAGMA cache_size = 1')", _BEGIN, _SPILL, "killed()",
    ],
    "open": [_WAL, _COMMIT, _EMPTIED, "held()"],
    "read": [_WAL, _EMPTIED, _COMMIT, _READ, "held()"],
    "written": [_WAL, _EMPTIED, _COMMIT, _BEGIN, _SPILL, "held()"],
    "read in rollback mode": [_COMMIT, _DELETE, _READ, "held()"],
    "written in rollback mode": [_COMMIT, _DELETE, _BEGIN, "held()"],
    "locked": [_DELETE, "run('BEGIN EXCLUSIVE')", "held()"],
    "read-only": [_WAL, _COMMIT, "closed()"],
}  # fmt: skip
# What is left of the bytes of a log, none of whose frames can be read then.
_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "log of a header": lambda log: log[:32],
    "log of garbage": lambda log: b"\xff" * len(log),
    "log of a damaged header": lambda log: log[:24] + bytes(8) + log[32:],
}
FRAMELESS = tuple(_DAMAGES)
# All in which it can be read; "locked" is one more.
STATES = tuple(name for name in _STATES if name != "locked")


@contextmanager
def in_state(path: Path, state: str) -> Iterator[None]:
    """Bring an existing database, alone in its folder, into a state for the block."""
    script = "\n".join([_PRELUDE, *_STATES[state]])
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        holds = _STATES[state][-1] == "held()"
        assert process.stdout.readline() == ("ready\n" if holds else "")
        if not holds:
            assert process.wait() == 0
        if state == "unflushed log without index":
            Path(f"{path}-shm").unlink()
        if state in _DAMAGES:
            log = Path(f"{path}-wal")
            log.write_bytes(_DAMAGES[state](log.read_bytes()))
        if state == "read-only":
            path.chmod(stat.S_IRUSR)
            path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
        try:
            yield
        finally:
            path.parent.chmod(stat.S_IRWXU)
            process.stdin.close()
            process.wait()


def content(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Everything in a folder that must not change: names, bytes, modes and times of change."""
    found = {}
    for path in (folder, *folder.iterdir()):
        status = path.stat()
        data = b"" if path == folder else path.read_bytes()
        found[path.name] = (data, status.st_mode, status.st_mtime_ns)
    return found


def without_rights() -> None:
    """Give up the rights by which root writes to read-only files, in this process for good."""
    if os.geteuid() == 0:
        os.seteuid(65534)
