"""A study that has nothing to do with the shop: a library, through `run`, `evidence`, `report`."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner, Result

from bench.cli import cli
from bench.results import store
from bench.study import StudyError, load_study
from bench.study.hooks import generator_of, hooks_of
from reference_app.database import tables

STUDY = Path(__file__).parent / "studies" / "library"
SCHEMA = """
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author TEXT);
CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE loans (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES books,
    member_id INTEGER NOT NULL REFERENCES members,
    due TEXT NOT NULL
);
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that no code of ours made, in a rollback mode and with statistics."""
    path = tmp_path_factory.mktemp("library") / "my library.db"
    chance = random.Random(1)
    with closing(apsw.Connection(str(path))) as connection, connection:
        connection.execute(SCHEMA)
        books = [(n, f"Book {n}", f"Author {n % 99}") for n in range(1, 1001)]
        connection.executemany("INSERT INTO books VALUES (?, ?, ?)", books)
        members = [(n, f"Member {n}") for n in range(1, 201)]
        connection.executemany("INSERT INTO members VALUES (?, ?)", members)
        loans = [
            (chance.randint(1, 1000), chance.randint(1, 200), f"2025-{chance.randint(1, 12):02}-15")
            for _ in range(20_000)
        ]
        connection.executemany(
            "INSERT INTO loans (book_id, member_id, due) VALUES (?, ?, ?)", loans
        )
        connection.execute("ANALYZE")
    return path


@pytest.fixture(scope="module")
def run(library: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a run with evidence, and what the command said."""
    folder = tmp_path_factory.mktemp("run")
    said = CliRunner().invoke(
        cli,
        [
            "run", "--study", str(STUDY), "--db", str(library), "--results", str(folder),
            "--name", "one", "--work", str(folder / "work"), "--evidence",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    return folder / "one", said


def test_a_strangers_migration_is_judged(run: tuple[Path, Result]) -> None:
    folder, said = run
    assert said.exit_code == 0, said.output
    found = store.read_run(folder)
    [claim] = found.claims.claims
    assert claim.verdict in ("confirmed", "exceeded")
    pairs = {entry.name: pair.verdict for entry, pair in found.comparison.judged_pairs}
    assert pairs["loans_of_member"] == "faster"
    assert pairs.keys() == {"loans_of_member", "book", "overdue", "lend"}
    assert found.run.dataset.rows == {"books": 1000, "loans": 20_000, "members": 200}
    assert {index.name for index in found.ablation.indexes} == {
        "idx_loans_member", "idx_loans_due",
    }  # fmt: skip
    assert found.growth is found.load is None


def test_the_source_is_as_it_was(library: Path, run: tuple[Path, Result]) -> None:
    assert [path.name for path in library.parent.iterdir()] == [library.name]
    with closing(apsw.Connection(str(library))) as connection:
        assert connection.pragma("journal_mode") == "delete"
        assert connection.execute("SELECT count(*) FROM loans").fetchall() == [(20_000,)]
        assert tables(connection) == {"books", "loans", "members"}


def test_the_report_names_nothing_of_the_shop(run: tuple[Path, Result]) -> None:
    folder, _ = run
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "Loans of a member" in text
    # The report quotes the command, which is pytest's here and may name a file of tests.
    text = "\n".join(line for line in text.splitlines() if "resale-bench -" not in line)
    shop = load_study()
    names = {operation.name for operation in shop.operations} | {"shop", "visitor"}
    names |= {name for operation in shop.operations for name in operation.indexes}
    assert [name for name in sorted(names) if name in text] == []


def test_evidence_and_report_are_made_anew(library: Path, run: tuple[Path, Result]) -> None:
    folder, _ = run
    before = (folder / "comparison.json").read_bytes()
    for arguments in (
        ["evidence", "--run", str(folder), "--study", str(STUDY), "--db", str(library),
         "--parts", "ablation", "--work", str(folder.parent / "work")],
        ["report", str(folder), "--study", str(STUDY)],
    ):  # fmt: skip
        said = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert said.exit_code == 0, said.output
    assert (folder / "comparison.json").read_bytes() == before


def test_what_the_study_has_not_is_refused_with_advice(library: Path) -> None:
    study = load_study(STUDY)
    with pytest.raises(StudyError, match="name your database with --db FILE"):
        generator_of(study)
    for more, words in (
        (["--load"], "no service to put load on"),
        (["--scale", "2"], "leave out --scale"),
    ):
        given = ["run", "--study", str(STUDY), "--db", str(library), *more]
        said = CliRunner().invoke(cli, given)
        assert said.exit_code == 2
        assert words in said.output
    assert hooks_of(study).dataset(library).rows["books"] == 1000


UNKNOWN = """
[[claims]]
id = "told"
quote = "told"
kind = "fact"
arm = "after"
fact = "indices"
expected = [1, 1]
"""


def test_a_claim_that_nothing_could_judge_is_refused_before_a_run(
    library: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    shutil.copytree(STUDY, study)
    with (study / "study.toml").open("a", encoding="utf-8") as file:
        file.write(UNKNOWN)
    given = ["run", "--study", str(study), "--db", str(library), "--results", str(tmp_path)]
    said = CliRunner().invoke(cli, given)
    assert "nothing measures; the nearest is 'indexes'" in str(said.exception or said.output)
    assert "build the arms" not in said.output
    assert "disk needed" not in said.output


def test_a_claim_that_nothing_could_judge_is_refused_of_a_run(
    run: tuple[Path, Result], tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(UNKNOWN, encoding="utf-8")
    given = ["claims", str(run[0]), "--study", str(STUDY), "--claims", str(own)]
    said = CliRunner().invoke(cli, given)
    assert "nothing measures; the nearest is 'indexes'" in str(said.exception or said.output)


def test_nothing_is_billed_where_no_traffic_is_known(run: tuple[Path, Result]) -> None:
    folder, _ = run
    assert store.read_run(folder).cost.bill == {}
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert [words for words in ("A month costs", "$", "Dollars", "to build") if words in text] == []


def test_what_only_the_migration_makes_possible_is_shown_and_not_compared(
    library: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "0001_loans.sql").write_text(
        "CREATE TABLE fines (id INTEGER PRIMARY KEY, member_id INTEGER, cents INTEGER);\n"
        "INSERT INTO fines (member_id, cents) SELECT member_id, 100 FROM loans;\n"
    )
    chosen = "-- needs: fines\n-- parameters: SELECT id AS member FROM members\n"
    (folder / "queries.sql").write_text(
        f"-- name: fines_of_member\n{chosen}"
        "SELECT id, cents FROM fines WHERE member_id = :member ORDER BY id;\n"
        f"-- name: fine\n{chosen}INSERT INTO fines (member_id, cents) VALUES (:member, 5);\n"
    )
    text = (STUDY / "study.toml").read_text(encoding="utf-8").split("[[claims]]")[0]
    (folder / "study.toml").write_text(text)
    said = CliRunner().invoke(
        cli,
        ["run", "--study", str(folder), "--db", str(library), "--results", str(tmp_path),
         "--name", "later", "--work", str(tmp_path / "work")],
        catch_exceptions=False,
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    found = store.read_run(tmp_path / "later").comparison
    read, write = (found.operation(name) for name in ("fines_of_member", "fine"))
    assert set(read.arms) == {"after", "after_analyzed"}
    assert read.not_measured == {"before": "there is no table fines"}
    assert write.arms == {}
    assert write.not_measured["after"] == "before cannot execute it: there is no table fines"
    assert found.judged_pairs == [] or all(pair.speedup is None for _, pair in found.judged_pairs)


def changed(tmp_path: Path, migration: str, queries: str) -> Path:
    """The library's study with another migration and other queries, without claims."""
    folder = tmp_path / "study"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "0001_loans.sql").write_text(migration)
    (folder / "queries.sql").write_text(queries)
    text = (STUDY / "study.toml").read_text(encoding="utf-8").split("[[claims]]")[0]
    (folder / "study.toml").write_text(text)
    return folder


BY_MEMBER = "-- name: loans\n-- parameters: SELECT id AS member FROM members\nSELECT {} FROM loans"


def test_lost_rows_and_broken_queries_come_first(library: Path, tmp_path: Path) -> None:
    loans = BY_MEMBER.format("id") + " WHERE member_id = :member ORDER BY id;\n"
    authors = "-- name: authors\nSELECT author FROM books ORDER BY id;\n"
    same = "-- name: members\nSELECT id FROM members;\n"
    lossy = "DELETE FROM loans WHERE id % 2 = 0;\nALTER TABLE books DROP COLUMN author;\n"
    folder = changed(tmp_path, lossy, loans + authors + same)
    said = CliRunner().invoke(
        cli,
        ["run", "--study", str(folder), "--db", str(library), "--results", str(tmp_path),
         "--name", "lossy", "--work", str(tmp_path / "work")],
        catch_exceptions=False, standalone_mode=False,
    )  # fmt: skip
    assert said.return_value == 1, said.output
    headline = store.read_run(tmp_path / "lossy").claims.headline
    assert (headline.answers_differ, headline.fails) == (("loans",), ("authors",))
    assert headline.sentence == (
        "After the migration 1 operation no longer runs; 1 operation gives other answers; "
        "no operation got slower."
    )
    report = (tmp_path / "lossy" / "report.md").read_text(encoding="utf-8")
    first = report.splitlines()[0]
    assert "No longer runs after the migration: authors." in first
    assert "Other answers after the migration: loans." in first
    assert "no such column: author" in report
    assert "promise" not in report


def test_rows_in_another_order_are_no_other_answer_unless_an_order_was_asked_for(
    library: Path, tmp_path: Path
) -> None:
    unordered = BY_MEMBER.format("id, due") + " WHERE member_id = :member;\n"
    migration = "CREATE INDEX by_due ON loans (member_id, due);\n"
    folder = changed(tmp_path, migration, unordered)
    said = CliRunner().invoke(
        cli,
        ["micro", "--study", str(folder), "--db", str(library), "--work", str(tmp_path / "work")],
        catch_exceptions=False,
    )
    assert said.exit_code == 0, said.output
    assert "differ" not in said.output


def test_an_operation_that_the_base_cannot_run_is_refused_before_anything_is_timed(
    library: Path, tmp_path: Path
) -> None:
    folder = changed(
        tmp_path, "CREATE INDEX i ON loans (due);\n",
        "-- name: again\nINSERT INTO books VALUES (1, 'twice', 'one');\n",
    )  # fmt: skip
    said = CliRunner().invoke(
        cli,
        ["run", "--study", str(folder), "--db", str(library), "--results", str(tmp_path / "r"),
         "--work", str(tmp_path / "work")],
    )  # fmt: skip
    assert "again cannot run on the database as it is" in str(said.exception)
    assert not (tmp_path / "r").exists()


def test_the_report_of_another_study_is_not_overwritten(run: tuple[Path, Result]) -> None:
    folder, _ = run
    before = (folder / "report.html").read_bytes()
    said = CliRunner().invoke(cli, ["report", str(folder)])
    assert "name its study file with --study" in str(said.exception)
    assert (folder / "report.html").read_bytes() == before
