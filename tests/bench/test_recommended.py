"""The recommended migration: what it does to plans, and how recommended.json tells of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.schema import migration_texts, schema_of, schemas_of
from bench.engines.sqlite.counters import plan
from bench.engines.sqlite.engine import ENGINE
from bench.engines.sqlite.files import describe
from bench.engines.sqlite.schema import indexes
from bench.engines.sqlite.statistics import NONE, capture, put
from bench.judge.recommended import (
    VERDICTS,
    ArmSchema,
    IndexHeld,
    recommended_document,
    stands_in,
    verdict_sentences,
)
from bench.measure import arms
from bench.resale.hooks import HOOKS
from bench.results.ablation import Ablation
from bench.results.comparison import Verdict
from bench.results.recommended import IndexAction, MigrationText, Recommended
from bench.study import StudyError, load_study
from reference_app import migrate
from reference_app.database import connect, parts, transaction
from seeds import ledger
from seeds import plan as seeds_plan
from seeds.manifest import read_manifest
from tests.bench.fixtures import judged
from tests.bench.fixtures.evidence_ablation import make_ablation

STUDY = load_study()
WAYS = {
    "products_by_size": "SEARCH products USING INDEX idx_products_size_created (size=?)",
    "products_newest": "SEARCH products USING INDEX idx_products_available_created (status=?)",
    "product_detail": "SEARCH images USING INDEX idx_images_of_entity"
    " (entity_id=? AND entity_type=?)",
    "sell_requests_by_status": "SEARCH sell_submissions USING INDEX"
    " idx_sell_submissions_status_created_items (status=?)",
    "sell_requests_summary": "SCAN sell_submissions USING COVERING INDEX"
    " idx_sell_submissions_status_created_items",
    "events_by_type_since": "SEARCH analytics_events USING INDEX"
    " idx_analytics_event_type_timestamp (event_type=? AND timestamp>?)",
    "events_newest_of_type": "SEARCH analytics_events USING INDEX"
    " idx_analytics_event_type_timestamp (event_type=?)",
    "events_count_by_type": "SCAN analytics_events USING COVERING INDEX"
    " idx_analytics_event_type_timestamp",
    "events_for_user": "SEARCH analytics_events USING INDEX idx_analytics_user_timestamp"
    " (user_id=?)",
    "stock_of_order": "SEARCH stock_moves USING INDEX idx_stock_moves_of_order (order_id=?)",
    "rollup_of_type": "SEARCH analytics_daily USING INDEX idx_analytics_daily_type_date"
    " (event_type=? AND date>? AND date<?)",
}
SORTED = {"product_detail"}
# Without statistics a size finds as many rows as being available does, or so the planner thinks.
NEEDS_STATISTICS = {"products_by_size"}
STATES = {
    "none": (),
    "optimize": ("PRAGMA optimize = 0x10002",),
    "full": STUDY.arm("recommended").statistics,
}


@pytest.fixture(scope="module")
def migrated(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop in the recommended state, without statistics."""
    folder = tmp_path_factory.mktemp("recommended")
    for path in seeded.parent.glob("shop.db*"):
        shutil.copy(path, folder)
    connection = connect(folder / "shop.db")
    migrate.apply(connection, STUDY.arm("recommended").migrations)
    ledger.fill_after_tables(connection, folder / "shop.db")
    connection.close()
    return folder / "shop.db"


@pytest.fixture(params=list(STATES))
def informed(request: pytest.FixtureRequest, migrated: Path) -> Iterator[tuple[str, Path]]:
    """The same shop in one state of the planner's statistics."""
    with_them = connect(migrated)
    for statement in STATES[request.param]:
        with_them.execute(statement).fetchall()
    with_them.close()
    yield request.param, migrated
    keeper = connect(migrated)
    put(keeper, NONE)
    assert capture(keeper) == NONE
    keeper.close()


def test_every_operation_goes_the_way_that_was_meant_for_it(
    informed: tuple[str, Path], seeded: Path
) -> None:
    """With statistics and without: a user of D1 may have only what PRAGMA optimize gathers."""
    state, path = informed
    drawn = partial(seeds_plan.sample_parameters, read_manifest(seeded).plan())
    connection = connect(path, query_only=True)
    have = parts(connection)
    for name, way in WAYS.items():
        if state == "none" and name in NEEDS_STATISTICS:
            continue
        values = drawn(name, np.random.default_rng(1))
        lines = plan(connection, HOOKS.bind(name, have).statements, values)
        assert way in [line.strip() for line in lines], (state, name, lines)
        if name not in SORTED:
            assert not any("TEMP B-TREE" in line for line in lines), (state, name, lines)
    connection.close()


def test_photos_of_a_submission_begin_with_the_submission(informed: tuple[str, Path]) -> None:
    """After the migration as reported they begin with every picture of a sell item."""
    connection = connect(informed[1], query_only=True)
    sql = (
        "SELECT images.id FROM sell_submissions"
        " JOIN sell_items ON sell_items.submission_id = sell_submissions.id"
        " JOIN images ON images.entity_type = 'sell_item' AND images.entity_id = sell_items.id"
        " WHERE sell_submissions.batch_id = 'x'"
    )
    lines = plan(connection, [sql], {})
    connection.close()
    assert [line.split()[1] for line in lines] == ["sell_submissions", "sell_items", "images"]


