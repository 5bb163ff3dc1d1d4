"""What a migration costs: prices, traffic, bill and break-even, added up by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.cost import measure_cost, traffic_of
from bench.engines.sqlite.connection import used_bytes
from bench.judge.bill import reads_dollars, storage_dollars, writes_dollars
from bench.judge.cost import cost_document, wal_bytes
from bench.judge.cost_records import CostRecord, IndexCounted, ReadCounted, WriteCounted
from bench.measure import arms
from bench.results.ablation import Ablation
from bench.results.cost import IndexCost, IndexTotals, MonthlyTraffic, WriteOnArm
from bench.results.migration import ArmMigration, StatementCost
from bench.study import Anchor, Study, StudyError, Traffic, load_study, load_traffic
from reference_app import migrate
from reference_app.database import beside, connect
from seeds import ledger, plan
from seeds.manifest import read_manifest
from tests.bench.content import content
from tests.bench.fixtures.evidence_ablation import make_ablation
from tests.bench.fixtures.judged import figures, measured, pair

INDEX = "idx_analytics_timestamp"
DATASET = {"scale": 0.001, "seed": 1, "rows": {"products": 100}, "content_hash": "x"}
COMPARED = (
    measured(
        "events_recent",
        {
            "before": figures(vm_steps=900, plan=("SCAN analytics_events",)),
            "after": figures(vm_steps=90, plan=(f"SCAN analytics_events USING INDEX {INDEX}",)),
        },
    ),
    measured(
        "track_events",
        {
            "before": figures(median_ns=5, vm_steps=3),
            "after": figures(median_ns=9, vm_steps=4),
        },
        pair(0.5, 0.4, 0.6, "slower"),
        kind="write",
    ),
)


def migrated(arm: str, *statements: tuple[str, str, int, int]) -> ArmMigration:
    return ArmMigration(
        arm=arm, duration_ns=10, checkpoint_ns=0, statistics_ns=0,
        database_bytes_before=4096, database_bytes_after=8192,
        statements=tuple(
            StatementCost(
                migration="0002", sql="", kind=kind, object=name, duration_ns=duration_ns,
                size_bytes=size_bytes,
            )
            for kind, name, duration_ns, size_bytes in statements
        ),
    )  # fmt: skip


MIGRATIONS = (
    migrated("before"),
    migrated(
        "after",
        ("create_index", INDEX, 7, 8192),
        ("create_table", "new", 1, 4096),
        ("create_index", "of_new", 2, 4096),
    ),
)


@pytest.fixture
def study() -> Study:
    return load_study()


@pytest.fixture
def record() -> CostRecord:
    return CostRecord(
        page_bytes=4096,
        reads=(
            ReadCounted("events_recent", "before", ((20_000, 20_001), (20_000, 20_001))),
            ReadCounted("events_recent", "after", ((100, 100), (100, 100))),
            ReadCounted("stock_history", "after", ((4, 4),)),
        ),
        writes=(
            WriteCounted("track_events", "before", (10, 10), ({}, {})),
            WriteCounted("track_events", "after", (10, 10), ({INDEX: 10}, {INDEX: 10})),
        ),
        indexes=(
            IndexCounted(INDEX, "analytics_events", "after", 10_000),
            IndexCounted("of_new", "new", "after", 77),
        ),
        stored_bytes={"before": 4_000_000_000, "after": 7_000_000_000},
        not_counted={},
        traffic=MonthlyTraffic(
            requests_per_month={"events_recent": 1000.0, "stock_history": 9.0},
            source="By the data.",
        ),
    )


def test_only_what_a_month_does_not_include_is_paid() -> None:
    assert reads_dollars(25e9) == writes_dollars(50e6) == storage_dollars(5) == 0
    assert reads_dollars(26e9) == pytest.approx(1.0)
    assert writes_dollars(51e6) == pytest.approx(1.0)
    assert storage_dollars(7) == pytest.approx(1.5)


@given(rows=st.floats(0, 1e12), more=st.floats(0, 1e12))
def test_more_never_costs_less(rows: float, more: float) -> None:
    assert reads_dollars(rows + more) >= reads_dollars(rows) >= 0
    assert writes_dollars(rows + more) >= writes_dollars(rows) >= 0


def test_an_index_has_its_price(study: Study, record: CostRecord) -> None:
    document = cost_document(study, record, DATASET, COMPARED, MIGRATIONS)
    json.dumps(document.json_values(), allow_nan=False)
    first, second = document.indexes
    assert first == IndexCost(
        name=INDEX, table="analytics_events", arm="after", build_ns=7, bytes=8192,
        wal_bytes=wal_bytes(8192, 4096), rows_written=10_001,
        dollars_to_build=10_001 / 1e6,
    )  # fmt: skip
    # Its table came in the same migration: nothing stood in it yet.
    assert second.rows_written == 1
    assert document.in_all["after"].indexes == 2
    assert document.in_all["before"] == IndexTotals(build_ns=0, bytes=0, wal_bytes=0, indexes=0)


def test_writes_and_reads_stand_by_arm(study: Study, record: CostRecord) -> None:
    document = cost_document(study, record, DATASET, COMPARED, MIGRATIONS)
    [write] = document.writes
    assert write.arms["after"] == WriteOnArm(median_ns=9, vm_steps=4, rows_written=20)
    assert write.comparisons[0].verdict == "slower"
    read = document.reads[0].arms["before"]
    assert (read.rows_read, read.rows_read_bounds) == (20_000.5, (20_000, 20_001))


def test_the_bill_is_of_what_every_arm_answers(study: Study, record: CostRecord) -> None:
    traffic = {"events_recent": 2e6, "track_events": 6e6, "stock_history": 1e9}
    document = cost_document(study, record, DATASET, COMPARED, MIGRATIONS, traffic=traffic)
    before, after = document.bill["before"], document.bill["after"]
    assert before.rows_read_per_month == 40_001_000_000
    assert before.reads_dollars == pytest.approx(15.001)
    assert before.writes_dollars == pytest.approx(10.0)
    assert (after.reads_dollars, after.writes_dollars) == (0, pytest.approx(70.0))
    assert after.storage_dollars == pytest.approx(1.5)
    assert after.dollars == pytest.approx(71.5)
    assert document.not_billed == ("stock_history",)


def test_what_the_user_names_goes_before_the_study_and_the_data(
    study: Study, record: CostRecord
) -> None:
    def taken(study: Study, given: dict[str, float] | None = None) -> MonthlyTraffic:
        return cost_document(study, record, DATASET, COMPARED, MIGRATIONS, traffic=given).traffic

    assert taken(study).source == "By the data."
    own = replace(study, traffic=Traffic({"track_events": 3.0}))
    assert taken(own).requests_per_month == {
        "events_recent": 1000.0, "stock_history": 9.0, "track_events": 3.0
    }  # fmt: skip
    assert "the study names for track_events" in taken(own).source
    assert taken(own, {"events_recent": 1.0}).requests_per_month == {"events_recent": 1.0}
    with pytest.raises(StudyError, match="no operation"):
        taken(study, {"nothing": 1.0})


def test_break_even_weighs_rows_read_against_rows_written(study: Study, record: CostRecord) -> None:
    pays, idle = cost_document(study, record, DATASET, COMPARED, MIGRATIONS).break_even
    assert (pays.operation, pays.write) == ("events_recent", "track_events")
    assert (pays.rows_read_saved, pays.rows_written_more) == (19_900.5, 10)
    # A row written costs as much as a thousand rows read.
    assert pays.reads_for_each_write == pytest.approx(10 * 1000 / 19_900.5)
    assert "pays for 1.99" in pays.sentence
    assert idle.reads_for_each_write is None
    assert idle.operation is None


def test_the_ablation_says_whom_an_index_helps(study: Study, record: CostRecord) -> None:
    values = make_ablation()
    values["indexes"] = [values["indexes"][0] | {"name": INDEX, "helps": []}]
    ablation = Ablation.model_validate(values)
    document = cost_document(study, record, DATASET, COMPARED, MIGRATIONS, ablation)
    assert document.break_even[0].operation is None
    assert any("ablation found" in sentence for sentence in document.limits)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[traffic.requests_per_month]\nnothing = 3", "which the study has not"),
        ("[traffic.requests_per_month]\nwrite_log = -3", "0 or more"),
        ('[traffic.requests_per_month]\nwrite_log = "many"', "0 or more"),
        ("[traffic]\nrequests_per_month = 3", "to be a table with a number"),
        ("[traffic.requests_per_month]", "no request is named"),
        ("", "no request is named"),
        ("[", "not valid TOML"),
    ],
)
def test_a_traffic_that_cannot_be_is_refused(
    study: Study, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text(text)
    with pytest.raises(StudyError, match=words):
        load_traffic(path, names(study))


def names(study: Study) -> set[str]:
    return {operation.name for operation in study.operations}


def test_a_traffic_is_read(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text("[traffic.requests_per_month]\nwrite_log = 3\nevents_recent = 1e6\n")
    told = load_traffic(path, names(study)).requests_per_month
    assert told == {"write_log": 3, "events_recent": 1e6}
    with pytest.raises(StudyError, match="no file"):
        load_traffic(tmp_path / "other.toml", names(study))


def test_the_data_tells_the_traffic(study: Study, shop: Path) -> None:
    connection = connect(shop, query_only=True)
    try:
        found = traffic_of(study, connection)
        [(rows,)] = connection.execute(
            "SELECT count(*) FROM analytics_events WHERE julianday(timestamp) >"
            " (SELECT julianday(max(timestamp)) - 30 FROM analytics_events)"
        )
        anchor = Anchor("write_log", "analytics_events", "timestamp", 15, 5)
        own = replace(study, traffic=Traffic(anchors=(anchor,)))
        assert set(traffic_of(own, connection).requests_per_month) == {"write_log"}
        lost = replace(study, traffic=Traffic(anchors=(replace(anchor, table="nothing"),)))
        with pytest.raises(StudyError, match="nothing"):
            traffic_of(lost, connection)
    finally:
        connection.close()
    requests = found.requests_per_month
    assert requests["track_events"] == int(str(rows)) / 10
    assert requests["product_detail"] > requests["track_events"] > requests["checkout"] > 0
    assert set(requests) <= {operation.name for operation in study.operations}
    assert f"{rows:,}" in found.source


def test_a_shop_is_counted_and_left_as_it_was(study: Study, shop: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    kept = {"events_recent", "products_by_size", "track_events", "respond_to_offer"}
    small = replace(
        study,
        arms=tuple(arm for arm in study.arms if arm.name in ("before", "after")),
        operations=tuple(one for one in study.operations if one.name in kept),
    )
    files = arms.build(shop, work, small, fill=partial(ledger.fill_after_tables, source=shop))
    try:
        files.close()
        before = content(shop)
        manifest = read_manifest(shop)
        migrations = arms.migration_arms(files)
        draw = partial(plan.sample_parameters, manifest.plan())
        record = measure_cost(small, files, draw, seed=1, migrations=migrations)
        again = measure_cost(small, files, draw, seed=1, migrations=migrations)
        files.close()
        assert content(shop) == before
    finally:
        files.close()
    assert record == again
    events = manifest.counts["analytics_events"]
    reads = {(entry.operation, entry.arm): entry for entry in record.reads}
    scan = reads["events_recent", "before"]
    # The scan, a look at the list's last row for each event beyond its 100, and the answer.
    assert scan.rows[0][0] <= 2 * events <= scan.rows[0][1] + 1
    assert reads["events_recent", "after"].rows[0] == (100, 100)
    writes = {(entry.operation, entry.arm): entry.mean for entry in record.writes}
    assert writes["track_events", "before"] == 10
    assert writes["track_events", "after"] == 40
    assert writes["respond_to_offer", "after"] - writes["respond_to_offer", "before"] == 1
    assert {index.name: index.rows for index in record.indexes}[INDEX] == events
    assert record.not_counted == {}


def test_the_log_grows_by_what_is_derived(study: Study, shop: Path) -> None:
    sql = (migrate.MIGRATIONS / "0002_safe_migration.sql").read_text()
    connection = connect(shop, checkpoints=False)
    log = beside(shop)[0]
    try:
        connection.execute("CREATE TABLE big (id INTEGER PRIMARY KEY, a)")
        connection.execute(
            "WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 150000)"
            " INSERT INTO big (a) SELECT hex(v * 7919 % 300007) FROM n"
        )
        # The last one is larger than SQLite's cache: some of its pages reach the log early.
        statements = re.findall(r"CREATE (?:INDEX|TABLE) .*?;", sql, re.DOTALL)
        for statement in [*statements, "CREATE INDEX of_big ON big (a);"]:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            before = used_bytes(connection)
            connection.execute(statement)
            added = used_bytes(connection) - before
            if statement.startswith("CREATE INDEX"):
                # Where the schema's row opens a new page of the schema, two neighbours change.
                pages_off = (log.stat().st_size - wal_bytes(added, 4096)) / (4096 + 24)
                assert pages_off in (0, 1, 2), statement
                assert statement[13:19] != "of_big" or pages_off == 0
    finally:
        connection.close()
