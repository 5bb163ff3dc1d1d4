"""Operations observed and timed in states of one file: programs, answers, counters, lanes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import apsw
import numpy as np
import pytest

from bench.analysis.observations import Observer, first_parameters, observe
from bench.analysis.timing import series_of, time_programs
from bench.engines.sqlite.counters import Counters, count
from bench.engines.sqlite.engine import ENGINE, Sqlite
from bench.engines.sqlite.index_hiding import PrivateFile
from bench.engines.sqlite.statistics import NONE, capture
from bench.errors import BenchError
from bench.judge.evidence import Observed
from bench.measure.timing import sample_medians
from bench.resale.hooks import HOOKS
from bench.study import Study, load_study
from bench.study.hooks import Answer, ParameterSampler
from reference_app import migrate
from reference_app.database import connect
from seeds import ledger
from seeds import plan as seeds_plan
from seeds.manifest import read_manifest

BY_TYPE = "idx_analytics_event_type"
BY_TIME = "idx_analytics_timestamp"
COUNTED = "events_count_by_type_since"


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study()


@pytest.fixture(scope="module")
def migrated(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judged") / "after.db"
    shutil.copy(seeded, path)
    connection = connect(path)
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    ledger.fill_after_tables(connection, source=seeded)
    connection.close()
    return path


@pytest.fixture
def private(migrated: Path, tmp_path: Path) -> Iterator[PrivateFile]:
    path = tmp_path / "private.db"
    shutil.copy(migrated, path)
    with PrivateFile(path) as file:
        yield file


@pytest.fixture(scope="module")
def draw(seeded: Path) -> ParameterSampler:
    return partial(seeds_plan.sample_parameters, read_manifest(seeded).plan())


def by_name(found: list[Observed]) -> dict[str, Observed]:
    return {one.operation: one for one in found}


def test_a_known_program_is_not_executed_again(
    study: Study, private: PrivateFile, draw: ParameterSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def counting(
        connection: apsw.Connection, execute: Callable[[], Answer]
    ) -> tuple[Counters, Answer]:
        counted.append("once")
        return count(connection, execute)

    monkeypatch.setattr(Sqlite, "count", staticmethod(counting))
    observer = Observer(ENGINE, [study.operation(COUNTED)], draw, HOOKS.bind, seed=1)
    found = observer.observe(
        [
            private.state("all"),
            private.state("without user", ["idx_analytics_user"]),
            private.state("without type", [BY_TYPE]),
        ]
    )
    assert len(counted) == 2
    seen = found[0].states
    assert [one.program for one in seen.values()] == [0, 0, 1]
    assert seen["all"].counters == seen["without user"].counters != seen["without type"].counters
    later = observer.observe([private.state("again"), private.state("none", [BY_TYPE, BY_TIME])])
    assert len(counted) == 3
    assert [one.program for one in later[0].states.values()] == [0, 0, 1, 0, 2]
    assert later[0].difference is None


def test_what_a_program_opens_is_told_by_name(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    found = observe(
        ENGINE,
        [private.state("all"), private.state("without", [BY_TYPE])],
        [study.operation(COUNTED)],
        draw,
        HOOKS.bind,
        seed=1,
    )
    seen = found[0].states
    assert seen["all"].opened == {"analytics_events", BY_TYPE}
    assert seen["without"].opened == {"analytics_events", BY_TIME}


def test_an_operation_whose_table_is_absent_is_left_out(
    study: Study, shop: Path, draw: ParameterSampler
) -> None:
    with PrivateFile(shop) as file:
        found = observe(
            ENGINE,
            [file.state("all")],
            [study.operation("stock_history"), study.operation("order_history")],
            draw,
            HOOKS.bind,
            seed=1,
        )
    assert [one.operation for one in found] == ["order_history"]


def test_a_write_costs_its_indexes_and_leaves_nothing(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    writes = [operation for operation in study.operations if operation.kind == "write"]
    connection = connect(private.path, query_only=True)
    tables = sorted({table for operation in writes for table in operation.writes})
    rows = {
        table: connection.execute(f"SELECT count(*), max(rowid) FROM {table}").fetchall()
        for table in tables
    }
    found = by_name(
        observe(
            ENGINE,
            [private.state("all"), private.state("without", [BY_TYPE, BY_TIME])],
            writes, draw, HOOKS.bind, seed=1,
        )
    )  # fmt: skip
    assert found.keys() == {operation.name for operation in writes}
    steps = {name: one.counters.vm_steps for name, one in found["track_events"].states.items()}
    assert steps["all"] > steps["without"]
    logs = found["write_log"].states
    assert logs["all"].counters == logs["without"].counters
    assert {one.difference for one in found.values()} == {None}
    for table in tables:
        now = connection.execute(f"SELECT count(*), max(rowid) FROM {table}").fetchall()
        assert now == rows[table]
    connection.close()


def other_answers(migrated: Path, tmp_path: Path) -> PrivateFile:
    path = tmp_path / "other.db"
    shutil.copy(migrated, path)
    connection = connect(path)
    connection.execute("UPDATE analytics_events SET event_type = 'rewritten'")
    connection.close()
    return PrivateFile(path)


def test_answers_that_differ_are_told(
    study: Study, private: PrivateFile, draw: ParameterSampler, migrated: Path, tmp_path: Path
) -> None:
    with other_answers(migrated, tmp_path) as other:
        found = observe(
            ENGINE,
            # Another program, so that it is executed at all.
            [private.state("all"), other.state("rewritten", [BY_TYPE])],
            [study.operation(COUNTED)], draw, HOOKS.bind, seed=1,
        )  # fmt: skip
    assert found[0].difference is not None
    assert f"{COUNTED} answers otherwise in the state rewritten" in found[0].difference


def test_lanes_that_answer_differently_are_not_timed(
    study: Study, private: PrivateFile, draw: ParameterSampler, migrated: Path, tmp_path: Path
) -> None:
    operation = study.operation(COUNTED)
    with other_answers(migrated, tmp_path) as other:
        both = [private.state("all"), other.state("rewritten", [BY_TYPE])]
        seen = observe(ENGINE, both, [operation], draw, HOOKS.bind, seed=1)[0]
        with pytest.raises(BenchError, match="answered differently"):
            time_programs(study, seen, both, draw, seed=1, rounds=7)


def test_a_query_that_cannot_run_is_said_with_its_state(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    connection = connect(private.path)
    connection.execute("ALTER TABLE system_logs RENAME COLUMN created_at TO made_at")
    connection.close()
    with pytest.raises(BenchError, match="logs_recent cannot run in the state all"):
        observe(
            ENGINE,
            [private.state("all")],
            [study.operation("logs_recent")],
            draw,
            HOOKS.bind,
            seed=1,
        )


def test_each_distinct_program_has_one_lane_and_the_fastest_a_twin(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    operation = study.operation(COUNTED)
    some = [
        private.state("all"),
        private.state("again"),
        private.state("without type", [BY_TYPE]),
        private.state("none", [BY_TYPE, BY_TIME]),
    ]
    seen = observe(ENGINE, some, [operation], draw, HOOKS.bind, seed=1)[0]
    paired = time_programs(study, seen, some, draw, seed=1, rounds=7)
    assert dict(paired.series_of) == {"all": 0, "again": 0, "without type": 1, "none": 2}
    shapes = {(len(rounds), len(rounds[0])) for rounds in (*paired.rounds.values(), paired.control)}
    assert len(paired.rounds) == 3
    assert len(shapes) == 1
    assert shapes.pop()[0] == 7
    assert all(value > 0 for lane in paired.executions_ns.values() for value in lane)
    fastest = min(seen.states.values(), key=lambda one: one.duration_ns)
    assert paired.series_of["without type"] == paired.control_of
    assert fastest.program == seen.states["without type"].program
    assert paired.median_ns("all") == paired.median_ns("again")
    assert paired.median_ns("missing") is None
    assert paired.quantile_ns("all", 0.95) is not None


def test_what_was_timed_can_be_summarised_round_by_round(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    operation = study.operation("events_recent")
    some = [private.state("all"), private.state("without", [BY_TIME])]
    seen = observe(ENGINE, some, [operation], draw, HOOKS.bind, seed=1)[0]
    paired = time_programs(study, seen, some, draw, seed=1, rounds=7)
    for lane, rounds in paired.rounds.items():
        raw = np.array(paired.executions_ns[lane]).reshape(7, len(rounds[0]), -1)
        assert sample_medians(raw) == [list(draws) for draws in rounds]


def test_samples_of_values_are_a_lane_of_their_own(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    """They make SQLite plan a short query anew each time, which no program shows."""
    connection = connect(private.path)
    connection.execute("ANALYZE")
    gathered = capture(connection)
    connection.close()
    some = [private.state("none", statistics=NONE), private.state("samples", statistics=gathered)]
    seen = observe(ENGINE, some, [study.operation("images_for_entity")], draw, HOOKS.bind, seed=1)[
        0
    ]
    assert seen.states["none"].program == seen.states["samples"].program
    assert series_of(seen, ["none", "samples"]) == {"none": 0, "samples": 1}


def test_all_measurements_draw_the_same_parameters(study: Study, draw: ParameterSampler) -> None:
    operation = study.operation("events_for_user")
    assert first_parameters(draw, operation, 1, 3) == first_parameters(draw, operation, 1, 5)[:3]
    assert first_parameters(draw, operation, 1, 3) != first_parameters(draw, operation, 2, 3)


def test_controls_run_one_program_whatever_is_hidden(
    study: Study, private: PrivateFile, draw: ParameterSampler
) -> None:
    controls = [operation for operation in study.operations if operation.control]
    new = [index.name for index in private.indexes][-14:]
    assert BY_TYPE in new
    found = observe(
        ENGINE,
        [private.state("all"), private.state("none", new)],
        controls,
        draw,
        HOOKS.bind,
        seed=1,
    )
    assert controls
    for one in found:
        assert {seen.program for seen in one.states.values()} == {0}