def test_deleting_an_order_finds_its_moves_by_the_partial_index(migrated: Path) -> None:
    """The foreign key is checked without reading every move."""
    connection = connect(migrated)
    pages = dict(connection.execute("SELECT rootpage, name FROM sqlite_schema WHERE rootpage"))
    opened = {
        pages[page]
        for _, opcode, _, page, *_ in connection.execute("EXPLAIN DELETE FROM orders WHERE id = 7")
        if opcode == "OpenRead"
    }
    connection.close()
    assert "idx_stock_moves_of_order" in opened
    assert "stock_moves" not in opened


def test_no_statement_leaves_a_query_without_its_way(tmp_path: Path) -> None:
    """Each dropped index of the migration has its successor by then, run one by one too."""
    connection = connect(tmp_path / "shop.db", create=True)
    names = list(STUDY.arm("recommended").migrations)
    after = names[: len(STUDY.arm("after").migrations)]
    migrate.apply(connection, after)
    reported = {index.name: index for index in indexes(connection)}
    migrate.apply(connection, names[:-1])
    dropped = set()
    for statement in migrate.statements(migrate.find(names[-1])):
        kind, name = describe(statement)
        with transaction(connection):
            connection.execute(statement)
        if kind == "drop_index":
            dropped.add(name)
            if name in reported:
                now = indexes(connection)
                assert any(stands_in(one, reported[name]) for one in now), name
    assert len(dropped) == 10
    held = {index.name for index in indexes(connection)}
    assert held.isdisjoint(dropped)
    baseline = connect(tmp_path / "before.db", create=True)
    migrate.apply(baseline, names[:1])
    assert {index.name for index in indexes(baseline)} <= held
    baseline.close()
    connection.close()


def test_a_schema_tells_conditions_and_columns(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "one.db"))
    connection.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b);"
        "CREATE INDEX plain ON t (a DESC, b);"
        "CREATE INDEX part ON t (b)\n  where a IS NOT NULL\n AND b > 1"
    )
    schema = schema_of(ENGINE, connection)
    assert schema.all_indexes == 3
    assert schema.used_bytes == 5 * 4096
    assert [(one.name, one.columns, one.only) for one in schema.indexes] == [
        ("plain", ("a", "b"), None),
        ("part", ("b",), "a IS NOT NULL AND b > 1"),
    ]


def index(name: str, *columns: str, table: str = "t", only: str | None = None) -> IndexHeld:
    return IndexHeld(name, table, columns, f"CREATE INDEX {name}", only)


OLD = index("old", "x")
NARROW, WIDE = index("idx_two", "b"), index("wide", "b", "c", only="c > 0")
ONE = index("idx_one", "a")
SCHEMAS = {
    "before": ArmSchema((OLD,), 5, 4096),
    "after": ArmSchema((OLD, ONE, NARROW), 7, 12_288),
    "recommended": ArmSchema((OLD, ONE, WIDE), 7, 16_384),
}
TEXTS = (MigrationText(name="0003_wide", sql="CREATE INDEX wide ON t (b, c);"),)
PLANS = {
    ("one", "after"): ("SEARCH t USING INDEX idx_one (a=?)",),
    ("one", "recommended"): ("SEARCH t USING INDEX idx_one (a=?)",),
    ("two", "after"): ("SEARCH t USING INDEX idx_two (b=?)", "USE TEMP B-TREE FOR ORDER BY"),
    ("two", "recommended"): ("SEARCH t USING COVERING INDEX wide (b=?)",),
}


def document(
    times: Mapping[tuple[str, str], float], ablation: Ablation | None = None
) -> Recommended:
    keys = [
        (operation, arm)
        for operation in ("one", "two", "control", "later", "written")
        for arm in ("before", "after", "recommended")
    ]
    plans = {key: PLANS.get(key, ("SCAN t",)) for key in keys if key != ("later", "before")}
    operations = judged.comparison(times, plans=plans).operations
    study = judged.study()
    return recommended_document(study, judged.DATASET, operations, SCHEMAS, TEXTS, ablation)


def entry(found: Recommended, name: str) -> IndexAction:
    return next(one for one in found.indexes if one.name == name)


FASTER = {("two", "recommended"): 250_000.0, ("one", "recommended"): 990_000.0}


