"""Each command that only reads leaves a database as it found it, in whatever state that is.

Quick commands are tried in every state. Those that would measure for long are stopped by a
study whose statistics cannot be gathered, which is noticed once the source was copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from bench import errors
from bench.cli import cli
from bench.resale.migrating import bring_to
from bench.study import BUILT_IN, load_study
from seeds import ledger, load, realism
from tests.files_in_use import STATES, content, in_state

GOOD, REGRESSION, WRONG_USE = 0, 1, 2
FOREIGN = {
    "plain": "CREATE TABLE t (a)",
    "rails": "CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);"
    " INSERT INTO schema_migrations VALUES ('20250101000000'); CREATE TABLE users (id integer)",
}


@pytest.fixture(scope="module")
def seeded_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "shop.db"
    load.seed(path, scale=0.001)
    return path


@pytest.fixture(scope="module")
def with_ledger(seeded_small: Path) -> Path:
    """The same shop in the state of the arm `after`, which an audit asks for."""
    path = seeded_small.parent.with_name("after") / "shop.db"
    shutil.copytree(seeded_small.parent, path.parent)
    bring_to(path, load_study().arm("after"), fill=ledger.fill_after_tables)
    return path


class Workspace:
    """A folder of its own for the database, and one beside it in which commands run."""

    def __init__(self, tmp_path: Path) -> None:
        self.database = tmp_path / "source" / "shop.db"
        self.database.parent.mkdir()
        self.work = tmp_path / "here"
        self.work.mkdir()

    def run(self, *words: object) -> tuple[int, str]:
        """Run a command line in this process; its exit code, and what it said."""
        result = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
        error = result.exception
        if error is None:
            code = result.return_value
            return (code if isinstance(code, int) else GOOD), result.output
        assert isinstance(error, Exception)
        told = errors.exit_code_of(error)
        assert told is not None, repr(error)
        return told, errors.sentence_of(error)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = Workspace(tmp_path)
    monkeypatch.chdir(made.work)
    return made


@pytest.fixture
def shop(place: Workspace, seeded_small: Path) -> Workspace:
    for path in seeded_small.parent.iterdir():
        shutil.copy(path, place.database.parent)
    return place


def written(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def gate_own(place: Workspace) -> tuple[int, str]:
    """Ends where operations are chosen: both sides are copied and migrated by then."""
    queries = written("queries.sql", "-- name: users\nSELECT count(*) FROM users;\n")
    script = written("more.sql", "CREATE INDEX more ON users (phone);\n")
    return place.run(
        "gate", "--base", place.database, "--migration", script, "--queries", queries,
        "--operation", "none", "--work", "work",
    )  # fmt: skip


def gate_shop(place: Workspace) -> tuple[int, str]:
    """Ends with a migration that fails on its copy."""
    script = written("more.sql", "CREATE INDEX more ON users (none);\n")
    return place.run(
        "gate", "--base", place.database, "--migration", script, "--head", BUILT_IN.parents[2],
        "--work", "work",
    )  # fmt: skip


def audit(place: Workspace) -> tuple[int, str]:
    return place.run("audit", "--db", place.database)


def listed(place: Workspace) -> tuple[int, str]:
    return place.run("migrate", "--db", place.database, "--arm", "recommended", "--list")


def realistic(place: Workspace) -> tuple[int, str]:
    return realism.main([str(place.database)]), ""


def measuring(*words: str) -> Callable[[Workspace], tuple[int, str]]:
    """A command that measures, stopped once every arm is copied and migrated."""

    def run(place: Workspace) -> tuple[int, str]:
        text = BUILT_IN.read_text(encoding="utf-8")
        study = written("study.toml", text.replace('["ANALYZE"', '["ANALYZE absent"'))
        given = (*words, "--db", str(place.database), "--work", "work/a/b", "--study", study)
        return place.run(*given)

    return run


NOT_GATHERED = "'ANALYZE absent' among the `statistics` of the study fails"
# What is run, its exit code, and what it says.
QUICK: dict[str, tuple[Callable[[Workspace], tuple[int, str]], tuple[int, ...], str]] = {
    "gate --queries": (gate_own, (WRONG_USE,), "no operation 'none'"),
    "gate --migration": (gate_shop, (WRONG_USE,), "fails on a copy"),
    "audit": (audit, (GOOD,), "moves of stock"),
    "migrate --list": (listed, (GOOD,), "0002_safe_migration"),
    "seeds.realism": (realistic, (GOOD, REGRESSION), ""),
}
DEAR = {
    "micro": measuring("micro"),
    "run": measuring("run", "--no-load", "--no-live", "--name", "try"),
    "load": measuring("load", "--arms", "before,recommended"),
    "capacity": measuring("capacity", "--arms", "before,recommended"),
    "evidence": measuring("evidence", "--parts", "cost"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", QUICK)
def test_a_command_that_reads_changes_nothing(
    shop: Workspace, with_ledger: Path, name: str, state: str
) -> None:
    command, codes, sentence = QUICK[name]
    if name == "audit":
        shutil.copy(with_ledger, shop.database)
    with in_state(shop.database, state):
        before = content(shop.database.parent)
        code, said = command(shop)
        assert content(shop.database.parent) == before
    assert code in codes, said
    assert sentence in said
    assert not (shop.work / "work").exists()
    assert not (shop.work / "data").exists()


@pytest.mark.parametrize("state", ["written", "unflushed log without index"])
@pytest.mark.parametrize("name", DEAR)
def test_a_command_that_measures_changes_nothing(shop: Workspace, name: str, state: str) -> None:
    with in_state(shop.database, state):
        before = content(shop.database.parent)
        code, said = DEAR[name](shop)
        assert content(shop.database.parent) == before
    assert (code, NOT_GATHERED in said) == (WRONG_USE, True), said
    assert [path.name for path in shop.work.iterdir()] == ["study.toml"]


@pytest.mark.parametrize("state", ["unflushed log"])
def test_the_open_shop_is_a_copy(shop: Workspace, state: str) -> None:
    words = ("--before", 0.5, "--after", 0.5, "--ways", "reported", "--work", "work")
    with in_state(shop.database, state):
        before = content(shop.database.parent)
        code, said = shop.run("live", "--db", shop.database, *words, "--out", "out")
        assert content(shop.database.parent) == before
    assert code in (GOOD, 3), said
    assert [path.name for path in shop.work.iterdir()] == ["out"]


CHANGING = {
    "serve": ("serve", "--port", "0"),
    "account": ("account", "--email", "staff@example.com"),
    "rollup": ("rollup",),
    "migrate": ("migrate", "--arm", "after"),
    "migrate --list": ("migrate", "--arm", "after", "--list"),
    "audit": ("audit",),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("schema", FOREIGN)
def test_a_foreign_file_is_refused_and_not_changed(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, schema: str, state: str
) -> None:
    monkeypatch.setenv("RESALE_ACCOUNT_PASSWORD", "long enough for anybody")
    connection = apsw.Connection(str(place.database))
    connection.execute(FOREIGN[schema])
    connection.close()
    with in_state(place.database, state):
        before = content(place.database.parent)
        code, said = place.run(*CHANGING[name], "--db", place.database)
        assert content(place.database.parent) == before
    assert code == WRONG_USE, said
    assert str(place.database) in said
    assert list(place.work.iterdir()) == []
