"""Paired measurement on a small seeded shop: lanes, draws, answers, and equal arms."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import apsw
import numpy as np
import pytest

from bench import documents
from bench.engines.base import Connection
from bench.engines.sqlite.counters import Counters
from bench.engines.sqlite.engine import Sqlite
from bench.errors import BenchError
from bench.measure import arms, timing, writes
from bench.measure.core_clock import CoreClock, Reading
from bench.measure.measurer import Measurer
from bench.measure.paired import on_end
from bench.measure.reads import Reads
from bench.measure.series import Measured, controlled_arm, series_of
from bench.measure.timing import Slice, execute, sample_medians, slice_of
from bench.measure.writes import distinct_parameters
from bench.resale.hooks import HOOKS, dataset_of
from bench.results.migration import Migration
from bench.study import Arm, Operation, Study, load_study
from bench.study.hooks import Answer, Parameters, ParameterSampler
from reference_app.database import connect
from reference_app.queries import OPERATIONS
from seeds import ledger, load
from seeds import plan as seeds_plan
from seeds.manifest import read_manifest
from tests.bench.content import content


@pytest.fixture(scope="module")
def study() -> Study:
    """The built-in study with the fewest rounds that a study may have."""
    return replace(load_study(), quick_rounds=7)


@pytest.fixture(scope="module")
def built(study: Study, seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> arms.ArmFiles:
    """The files of all arms as no test changes them."""
    folder = tmp_path_factory.mktemp("arms")
    source = Path(shutil.copy(seeded, folder))
    fill = partial(ledger.fill_after_tables, source=seeded)
    built = arms.build(source, folder, study, fill=fill, control=True)
    built.close()
    return built


@pytest.fixture
def files(built: arms.ArmFiles, tmp_path: Path) -> Iterator[arms.ArmFiles]:
    """Copies of them, which a test may change."""
    copies = {path: Path(shutil.copy(path, tmp_path)) for path in built.paths}

    def moved(arm: arms.ArmBuilt) -> arms.ArmBuilt:
        return replace(arm, path=copies[arm.path])

    assert built.control is not None
    made = arms.ArmFiles(
        built.engine,
        {name: moved(arm) for name, arm in built.arms.items()},
        {copies[path]: statistics for path, statistics in built._current.items()},
        control=moved(built.control),
    )
    yield made
    made.close()


@pytest.fixture
def draw(seeded: Path) -> ParameterSampler:
    return partial(seeds_plan.sample_parameters, read_manifest(seeded).plan())


def test_both_drivers_know_every_operation_of_the_study(study: Study) -> None:
    names = {operation.name for operation in study.operations}
    assert set(OPERATIONS) == names
    assert set(seeds_plan.SAMPLERS) == names


def test_an_operation_has_a_lane_for_each_arm_that_can_answer(study: Study) -> None:
    tables = {"before": {"users"}, "after": {"users", "stock_moves"}}
    everywhere = study.operation("products_newest")
    assert series_of(everywhere, tables) == ("before", "again", "after")
    assert series_of(study.operation("stock_history"), tables) == ("after", "again")


def test_an_arm_that_cannot_answer_is_told_with_its_reason(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    measured = on_end(Reads(study, files, draw, seed=1).measure(study.operation("stock_history")))
    assert measured.series == ("after", "again", "after_analyzed", "recommended")
    assert measured.not_measured == {"before": "there is no table stock_moves"}


def test_the_facts_of_an_arm_tell_its_indexes_and_samples(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    facts = writing(study, files, draw).arm_facts()
    assert facts.keys() == {arm.name for arm in study.arms}
    assert [name for name, fact in facts.items() if fact.samples] == ["after_analyzed"]
    assert "stock_moves" in facts["after"].tables
    assert "stock_moves" not in facts["before"].tables
    held = {arm: set(entry.indexes.get("analytics_events", ())) for arm, entry in facts.items()}
    assert held["before"] == set()
    assert "idx_analytics_user" in held["after"]
    assert held["after"] == held["after_analyzed"]
    assert held["recommended"] == {
        "idx_analytics_event_type_timestamp", "idx_analytics_timestamp",
        "idx_analytics_user_timestamp",
    }  # fmt: skip


def test_every_lane_has_the_same_rounds_and_draws(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    measured = on_end(Reads(study, files, draw, seed=1).measure(study.operation("events_for_user")))
    shapes = {values.shape[:2] for values in measured.latencies_ns.values()}
    assert measured.series == ("before", "again", "after", "after_analyzed", "recommended")
    assert len(shapes) == 1
    assert shapes.pop()[0] in (study.rounds, study.quick_rounds)
    assert all((values > 0).all() for values in measured.latencies_ns.values())
    assert measured.answers_equal
    assert measured.observations["before"].plan[0].startswith("SCAN analytics_events")
    assert "idx_analytics_user" in measured.observations["after"].plan[0]
    steps = {arm: seen.counters.vm_steps for arm, seen in measured.observations.items()}
    assert steps["before"] > 100 * steps["after"]


def test_statistics_reach_the_arm_they_belong_to(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    measured = on_end(
        Reads(study, files, draw, seed=1).measure(study.operation("events_count_by_type_since"))
    )
    assert "idx_analytics_event_type" in measured.observations["after"].plan[0]
    assert "idx_analytics_timestamp" in measured.observations["after_analyzed"].plan[0]


def test_a_program_is_observed_once_on_a_file(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`after` and `after_analyzed` are one file; statistics change the second plan only."""
    counted: list[str] = []
    plain = Sqlite.count

    def counting(
        connection: apsw.Connection, execute: Callable[[], Answer]
    ) -> tuple[Counters, Answer]:
        counted.append(Path(connection.filename).stem)
        return plain(connection, execute)

    monkeypatch.setattr(Sqlite, "count", staticmethod(counting))
    reads = Reads(study, files, draw, seed=1)
    source = files.arms["before"].path.stem
    measured = on_end(reads.measure(study.operation("images_for_entity")))
    assert counted == [source, "after", "recommended"]
    seen = measured.observations
    assert seen["after_analyzed"] == seen["after"] != seen["before"]
    counted.clear()
    measured = on_end(reads.measure(study.operation("events_count_by_type_since")))
    assert counted == [source, "after", "after", "recommended"]
    assert measured.observations["after_analyzed"] != measured.observations["after"]


