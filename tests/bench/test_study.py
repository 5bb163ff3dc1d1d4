from __future__ import annotations

from pathlib import Path

import pytest

from bench.study import Study, StudyError, load_study

HEAD = """
[study]
name = "small"
title = "Small"
base = "a"
judged = "b"
rounds = 7
minimum_effect = 0.05

[[arms]]
name = "a"
label = "a"
description = "a"
migrations = ["0001"]

[[arms]]
name = "b"
label = "b"
description = "b"
migrations = ["0001", "0002"]
"""
READ = """
[[operations]]
name = "one"
title = "One"
asks = "one"
kind = "read"
http = "GET /one"
family = "some"
"""
EXAMPLE = HEAD.replace("rounds = 7\n", 'rounds = 7\nexample = "none"\n')


def loaded(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return load_study(path)


def test_the_built_in_study_holds_the_shop() -> None:
    study = load_study()
    assert [arm.name for arm in study.arms] == [
        "before",
        "after",
        "after_analyzed",
        "recommended",
    ]
    assert (study.base, study.judged, study.rounds >= 7) == ("before", "after", True)
    assert len(study.operations) == 31
    assert sum(operation.kind == "write" for operation in study.operations) == 5
    controls = [operation.name for operation in study.operations if operation.control]
    assert controls == ["products_newest", "order_history", "order_detail"]
    later = [operation.name for operation in study.operations if operation.needs]
    assert later == ["stock_history", "stock_of_order", "rollup_range", "rollup_of_type"]
    assert {operation.family for operation in study.operations} <= set(study.families)


def test_the_built_in_indexes_are_the_fourteen_of_the_migration() -> None:
    study = load_study()
    path = Path("reference_app/migrations/0002_safe_migration.sql")
    sql = Path(__file__).parents[2].joinpath(path).read_text(encoding="utf-8")
    named = {index for operation in study.operations for index in operation.indexes}
    assert len(named) == 14
    assert all(f"CREATE INDEX {index} ON" in sql for index in named)


def test_every_claimed_operation_can_be_compared_from_the_base() -> None:
    study = load_study()
    for claim in study.claims:
        assert not any(study.operation(name).needs for name in claim.operations)


def test_the_arms_are_data(tmp_path: Path) -> None:
    study = loaded(tmp_path, HEAD + READ)
    assert study.arm("b").migrations == ("0001", "0002")
    assert study.operation("one").indexes == ()
    assert study.claims == ()


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    study = load_study()
    with pytest.raises(StudyError, match="choose one of: before, after"):
        study.arm("during")
    with pytest.raises(StudyError, match="no operation 'all'"):
        study.operation("all")


def test_a_missing_file_and_bad_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no file .*gone\.toml; check the path"):
        load_study(tmp_path / "gone.toml")
    with pytest.raises(StudyError, match="not valid TOML"):
        loaded(tmp_path, "[study")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no table \\[study\\]"),
        (HEAD.replace("[study]", "arms = 3\n[study]").split("[[arms]]")[0], r"line \[\[arms\]\]"),
        (HEAD.replace("rounds = 7\n", ""), "study lacks `rounds`"),
        (HEAD, "the study lacks `operations`; write some, or queries.sql beside it"),
        (EXAMPLE + READ, "has no operation 'none'; see `resale-bench micro --list --study /"),
        (
            HEAD + READ + "[traffic.requests_per_month]\nnone = 1",
            "an operation 'none', which the study",
        ),
        (HEAD + READ + "colour = 1\n", "operation one has the unknown entry `colour`"),
        (HEAD.replace('base = "a"', 'base = "z"') + READ, "no arm 'z'"),
        (HEAD + READ + READ, "two operations are named 'one'"),
        (
            HEAD.replace("rounds = 7", "rounds = 6") + READ,
            "a whole number, at least 7, not 6",
        ),
        (HEAD.replace('judged = "b"', 'judged = "a"') + READ, "name the arm to be judged"),
        (HEAD.replace('name = "b"', 'name = "../b"') + READ, "a name of letters, digits"),
        (HEAD.replace('["0001", "0002"]', '"0001"') + READ, "names of files in migrations/"),
        (HEAD.replace("0.05", "1.5") + READ, "`minimum_effect` to be a share between 0 and 1"),
        (
            HEAD + READ.replace('"read"', '"look"'),
            '`kind` to be "read" or "write"',
        ),
    ],
)
def test_a_study_that_contradicts_itself_says_where(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('kind = "speedup"\narm = "b"', "lacks `expected` and `operations`"),
        ('kind = "speedup"\narm = "b"\nexpected = [1, 2]', "lacks `operations`"),
        ('kind = "fact"\narm = "b"', "lacks `fact` and `expected`"),
        ('kind = "fact"\narm = "b"\nfact = "indexes"', "lacks `expected`"),
        ('kind = "fact"\narm = "a"\nfact = "indexes"\nexpected = [1, 1]', "only be judged on b"),
        ('kind = "limit"\narm = "b"', "lacks `limit_ns`"),
        ('kind = "limit"\narm = "b"\nlimit_ns = "10ms"', "whole number of nanoseconds above 0"),
        ('kind = "limit"\narm = "b"\nlimit_ns = 0', "whole number of nanoseconds above 0"),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\noperations = "one"', "a list of at least"),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\noperations = []', "a list of at least"),
        (
            'kind = "limit"\narm = "b"\nlimit_ns = 1\npromise = "under"',
            'to be "within" or "beyond"',
        ),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\nat_rows = "all"', "for the size of the run"),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\nat_rows = {t = 0}', "of rows above 0 for each"),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\ncrash_at_rows = {t = 1}', "promises no crash"),
        (
            'kind = "growth"\narm = "b"\nexpected = [0, 1]\noperations = ["one"]\nat_rows.t = 1',
            "does not read `at_rows`",
        ),
        ('kind = "limit"\narm = "b"\nlimit_ns = 1\nexpected = [1, 2]', "does not read `expected`"),
        (
            'kind = "limit"\narm = "b"\nlimit_ns = 1\nrequired = "yes"',
            "to be true or false",
        ),
        (
            'kind = "speedup"\narm = "a"\nexpected = [1, 2]\noperations = ["one"]',
            "on the arm a, but a claim of kind speedup can only be judged on b",
        ),
        (
            'kind = "speedup"\narm = "b"\nexpected = [0.5, 2]\noperations = ["one"]',
            "`expected` from 1 on",
        ),
        (
            'kind = "growth"\narm = "b"\nexpected = [0, inf]\noperations = ["one"]',
            "two numbers, low first",
        ),
        ('kind = "limit"\narm = "z"\nlimit_ns = 1', "no arm 'z'"),
        (
            'kind = "speedup"\narm = "b"\nexpected = [3, 2]\noperations = ["one"]',
            "low first",
        ),
        (
            'kind = "speedup"\narm = "b"\nexpected = [1, 2]\noperations = ["two"]',
            "no operation 'two'",
        ),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(tmp_path: Path, entry: str, words: str) -> None:
    text = f'{HEAD}{READ}\n[[claims]]\nid = "c"\nquote = "q"\n{entry}\n'
    with pytest.raises(StudyError, match=words):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "ANALYZE; ATTACH 'other.db' AS other",
        "DELETE FROM products",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('x')",
    ],
)
def test_statistics_of_a_study_do_nothing_else(tmp_path: Path, sql: str) -> None:
    """`migrate --study` runs them on somebody's database, so nothing else may stand there."""
    with pytest.raises(StudyError, match="needs `statistics` to be statements"):
        loaded(tmp_path, f'{HEAD}statistics = ["ANALYZE", "{sql}"]\n{READ}')


def test_statistics_are_what_sqlite_gathers_them_by(tmp_path: Path) -> None:
    allowed = (
        "ANALYZE", "analyze main.products;", "DELETE FROM sqlite_stat4",
        "DELETE FROM sqlite_stat1 WHERE tbl = 'products'", "PRAGMA analysis_limit = 400",
        "PRAGMA optimize", "PRAGMA optimize(0x10002)",
    )  # fmt: skip
    listed = ", ".join(f'"{sql}"' for sql in allowed)
    study = loaded(tmp_path, f"{HEAD}statistics = [{listed}]\n{READ}")
    assert study.arm("b").statistics == allowed