def test_each_index_is_kept_added_or_dropped_with_its_reason() -> None:
    found = document(FASTER)
    actions = {one.name: (one.action, one.serves) for one in found.indexes}
    assert actions == {
        "idx_one": ("kept", ("one",)),
        "idx_two": ("dropped", ("two",)),
        "wide": ("added", ("two",)),
    }
    assert entry(found, "idx_one").reason == "one goes through it."
    assert entry(found, "idx_two").reason == (
        "wide replaces it: it goes on with c, and it holds only the rows with c > 0."
    )
    added = entry(found, "wide").reason
    assert added.startswith("In the place of idx_two: it goes on with c")
    assert "Through it two is 4 times faster than after." in added
    assert found.bytes == {"before": 0, "after": 8192, "recommended": 12_288}
    assert found.migrations == TEXTS
    written = json.loads(json.dumps(found.json_values()))
    assert Recommended.read(written, name="recommended", command="evidence") == found
    assert any("no ablation" in line for line in found.limits)


def test_ablation_gives_the_reason_where_there_is_one() -> None:
    verdicts = {
        "idx_one": {"verdict": "pays", "reason": "Without idx_one, one scans."},
        "idx_two": {"verdict": "dead weight", "reason": "Nothing needs idx_two."},
    }
    ablation = make_ablation()
    ablation["indexes"] = [
        known | {"name": name} | verdict
        for known, (name, verdict) in zip(ablation["indexes"], verdicts.items(), strict=False)
    ]
    found = document(FASTER, Ablation.model_validate(ablation))
    assert entry(found, "idx_one").reason == "Pays: Without idx_one, one scans."
    assert entry(found, "idx_two").reason.startswith("Dead weight: Nothing needs idx_two. wide")
    assert not any("no ablation" in line for line in found.limits)


def test_the_verdict_says_so_only_if_nothing_is_slower() -> None:
    good = document(FASTER)
    assert good.verdict == "No operation is slower than before or after."
    assert good.details == ("It holds 7 indexes, after 7.",)
    written = document({("written", "recommended"): 2_000_000.0, ("written", "after"): 2_000_000.0})
    assert written.verdict == (
        "No read is slower than before or after. No write is slower than after; "
        "1 is slower than before."
    )
    assert written.details[0] == "Slower than before: written (0.5 times its speed)."
    read = document({("one", "recommended"): 1_500_000.0})
    assert read.verdict.startswith(
        "Of the reads 1 is slower than before and 1 is slower than after."
    )
    details = " ".join(read.details)
    assert "Slower than before: one (0.66" in details
    assert "Slower than after: one (0.66" in details
    assert read.against["after"]["slower"] == ("one",)


def none() -> dict[Verdict, list[str]]:
    return {word: [] for word in VERDICTS}


def test_what_is_undecided_is_named() -> None:
    against: dict[str, dict[Verdict, list[str]]] = {
        "before": {**none(), "faster": ["one"]},
        "after": {**none(), "inconclusive": ["two"]},
    }
    compared: dict[str, tuple[str, dict[str, float | None]]] = {
        "before": ("before", {}), "after": ("after", {})
    }  # fmt: skip
    assert "Undecided against after: two." in verdict_sentences(compared, against, {}, (3, 4))
    nothing = {base: none() for base in against}
    [said] = verdict_sentences(compared, nothing, {}, (3, 4))
    assert "nothing is decided" in said


@given(st.dictionaries(st.sampled_from(["r1", "r2", "w1", "w2"]), st.sampled_from(VERDICTS)))
def test_every_slower_operation_is_in_the_verdict(words: dict[str, str]) -> None:
    against = {
        "before": {word: [name for name in words if words[name] == word] for word in VERDICTS},
        "after": {**none(), "same": ["r1"]},
    }
    kinds = {"r1": "read", "r2": "read", "w1": "write", "w2": "write"}
    compared = {"before": ("before", dict.fromkeys(words, 0.5)), "after": ("after", {})}
    verdict, *details = verdict_sentences(compared, against, kinds, (3, 4))
    slower = against["before"]["slower"]
    assert verdict.startswith("No operation is slower than before or after.") is not bool(slower)
    assert all(f"{name} (0.5 times" in " ".join(details) for name in slower)
    for kind in ("read", "write"):
        free = not any(kinds[name] == kind for name in slower)
        if slower:
            assert (f"No {kind} is slower than before or after." in verdict) is free


def test_the_real_arms_make_a_whole_document(shop: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    files = arms.build(shop, work, STUDY, fill=partial(ledger.fill_after_tables, source=shop))
    try:
        schemas = schemas_of(files, ["before", "after", "recommended"])
    finally:
        files.close()
    texts = migration_texts(STUDY, "recommended")
    assert [one.name[:4] for one in texts] == ["0003", "0004", "0005", "0006", "0007"]
    found = recommended_document(STUDY, judged.DATASET, (), schemas, texts, None)
    actions = [one.action for one in found.indexes]
    assert {word: actions.count(word) for word in ("kept", "added", "dropped")} == {
        "kept": 7, "added": 8, "dropped": 7,
    }  # fmt: skip
    assert "nothing is decided" in found.verdict
    assert all(one.reason for one in found.indexes)
    assert found.bytes["before"] == 0 < found.bytes["after"]


def test_a_study_without_the_arm_is_refused() -> None:
    with pytest.raises(StudyError, match="no arm 'better'"):
        recommended_document(judged.study(), {}, (), SCHEMAS, (), None, arm="better")