def test_slow_arms_that_are_one_program_on_one_file_are_timed_once(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Everything is slow here.
    monkeypatch.setattr("bench.measure.reads.STEADY_NS", 0)
    reads = Reads(study, files, draw, seed=1)
    measured = on_end(reads.measure(study.operation("events_newest_of_type")))
    assert measured.shared == {"after_analyzed": "after"}
    assert measured.series == ("before", "again", "after", "after_analyzed", "recommended")
    assert measured.latencies_ns["after_analyzed"] is measured.latencies_ns["after"]
    assert all((values > 0).all() for values in measured.latencies_ns.values())
    other = on_end(reads.measure(study.operation("events_count_by_type_since")))
    assert other.shared == {}
    [sentence] = documents._shared(
        documents.Outcome({"a": measured, "b": other}, {}, {}, {})  # type: ignore[arg-type]
    )
    assert "Timed once for after and after_analyzed" in sentence
    assert sentence.endswith("events_newest_of_type.")


def test_quick_arms_are_timed_each(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    reads = Reads(study, files, draw, seed=1)
    assert on_end(reads.measure(study.operation("images_for_entity"))).shared == {}


@pytest.mark.parametrize(
    ("name", "sample_ns", "extent"),
    [
        ("products_newest", 45_000_000, (9, 30)),
        ("products_by_size", 45_000_000, (3, 30)),
        ("products_by_size", 90_000_000, (3, 16)),
        ("products_newest", 100_000, (120, 30)),
        ("products_newest", 300_000_000, (1, 15)),
        ("products_newest", 2_000_000_000, (1, 7)),
    ],
)
def test_a_control_gets_the_draws_that_same_takes(
    study: Study,
    files: arms.ArmFiles,
    draw: ParameterSampler,
    name: str,
    sample_ns: int,
    extent: tuple[int, int],
) -> None:
    reads = Reads(replace(study, quick_rounds=30), files, draw, seed=1)
    assert reads._extent(study.operation(name), sample_ns) == extent


def test_no_time_counts_when_answers_differ(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    connection = files.open("recommended", query_only=False)
    connection.execute("DELETE FROM system_logs WHERE id = (SELECT max(id) FROM system_logs)")
    connection.close()
    measured = on_end(Reads(study, files, draw, seed=1).measure(study.operation("logs_recent")))
    assert not measured.answers_equal
    assert measured.latencies_ns == {}
    assert "answers differ" in str(measured.difference)


def test_an_answer_that_differs_later_is_found_as_well(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    """The first draw is equal everywhere; one of the drawn rows is not."""
    connection = files.open("after", query_only=False)
    connection.execute(
        "UPDATE orders SET total_cents = total_cents + 1, shipping_cents = shipping_cents + 1"
        " WHERE id % 2"
    )
    connection.close()
    numbers = (
        files.open("before")
        .execute("SELECT order_number FROM orders WHERE id < 60 ORDER BY id % 2, id")
        .fetchall()
    )
    waiting = [{"order_number": number} for (number,) in numbers]

    def in_turn(operation: str, rng: np.random.Generator) -> dict[str, int | str | None]:
        return dict(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    measured = on_end(Reads(study, files, in_turn, seed=1).measure(study.operation("order_detail")))
    assert not measured.answers_equal
    assert "answers differ for" in str(measured.difference)


def test_a_query_that_an_arm_cannot_run_is_named(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    reads = Reads(study, files, draw, seed=1)
    connection = files.open("after", query_only=False)
    connection.execute("ALTER TABLE system_logs RENAME TO other_logs")
    connection.close()
    with pytest.raises(BenchError, match="after cannot run logs_recent"):
        on_end(reads.measure(study.operation("logs_recent")))


def writing(study: Study, files: arms.ArmFiles, draw: ParameterSampler) -> Measurer:
    return Measurer(study, files, draw, seed=1)


def measure_one(measurer: Measurer, operation: Operation) -> Measured:
    return measurer.measure([operation], lambda _: None)[operation.name]


@pytest.mark.parametrize("name", ["track_events", "submit_sell_request", "checkout", "write_log"])
def test_writes_leave_all_arms_in_the_same_state(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, name: str
) -> None:
    measurer = writing(study, files, draw)
    measured = measure_one(measurer, study.operation(name))
    assert measured.answers_equal, measured.difference
    assert measured.series == ("before", "again", "after", "recommended")
    assert "after_analyzed" in measured.not_measured


def test_an_observed_write_commits_and_tells_its_pages(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    """The log holds a row of the table and an entry of each index that the migration adds."""
    measurer = writing(study, files, draw)
    once, twice = (
        measure_one(measurer, study.operation("write_log")).observations for _ in range(2)
    )
    assert once == twice
    pages = {arm: seen.pages for arm, seen in once.items()}
    assert all(seen is not None for seen in pages.values())
    for seen in pages.values():
        assert seen["pages_read"] > 0
        assert seen["log_bytes"] == seen["pages_written"] * (4096 + 24) > 0
    assert pages["after"]["pages_written"] > pages["before"]["pages_written"]
    read = measure_one(measurer, study.operation("products_newest")).observations
    assert {seen.pages for seen in read.values()} == {None}


def test_a_state_that_parted_is_found(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    connection = files.open("after", query_only=False)
    connection.execute("DELETE FROM system_logs WHERE id = (SELECT max(id) FROM system_logs)")
    connection.close()
    measured = measure_one(writing(study, files, draw), study.operation("write_log"))
    assert not measured.answers_equal
    assert "no longer in the same state" in str(measured.difference)


@pytest.mark.parametrize(
    ("name", "trigger"),
    [
        (
            "write_log",
            "AFTER INSERT ON system_logs"
            " BEGIN UPDATE system_logs SET message = 'another' WHERE id = new.id; END",
        ),
        (
            "checkout",
            "AFTER INSERT ON order_items"
            " BEGIN UPDATE products SET views_count = 7 WHERE id = new.product_id; END",
        ),
        (
            "checkout",
            "AFTER INSERT ON stock_moves"
            " BEGIN UPDATE stock_moves SET reason = 'adjustment' WHERE id = new.id; END",
        ),
    ],
)
def test_a_row_that_parted_is_found_although_counts_agree(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, name: str, trigger: str
) -> None:
    connection = files.open("after", query_only=False)
    connection.execute(f"CREATE TRIGGER other {trigger}")
    connection.close()
    measured = measure_one(writing(study, files, draw), study.operation(name))
    assert not measured.answers_equal
    assert "no longer in the same state" in str(measured.difference)


def test_rows_that_are_used_up_are_there_again_in_every_round(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    operation = study.operation("respond_to_offer")
    known = distinct_parameters(draw, operation, 3, np.random.default_rng(1))

    def few(operation: str, rng: np.random.Generator) -> Parameters:
        return known[int(rng.integers(len(known)))]

    measured = measure_one(writing(study, files, few), operation)
    assert measured.answers_equal, measured.difference
    shapes = {values.shape for values in measured.latencies_ns.values()}
    assert shapes == {(study.quick_rounds, len(known), 1)}


def test_every_file_is_after_the_writes_what_it_was(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    measurer = writing(study, files, draw)
    files.switch("after")
    files.close()
    before = {path: content(path) for path in files.paths}
    for name in ("checkout", "write_log"):
        measured = measure_one(measurer, study.operation(name))
        assert min(values.min() for values in measured.latencies_ns.values()) > 0
    assert {path: content(path) for path in files.paths} == before
    assert not [path for path in files.paths if Path(f"{path}-wal").exists()]


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (
            "DELETE FROM system_logs WHERE id = (SELECT max(id) FROM system_logs)",
            "write_log",
        ),
        ("UPDATE products SET name = 'other'", "products_newest"),
    ],
)
def test_the_base_is_measured_again_on_a_file_of_its_own(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, change: str, operation: str
) -> None:
    """Or two files of one content could differ by what no control shows."""
    connection = files.open("before", control=True, query_only=False)
    connection.execute(change)
    connection.close()
    assert not measure_one(writing(study, files, draw), study.operation(operation)).answers_equal


def test_the_control_has_executed_once_before_it_is_timed_as_the_arms_have(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[str] = []
    open_arm = arms.ArmFiles.open

    def watched(self: arms.ArmFiles, name: str, **options: bool) -> Connection:
        connection = open_arm(self, name, **options)
        assert isinstance(connection, apsw.Connection)
        connection.trace_v2(
            apsw.SQLITE_TRACE_STMT, lambda _: executed.append(Path(connection.filename).name)
        )
        return connection

    def timed(*_: object) -> timing.ReadTimes[str]:
        raise InterruptedError

    monkeypatch.setattr(arms.ArmFiles, "open", watched)
    monkeypatch.setattr("bench.measure.reads.time_reads", timed)
    with pytest.raises(InterruptedError):
        on_end(Reads(study, files, draw, seed=1).measure(study.operation("products_newest")))
    assert files.control is not None
    assert files.control.path.name in executed


def test_a_write_that_is_refused_is_named(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    def sold(operation: str, rng: np.random.Generator) -> dict[str, int | str | None]:
        nobody = -int(rng.integers(1, 10**9))
        items = f'[{{"product_id":{nobody},"quantity":1}}]'
        return {**draw(operation, rng), "product_id": nobody, "items": items}

    with pytest.raises(BenchError, match="refuses checkout"):
        measure_one(writing(study, files, sold), study.operation("checkout"))


def test_draws_do_not_use_up_a_row_twice() -> None:
    operation = Operation("x", "x", "x", "write", "x", "x", exclusive="id")
    rng = np.random.default_rng(1)

    def few(name: str, rng: np.random.Generator) -> dict[str, int | str | None]:
        return {"id": int(rng.integers(10))}

    found = distinct_parameters(few, operation, 100, rng)
    assert sorted(str(entry["id"]) for entry in found) == [str(n) for n in range(10)]


def test_equal_arms_come_out_same_or_inconclusive_in_twenty_tries(
    study: Study, tmp_path: Path
) -> None:
    """Two arms that are the same database, five operations, twenty tries."""
    twin = Arm("after", "twin", "the same database", study.arm("before").migrations)
    operations = tuple(
        study.operation(name)
        for name in (
            "products_newest",
            "order_detail",
            "order_history",
            "events_for_user",
            "logs_errors_since",
        )
    )
    # Few rounds: noise has its best chance to pass for a change.
    equal = replace(
        study, arms=(study.arm("before"), twin), operations=operations, claims=(), rounds=7
    )
    shop = tmp_path / "small.db"
    load.seed(shop, scale=0.001)
    manifest = read_manifest(shop)
    draw = partial(seeds_plan.sample_parameters, manifest.plan())
    files = arms.build(shop, tmp_path, equal, fill=lambda connection: None)
    try:
        for seed in range(20):
            reads = Reads(equal, files, draw, seed=seed, slice_ns=2_000_000)
            measured = {
                operation.name: on_end(reads.measure(operation)) for operation in operations
            }
            migration = Migration(base=equal.base, judged=equal.judged, arms=(), facts={})
            outcome = documents.Outcome(measured, migration, {}, {})
            comparison = documents.judge(equal, dataset_of(manifest), outcome, seed)
            verdicts = {entry.name: entry.comparisons[0].verdict for entry in comparison.operations}
            assert set(verdicts.values()) <= {"same", "inconclusive"}, (seed, verdicts)
    finally:
        files.close()


def test_a_sample_is_the_median_of_its_executions() -> None:
    latencies = np.array([[[5, 1, 9], [2, 2, 8]]], np.int64)
    assert sample_medians(latencies) == [[5, 2]]


def test_the_base_is_measured_again_unless_it_is_far_slower(study: Study) -> None:
    assert controlled_arm(study, {"before": 5, "after": 9, "recommended": 1}) == "before"
    assert controlled_arm(study, {"before": 25, "after": 5, "recommended": 1}) == "before"
    assert controlled_arm(study, {"before": 26, "after": 5, "recommended": 1}) == "after"
    assert controlled_arm(study, {"after": 9, "recommended": 1}) == "after"
    assert controlled_arm(study, {"recommended": 1}) == "recommended"


@pytest.mark.parametrize(
    ("typical_ns", "varied", "executions", "warm"),
    [
        (20_000, True, 9, True),
        (20_000, False, 9, True),
        (20_000_000, True, 1, True),
        (20_000_000, False, 1, False),
        (900_000_000, True, 1, False),
    ],
)
def test_times_are_those_of_a_warm_cache(
    typical_ns: int, varied: bool, executions: int, warm: bool
) -> None:
    assert slice_of(typical_ns, varied=varied) == Slice(executions, warm)


def test_a_warm_slice_executes_once_more_than_it_times(shop: Path) -> None:
    connection = connect(shop, query_only=True)
    bound = HOOKS.bind("products_newest", ())
    for warm in (False, True):
        seen: list[object] = []
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, seen.append)
        _, times_ns = execute(bound, connection, Slice(3, warm), {})
        connection.trace_v2(0, None)
        assert len(seen) == 3 + warm
        assert len(times_ns) == 3
        assert min(times_ns) > 0
    connection.close()


class Waiting(CoreClock):
    """A clock by which every execution took 7 ns of work."""

    def since(self, start: Reading) -> int:
        return 7


def test_what_others_take_of_the_core_is_no_time_of_an_operation(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (timing, writes):
        monkeypatch.setattr(module, "CLOCK", Waiting())
    for name in ("images_for_entity", "write_log"):
        measured = measure_one(writing(study, files, draw), study.operation(name))
        assert {int(ns) for each in measured.latencies_ns.values() for ns in each.flat} == {7}


def test_an_operation_that_waits_for_its_turn_keeps_no_answer(
    study: Study, files: arms.ArmFiles, draw: ParameterSampler
) -> None:
    under_way = Reads(study, files, draw, seed=1).measure(study.operation("products_newest"))
    next(under_way)
    assert under_way.gi_frame is not None
    kept = under_way.gi_frame.f_locals
    records = [held for held in kept.values() if isinstance(held, dict)]
    answers = (timing.FirstExecution, list)
    assert not any(isinstance(held, answers) for each in records for held in each.values())
    assert kept["typical_ns"].keys() == {arm.name for arm in study.arms}
    under_way.close()
