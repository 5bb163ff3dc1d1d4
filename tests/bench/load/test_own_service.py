"""A service that has nothing to do with the shop: a library's, through `load` and `live`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.engines.sqlite.migration_file import read_migration
from bench.study import Study, load_study
from bench.study.hooks import Dataset, hooks_of
from bench.study.service import (
    Finding,
    PendingMigration,
    Request,
    RequestSampler,
    SampledRequest,
    Service,
    WrittenRows,
)

STUDY = Path(__file__).parents[1] / "studies" / "library"
SHARES = {"book": 0.5, "loans_of_member": 0.3, "lend": 0.2}
FAMILIES = {"book": "reading", "loans_of_member": "reading", "lend": "lending"}


class LibraryService:
    """See `bench.study.service.Service`."""

    module = "tests.bench.fixtures.library_server"
    ready_path = "/ready"
    counters_path = "/counters"
    families: Collection[str] = frozenset(FAMILIES.values())
    exclusive: Mapping[str, str] = {}
    written: Mapping[str, WrittenRows] = {"lend": WrittenRows("loans")}
    write_probe = "lend"
    full_status = 507
    load_limits: tuple[str, ...] = ("The library has one desk.",)
    migration_limits: tuple[str, ...] = ()

    def __init__(self, refusals: Mapping[str, int]) -> None:
        self.refusals = refusals

    def environment(
        self, *, counters: bool, checkpoints: bool, busy_timeout_ms: int | None = None
    ) -> Mapping[str, str]:
        lies = {"LIBRARY_LIES": "yes"} if self.refusals else {}
        busy = {} if busy_timeout_ms is None else {"LIBRARY_BUSY_MS": str(busy_timeout_ms)}
        return {"LIBRARY_CHECKPOINTS": "yes" if checkpoints else "no", **lies, **busy}

    def headers(self, dataset: Dataset) -> Mapping[str, str]:
        return {}

    def side_files(self, database: Path) -> Sequence[Path]:
        return ()

    def shares(
        self, *, families: Collection[str] = (), without: Collection[str] = ()
    ) -> Mapping[str, float]:
        kept = {
            name: share
            for name, share in SHARES.items()
            if name not in without and (not families or FAMILIES[name] in families)
        }
        if not kept:
            raise ValueError("No request is left.")
        return {name: share / sum(kept.values()) for name, share in kept.items()}

    def requests(self, dataset: Dataset) -> RequestSampler:
        def draw(operation: str, nth: int, rng: np.random.Generator) -> SampledRequest:
            drawn = dataset.sample_parameters(operation, rng)
            if operation == "lend":
                body = {"book": drawn["book"], "member": drawn["member"]}
                return SampledRequest(Request("POST", "/loans", body), drawn)
            [value] = drawn.values()
            path = "books" if operation == "book" else "members"
            return SampledRequest(Request("GET", f"/{path}/{value}"), drawn)

        return draw

    def needed_rate(self, database: Path, shares: Mapping[str, float]) -> float:
        return 1.0

    def audit(self, database: Path, *, whole: bool) -> tuple[Finding, ...]:
        return (Finding("the library has its books"),)

    def audit_migrated(self, database: Path, study: Study) -> tuple[Finding, ...]:
        return (Finding("the library has its books"),)

    def pending(self, database: Path, names: Sequence[str]) -> tuple[PendingMigration, ...]:
        return tuple(
            PendingMigration(name, read_migration(STUDY / "migrations" / f"{name}.sql").statements)
            for name in names
        )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(
            """
            CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, author TEXT);
            CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE loans (
                id INTEGER PRIMARY KEY, book_id INTEGER NOT NULL REFERENCES books,
                member_id INTEGER NOT NULL REFERENCES members, due TEXT NOT NULL);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
            INSERT INTO books SELECT i, 'Book ' || i, 'Author ' || i % 9 FROM n;
            INSERT INTO members SELECT id, 'Member ' || id FROM books;
            INSERT INTO loans (book_id, member_id, due)
            SELECT b.id, m.id, '2025-03-15' FROM books b, members m WHERE b.id <= 10;
            """
        )
    return path


def invoked(
    monkeypatch: pytest.MonkeyPatch, library: Path, *words: str, refusals: Mapping[str, int] = {}
) -> tuple[int, dict[str, Any]]:
    service: Service = LibraryService(refusals)
    monkeypatch.setattr(hooks_of(load_study(STUDY)), "service", service)
    command, *options = words
    folder = library.parent
    given = [command, "--study", str(STUDY), "--db", str(library), "--json", "--rate", "20",
             "--work", str(folder / "work"), "--out", str(folder / "out"), *options]  # fmt: skip
    done = CliRunner().invoke(cli, given, catch_exceptions=False, standalone_mode=False)
    document = json.loads((folder / "out" / f"{command}.json").read_text())
    assert json.loads(done.stdout) == document
    code: int = done.return_value
    return code, document


def test_a_librarys_arms_are_compared_under_load(
    monkeypatch: pytest.MonkeyPatch, library: Path
) -> None:
    before = library.read_bytes()
    code, document = invoked(
        monkeypatch, library, "load", "--seconds", "0.5", "--warm-up", "0.2", "--groups", "1"
    )
    # What a busy machine makes of the figures is not this test's matter.
    assert code in (0, 3)
    assert document["plan"]["shares"] == SHARES
    # A rule of the study, parents and writes after each block.
    assert document["invariants"] == {"held": True, "violations": [], "checked": 4 * 3}
    assert "The library has one desk." in document["limits"]
    counted = {entry["name"] for entry in document["judged"]["operations"]}
    assert counted == set(SHARES)
    assert library.read_bytes() == before


def test_a_refused_write_that_is_there_is_a_broken_rule(
    monkeypatch: pytest.MonkeyPatch, library: Path
) -> None:
    code, document = invoked(
        monkeypatch, library, "load", "--seconds", "0.5", "--warm-up", "0", "--groups", "1",
        "--tags", "lending", refusals={"lend": 409},
    )  # fmt: skip
    assert code == 1
    assert "but 0 were acknowledged" in document["invariants"]["violations"][0]
    assert {entry["name"] for entry in document["judged"]["operations"]} == {"lend: 409"}


def test_an_arm_is_compared_with_itself(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    code, document = invoked(
        monkeypatch, library, "load", "--arms", "before,before", "--spacing", "even",
        "--seconds", "0.5", "--warm-up", "0", "--groups", "1", "--tags", "reading",
    )  # fmt: skip
    assert code in (0, 3)
    assert (document["base"], document["arm"]) == ("before", "before (again)")
    assert (document["plan"]["spacing"], document["plan"]["without"]) == ("even", [])
    assert set(document["plan"]["shares"]) == {"book", "loans_of_member"}
    verdicts = {
        pair["verdict"]
        for entry in document["judged"]["operations"]
        for pair in entry["comparisons"]
    }
    assert not verdicts & {"faster", "slower"}
    assert (library.parent / "out" / "load" / "before-again.hlog").is_file()


def test_a_library_is_migrated_under_load(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    code, document = invoked(
        monkeypatch, library, "live", "--before", "0.5", "--after", "0.3", "--strategies",
        "low_impact",
    )  # fmt: skip
    assert code in (0, 3)
    assert document["held"], document["ways"]
    [strategy] = document["ways"]
    assert {step["object"] for step in strategy["statements"]} == {
        "idx_loans_member", "idx_loans_due"
    }  # fmt: skip
    assert document["plan"]["write_probe"]["operation"] == "lend"


def test_a_study_without_a_service_is_refused_in_one_sentence(library: Path) -> None:
    for command in ("load", "live", "capacity"):
        done = CliRunner().invoke(cli, [command, "--study", str(STUDY), "--db", str(library)])
        assert done.exit_code == 2
        assert "The study library has no service to put load on." in done.output
