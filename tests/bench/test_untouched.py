"""A database is read and copied, and nothing of it changes, in whatever state it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.database_files import (
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    NotADatabase,
)
from bench.engines.sqlite.untouched import reading, snapshot
from bench.measure.scratch import scratch
from tests.files_in_use import FRAMELESS, STATES, WHOLE, content, in_state


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A database of one table, alone in its folder."""
    path = tmp_path / "source" / "my notes.db"
    path.parent.mkdir()
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("INSERT INTO notes (text) VALUES ('one'), ('two')")
    connection.close()
    return path


def seen(connection: apsw.Connection) -> tuple[int, int]:
    ((rows,),) = connection.execute("SELECT count(*) FROM notes").fetchall()
    return int(str(rows)), int(connection.pragma("user_version"))


@pytest.mark.parametrize("state", STATES)
def test_a_database_is_read_and_copied_and_nothing_changes(
    notes: Path, tmp_path: Path, state: str
) -> None:
    copy = tmp_path / "copy" / "copy.db"
    copy.parent.mkdir()
    with in_state(notes, state):
        before = content(notes.parent)
        with reading(notes) as connection:
            assert seen(connection) == (2, WHOLE)
            with pytest.raises((apsw.ReadOnlyError, apsw.SQLError)):
                connection.execute("INSERT INTO notes (text) VALUES ('three')")
        snapshot(notes, copy)
        assert content(notes.parent) == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]
    with reading(copy) as connection:
        assert seen(connection) == (2, WHOLE)
        assert connection.pragma("integrity_check") == "ok"
    with notes.open("rb") as source, copy.open("rb") as made:
        # The journal mode is the source's.
        assert source.read(20)[18:] == made.read(20)[18:]


WITHOUT_RIGHTS = """
import sys
from pathlib import Path
from bench.engines.sqlite.untouched import reading, snapshot
from tests.files_in_use import without_rights
source, copy = map(Path, sys.argv[1:])
without_rights()
snapshot(source, copy)
with reading(source) as connection:
    print(connection.pragma("user_version"))
"""


@pytest.mark.parametrize("state", ["read-only", "unflushed log", "unflushed log without index"])
def test_read_permission_is_enough(notes: Path, tmp_path: Path, state: str) -> None:
    """Root may write everywhere, so a process that gave up its rights tries it."""
    target = tmp_path / "target"
    target.mkdir()
    target.chmod(0o777)
    with in_state(notes, state):
        for folder in (notes.parent, *notes.parent.parents):
            if folder.owner() == tmp_path.owner() and tmp_path.parent.parent in folder.parents:
                folder.chmod(0o555)
        for file in notes.parent.iterdir():
            file.chmod(0o444)
        for folder in (tmp_path, *tmp_path.parents):
            # Test processes side by side have their folders one level deeper.
            if folder == Path(tempfile.gettempdir()):
                break
            folder.chmod(0o755)
        before = content(notes.parent)
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_RIGHTS, str(notes), str(target / "copy.db")],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.stdout, done.stderr) == (f"{WHOLE}\n", "")
        assert content(notes.parent) == before


READER = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("state", FRAMELESS)
def test_a_log_without_frames_is_read_while_somebody_has_the_database_open(
    notes: Path, tmp_path: Path, state: str
) -> None:
    with in_state(notes, state), subprocess.Popen(
        [sys.executable, "-c", READER, str(notes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"
        before = content(notes.parent)
        with reading(notes) as connection:
            assert seen(connection) == (2, WHOLE)
        snapshot(notes, tmp_path / "copy.db")
        assert content(notes.parent) == before
        reader.communicate()


KILLED = """
import os, signal, sys
from pathlib import Path
from bench.engines.sqlite.untouched import whole
with whole(Path(sys.argv[1])) as copy:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_copy_that_a_killed_command_left_is_removed_by_the_next_start(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, work = tmp_path / "temporary", tmp_path / "work"
    temporary.mkdir()
    with in_state(notes, "killed within a commit"):
        subprocess.run(
            [sys.executable, "-c", KILLED, str(notes)],
            check=False, env={**os.environ, "TMPDIR": str(temporary)},
        )  # fmt: skip
        [left] = temporary.iterdir()
        assert (left / notes.name).is_file()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        # Whatever else is begun, and whatever the database looks like by then.
        with scratch(work):
            assert list(temporary.iterdir()) == []
        with reading(notes) as connection:
            assert seen(connection) == (2, WHOLE)
    assert list(temporary.iterdir()) == []


def test_a_locked_database_is_told(notes: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with in_state(notes, "locked"):
        with pytest.raises(DatabaseBusy, match="is locked by another process; wait for it"):
            snapshot(notes, copy, busy_timeout_ms=20)
        with pytest.raises(DatabaseBusy, match="locked"), reading(notes, busy_timeout_ms=20):
            pass
    assert not copy.exists()


def test_a_writer_that_comes_while_the_file_is_read_is_noticed(
    notes: Path,
) -> None:
    with in_state(notes, "clean"):
        pass
    with pytest.raises(DatabaseBusy, match="while it was read"), reading(notes):  # noqa: SIM117
        with in_state(notes, "clean"):
            pass


def test_a_copy_is_made_again_if_a_writer_came(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_state(notes, "clean"):
        pass
    real, times = shutil.copyfileobj, []

    def disturbed(*given: object) -> None:
        if not times:
            subprocess.run([sys.executable, "-c", INSERT, str(notes)], check=True)
        times.append(1)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("bench.engines.sqlite.untouched.fcntl.ioctl", refused)
    monkeypatch.setattr(shutil, "copyfileobj", disturbed)
    snapshot(notes, tmp_path / "copy.db")
    assert len(times) == 1
    with reading(tmp_path / "copy.db") as connection:
        assert seen(connection) == (3, WHOLE)


INSERT = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("INSERT INTO notes (text) VALUES ('three')")
connection.close()
"""


def refused(*_: object) -> None:
    raise OSError("no reflinks here")


def test_what_cannot_be_copied_is_told_and_leaves_nothing(notes: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    text = tmp_path / "text.db"
    text.write_text("no database at all, only text")
    empty = tmp_path / "empty.db"
    empty.touch()
    torn = tmp_path / "torn.db"
    torn.write_bytes(notes.read_bytes()[:100] + b"\xff" * 4000)
    for path, kind, words in (
        (tmp_path / "none.db", DatabaseMissing, "There is no database"),
        (tmp_path, DatabaseMissing, "There is no database"),
        (text, NotADatabase, "is not a SQLite database"),
        (empty, NotADatabase, "is empty"),
        (torn, NotADatabase, "is damaged"),
    ):
        with pytest.raises(kind, match=words):
            snapshot(path, copy)
        with pytest.raises(kind, match=words), reading(path):
            pass
        assert not copy.exists()
    with pytest.raises(DatabaseError, match="see that the folder is there"):
        snapshot(notes, tmp_path / "no" / "copy.db")
    copy.write_text("mine")
    with pytest.raises(DatabaseError, match="exists already"):
        snapshot(notes, copy)
    assert copy.read_text() == "mine"
