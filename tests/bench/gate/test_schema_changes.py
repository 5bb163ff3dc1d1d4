"""What a migration takes away: the rule, and the inventories that it is applied to."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.migration_file import read_migration
from bench.gate.databases import migrated
from bench.gate.migration_effects import effects
from bench.judge.schema_changes import with_changes
from bench.results.gate import Gate, SchemaChanges
from tests.bench.fixtures import gate_documents as made

SCHEMA = """
    CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
    CREATE TABLE child (
        id INTEGER PRIMARY KEY, parent INT REFERENCES parent (id) ON DELETE CASCADE
    );
    CREATE TABLE word (text TEXT);
    CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
    CREATE VIEW names AS SELECT text FROM word;
    CREATE TRIGGER noted AFTER UPDATE ON parent BEGIN SELECT 1; END;
    INSERT INTO parent (name) VALUES ('a'), ('b'), ('c'), ('d');
    DELETE FROM parent WHERE id = 4;
    INSERT INTO child (parent) VALUES (1), (1), (2);
    INSERT INTO log (text) VALUES ('x'), ('x'), ('y');
"""
TRIGGER = "CREATE TRIGGER noted AFTER UPDATE ON parent BEGIN SELECT 1; END;"
KEPT = f"UPDATE sqlite_sequence SET seq = 4 WHERE name = 'parent'; {TRIGGER}"


def rebuilt(table: str, definition: str, columns: str, after: str = "") -> str:
    return (
        f"CREATE TABLE new_one ({definition}); "
        f"INSERT INTO new_one SELECT {columns} FROM {table}; DROP TABLE {table}; "
        f"ALTER TABLE new_one RENAME TO {table}; {after}"
    )


PARENT = "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL"
CHILD = "id INTEGER PRIMARY KEY, parent INT REFERENCES parent (id) ON DELETE CASCADE"
OFF = "PRAGMA foreign_keys = OFF; "


def changed(
    tmp_path: Path, script: str, *, schema: str = SCHEMA, foreign_keys: bool = True
) -> SchemaChanges:
    base, head = tmp_path / "base.db", tmp_path / "head.db"
    for path in (base, head):
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute(schema)
    path = tmp_path / "migration.sql"
    path.write_text(script)
    migrated(head, path, foreign_keys=foreign_keys)
    return effects(base, head, read_migration(path), tmp_path, foreign_keys=foreign_keys)[0]


@pytest.mark.parametrize(
    ("script", "losses"),
    [
        ("CREATE INDEX i ON child (parent);", []),
        (OFF + rebuilt("parent", PARENT, "*", KEPT), []),
        (OFF + rebuilt("parent", PARENT, "*"), ["trigger noted on parent", "from 4 to 3"]),
        (rebuilt("parent", PARENT, "*", KEPT), ["3 rows of child (3 -> 0)"]),
        *(
            (rebuilt("parent", PARENT, "*", KEPT + more), ["3 rows of child (3 -> 0)"])
            for more in (
                "CREATE VIEW live AS SELECT c.id FROM child c JOIN parent ON parent.id = c.parent;",
                "CREATE TRIGGER t AFTER UPDATE ON child BEGIN INSERT OR REPLACE INTO child "
                "SELECT * FROM child WHERE id > 1; END;",
                "UPDATE child SET parent = replace(parent, 'a', 'b');",
            )
        ),
        (OFF + "DROP TRIGGER noted; " + rebuilt("parent", PARENT, "*"), ["from 4 to 3"]),
        (
            OFF + rebuilt("parent", "id INTEGER PRIMARY KEY, name TEXT", "*", TRIGGER),
            [],
        ),
        (rebuilt("child", "id INTEGER PRIMARY KEY, parent INT", "*"), []),
        (OFF + rebuilt("child", CHILD, "id, parent + 9"), ["3 rows of child refer to rows"]),
        ("DELETE FROM log;", []),
        ("DELETE FROM parent WHERE id = 1;", []),
        ("CREATE TRIGGER t AFTER UPDATE ON log BEGIN DELETE FROM child; END;"
         "UPDATE log SET id = id;", ["3 rows of child"]),
        (rebuilt("log", "id INTEGER PRIMARY KEY, text UNIQUE ON CONFLICT IGNORE", "*"),
         ["1 row of log"]),
        (rebuilt("log", "id INTEGER PRIMARY KEY, text TEXT", "min(id), text", "").replace(
            "FROM log;", "FROM log GROUP BY text;"), []),
        ("DROP TABLE log;", []),
        ("DROP VIEW names;", []),
        ("ALTER TABLE parent RENAME TO elder;", []),
        ("DROP TABLE word;", ["view names no longer works"]),
        (OFF + "DROP TABLE parent;", ["3 rows of child refer"]),
    ],
)  # fmt: skip
def test_what_is_taken_away_silently_is_a_loss(
    tmp_path: Path, script: str, losses: list[str]
) -> None:
    found = changed(tmp_path, script).losses
    assert len(found) == len(losses), found
    assert all(part in sentence for part, sentence in zip(losses, found, strict=True)), found


@pytest.mark.parametrize(
    ("script", "losses"),
    [
        ("ALTER TABLE b RENAME TO c;", ()),
        # A key that can be checked from now on shows nothing that is new.
        ("CREATE UNIQUE INDEX a_name ON a (name);", ()),
        ("ALTER TABLE b RENAME TO t; ALTER TABLE t RENAME TO c; UPDATE c SET a = 8;",
         ("1 row of c refer",)),
    ],
)  # fmt: skip
def test_what_was_broken_before_is_no_loss_of_the_migration(
    tmp_path: Path, script: str, losses: tuple[str, ...]
) -> None:
    schema = (
        "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'n');"
        "CREATE TABLE b (a INT REFERENCES a (id)); INSERT INTO b VALUES (1), (9);"
        "CREATE TABLE d (name TEXT REFERENCES a (name)); INSERT INTO d VALUES ('m');"
    )
    changes = changed(tmp_path, script, schema=schema, foreign_keys=False)
    assert len(changes.losses) == len(losses), changes.losses
    assert all(map(str.startswith, changes.losses, losses))
    assert not any("removes" in sentence for sentence in changes.told)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("DROP TABLE log;", "removes the table log with its 3 rows"),
        ("DELETE FROM log WHERE id = 1;", "removes 1 of 3 rows of log"),
        ("DELETE FROM parent WHERE id = 1;", "removes 2 of 3 rows of child"),
        ("INSERT INTO log (text) VALUES ('z');", "adds 1 row to log"),
        ("DROP TRIGGER noted;", "drops the trigger noted"),
        ("DROP VIEW names;", "drops the view names"),
        (rebuilt("child", "id INTEGER PRIMARY KEY, parent INT", "*"),
         "child no longer has the foreign key parent references parent"),
        (OFF + rebuilt("parent", "id INTEGER PRIMARY KEY, name TEXT", "*", TRIGGER),
         "parent no longer has AUTOINCREMENT"),
        (OFF + rebuilt("parent", "id INTEGER PRIMARY KEY, name TEXT", "*", TRIGGER),
         "parent no longer has NOT NULL of name"),
        ("ALTER TABLE log DROP COLUMN text;", "log no longer has the column text"),
    ],
)  # fmt: skip
def test_what_is_written_out_is_told(tmp_path: Path, script: str, told: str) -> None:
    found = changed(tmp_path, script)
    assert any(told in one for one in found.told), found.told


@pytest.mark.parametrize(
    ("script", "foreign_keys", "warned"),
    [
        (OFF + rebuilt("parent", PARENT, "*", KEPT), True, True),
        ("pragma main.foreign_keys(0); " + rebuilt("parent", PARENT, "*", KEPT), True, True),
        (OFF + f"BEGIN; {rebuilt('parent', PARENT, '*', KEPT)} COMMIT;", True, True),
        (OFF + rebuilt("parent", PARENT, "*", KEPT), False, False),
        (OFF + rebuilt("log", "id INTEGER PRIMARY KEY, text TEXT", "*"), True, False),
        (OFF + "VACUUM; " + rebuilt("parent", PARENT, "*", KEPT), True, False),
    ],
)
def test_rows_that_vanish_within_a_transaction_are_warned_of(
    tmp_path: Path, script: str, foreign_keys: bool, warned: bool
) -> None:
    found = changed(tmp_path, script, foreign_keys=foreign_keys)
    assert found.losses == ()
    assert [("3 rows of child" in one) for one in found.warnings] == [True] * warned
    assert {path.name for path in tmp_path.glob("*.db*")} == {"base.db", "head.db"}


def test_a_loss_is_a_regression_and_a_warning_is_none() -> None:
    document = Gate.model_validate(made.passed() | {"reasons": ["a: b"], "notes": ["n"]})
    changes = SchemaChanges(losses=("loss",), told=("told",), warnings=("warning",))
    lost = with_changes(document, changes)
    assert lost.migration == changes
    assert (lost.verdict, lost.exit_code) == ("regression", 1)
    assert lost.reasons == ("loss", "warning", "a: b")
    assert lost.notes == ("told", "n")
    assert with_changes(document, SchemaChanges(warnings=("w",))).verdict == "pass"
    assert with_changes(document, None) == document
