from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.analysis import planner_statistics as measuring
from bench.analysis.timing import series_of
from bench.engines.sqlite import gathering
from bench.engines.sqlite.statistics import capture
from bench.errors import BenchError
from bench.judge.evidence import Observed, Paired, Seen
from bench.judge.explain import misestimate
from bench.judge.planner_statistics import StatisticsRecord, statistics_document
from bench.judge.records import Counters, Rounds
from bench.results.statistics import State, StateComparison, Statistics
from bench.study import load_study
from reference_app import migrate
from reference_app.database import connect
from seeds.plan import Plan, sample_parameters
from tests.bench.conftest import SCALE
from tests.bench.fixtures.judged import DATASET

TYPE = "idx_analytics_event_type"
TIME = "idx_analytics_timestamp"
BY_TYPE = (
    f"SEARCH analytics_events USING INDEX {TYPE} (event_type=?)",
    "USE TEMP B-TREE FOR ORDER BY",
)
BY_TIME = (f"SEARCH analytics_events USING INDEX {TIME} (timestamp>?)",)
COVERED = ("SEARCH analytics_events USING COVERING INDEX by_both (event_type=? AND timestamp>?)",)


def state(name: str, title: str, duration_ns: int, rows: int, **rest: Any) -> State:
    """One state of the statistics, gathered by ANALYZE unless `rest` says otherwise."""
    given = {"statements": ("ANALYZE",), "samples": 0} | rest
    return State(name=name, title=title, duration_ns=duration_ns, rows=rows, **given)


NONE = state("none", "no statistics", 0, 0, statements=())
OPTIMIZE = state(
    "optimize", "PRAGMA optimize", 7_000_000, 51,
    statements=("PRAGMA optimize",), rows_per_key={TYPE: 2001, TIME: 1},
)  # fmt: skip
FULL = state(
    "full", "ANALYZE without samples", 2_600_000_000, 52, rows_per_key={TYPE: 1_250_000, TIME: 1}
)
LIMITED = state(
    "limited", "ANALYZE with a limit", 9_000_000, 51,
    rows_per_key={TYPE: 2001}, same_as="optimize",
)  # fmt: skip
ON_OPEN = state(
    "on_open", "PRAGMA optimize=0x10002", 2_700_000_000, 52,
    statements=(), samples=9, same_as="full",
)  # fmt: skip


def rounds(time_ns: int) -> Rounds:
    """Seven rounds of three draws, a thousandth apart."""
    return tuple(
        tuple(time_ns + (turn + draw) * time_ns // 1000 for draw in range(3)) for turn in range(7)
    )


def seen(
    program: int, plan: tuple[str, ...], steps: int, *, samples: bool = False, answer: str = "a"
) -> Seen:
    return Seen(
        Counters(steps, 0, len(plan) - 1, 0, 50), plan, answer, program, samples, frozenset(), 1
    )


@dataclass(frozen=True)
class Case:
    """One operation: what is seen in each state, and its lane's time; no time, none taken."""

    name: str = "events_by_type_since"
    states: Mapping[str, Seen] = field(
        default_factory=lambda: {
            "none": seen(0, BY_TYPE, 50_000_000),
            "optimize": seen(0, BY_TYPE, 50_000_000),
            "full": seen(1, BY_TIME, 2_000),
        }
    )
    times_ns: tuple[int, ...] = (1_200_000_000, 60_000)
    kind: str = "read"
    difference: str | None = None
    rounds: int = 7

    def observed(self) -> Observed:
        return Observed(self.name, self.kind, self.states, self.difference)

    def paired(self) -> Paired:
        times = {lane: rounds(time)[: self.rounds] for lane, time in enumerate(self.times_ns)}
        return Paired(
            operation=self.name,
            series_of=series_of(self.observed(), self.states),
            rounds=times,
            executions_ns={
                lane: tuple(value for draws in values for value in draws)
                for lane, values in times.items()
            },
            control_of=0,
            control=times[0],
        )


def matrix(
    *cases: Case,
    states: tuple[State, ...] = (NONE, OPTIMIZE, FULL),
    beside: tuple[State, ...] = (),
) -> StatisticsRecord:
    return StatisticsRecord(
        study=load_study(),
        dataset={"scale": 1.0, "seed": 1, "rows": {"products": 2}, "content_hash": "ab"},
        arm="after",
        sqlite_version="3.54.1",
        states=states,
        observed=tuple(case.observed() for case in cases),
        timed={case.name: case.paired() for case in cases if case.times_ns},
        untimed={case.name: "not now" for case in cases if not case.times_ns},
        beside=beside,
        limits=("One.",),
    )


def pair_of(document: Statistics, name: str, state: str) -> StateComparison:
    operation = next(one for one in document.operations if one.name == name)
    return next(pair for pair in operation.comparisons if pair.state == state)


def test_the_document_is_what_its_json_holds() -> None:
    document = statistics_document(matrix(Case()))
    written = json.loads(json.dumps(document.json_values()))
    assert Statistics.read(written, name="statistics", command="evidence") == document
    assert (document.study, document.arm, document.sqlite_version) == ("resale", "after", "3.54.1")
    assert [one.name for one in document.states] == ["none", "optimize", "full"]
    assert document.limits == ("One.",)
    pairs = {one["state"]: one for one in written["operations"][0]["comparisons"]}
    assert len(pairs["full"]["ratio_rounds"]) == 7
    assert "ratio_rounds" not in pairs["optimize"]


def test_a_flip_is_a_plan_other_than_without_statistics() -> None:
    states = statistics_document(matrix(Case())).operations[0].states
    assert {name: seen.flipped for name, seen in states.items()} == {
        "none": False,
        "optimize": False,
        "full": True,
    }


def test_states_are_held_against_no_statistics() -> None:
    document = statistics_document(matrix(Case()))
    assert pair_of(document, "events_by_type_since", "optimize").verdict == "same"
    full = pair_of(document, "events_by_type_since", "full")
    assert full.verdict == "faster"
    assert full.speedup == pytest.approx(20_000, rel=0.01)
    assert full.ci95[0] <= full.speedup <= full.ci95[1]


def test_a_slower_state_has_its_cause_beside_it() -> None:
    flipped = Case(
        "events_recent",
        {
            "none": seen(0, BY_TIME, 500),
            "optimize": seen(1, BY_TYPE, 50_000_000),
            "full": seen(0, BY_TIME, 500),
        },
        (50_000, 1_200_000_000),
    )
    pair = pair_of(statistics_document(matrix(flipped)), "events_recent", "optimize")
    assert pair.verdict == "slower"
    assert f"the planner takes {TYPE}" in pair.cause.lower()
    assert "rows must now be sorted" in pair.cause
    assert "is told 2,001 rows" in pair.cause
    assert "1,250,000" in pair.cause


def test_a_lost_covering_index_is_named() -> None:
    lost = Case(
        "events_recent",
        {"none": seen(0, COVERED, 500), "full": seen(1, BY_TIME, 900)},
        (50_000, 500_000),
    )
    document = statistics_document(matrix(lost, states=(NONE, FULL)))
    assert "no longer covers the query" in pair_of(document, "events_recent", "full").cause


@pytest.mark.parametrize(("lost_ns", "said"), [(20_000, True), (2_000_000, False)])
def test_samples_explain_some_microseconds_and_no_more(lost_ns: int, said: bool) -> None:
    sampled = state("samples", "ANALYZE", 1, 52, samples=1000)
    states = {"none": seen(0, BY_TIME, 500), "samples": seen(0, BY_TIME, 500, samples=True)}
    same_plan = Case("events_recent", states, (50_000, 50_000 + lost_ns))
    document = statistics_document(matrix(same_plan, states=(NONE, sampled)))
    assert ("STAT4" in pair_of(document, "events_recent", "samples").cause) is said


def test_the_first_answer_tells_what_the_advised_step_does_to_the_type_filter() -> None:
    document = statistics_document(matrix(Case("events_recent"), Case()))
    first, second, *rest = document.answers
    assert "PRAGMA optimize, leaves the plan of events_by_type_since as it is" in first
    assert TYPE in first
    assert "50,000,000 steps in 1.2\N{NO-BREAK SPACE}s" in first
    assert "is told 2,001 rows for each value" in first
    assert second.startswith("ANALYZE without samples mends events_by_type_since")
    assert "2,000 steps" in second
    assert any("mends nothing, harms nothing" in sentence for sentence in rest)
    assert any("events_recent" in sentence and "faster" in sentence for sentence in rest)


def test_the_first_answer_tells_a_change_of_plan_too() -> None:
    changed = Case(
        states={"none": seen(0, BY_TYPE, 50_000_000), "optimize": seen(1, BY_TIME, 2_000)}
    )
    first = statistics_document(matrix(changed, states=(NONE, OPTIMIZE))).answers[0]
    assert "changes the plan of events_by_type_since from" in first
    assert "faster" in first
    assert "is told" not in first


def test_states_that_wrote_the_same_are_said_to_have() -> None:
    states = {state: Case().states["none"] for state in ("none", "optimize", "limited", "full")}
    document = statistics_document(
        matrix(
            Case(states=states, times_ns=(1000,)),
            states=(NONE, OPTIMIZE, LIMITED, FULL),
            beside=(ON_OPEN,),
        )
    )
    assert any("writes the same as PRAGMA optimize" in sentence for sentence in document.answers)
    assert "PRAGMA optimize=0x10002 writes the same as ANALYZE" in document.answers[-1]
    assert document.beside[0].same_as == "full"


def test_writes_are_shown_and_not_compared() -> None:
    write = Case("write_log", {state: seen(0, (), 90) for state in Case().states}, (), kind="write")
    operation = statistics_document(matrix(Case(), write)).operations[1]
    assert (operation.comparisons, operation.not_timed) == ((), "not now")
    assert operation.states["none"].median_ns is None


def test_what_was_not_timed_is_inconclusive_with_its_reason() -> None:
    quiet = Case("events_recent", times_ns=())
    unlike = Case("logs_recent", difference="the answers differ")
    document = statistics_document(matrix(Case(), quiet, unlike))
    pair = pair_of(document, "events_recent", "full")
    assert (pair.verdict, pair.cause) == ("inconclusive", "not now")
    pair = pair_of(document, "logs_recent", "full")
    assert (pair.verdict, pair.cause) == ("inconclusive", "the answers differ")


def test_too_few_rounds_are_inconclusive() -> None:
    document = statistics_document(matrix(Case(), Case("events_recent", rounds=3)))
    pair = pair_of(document, "events_recent", "full")
    assert pair.verdict == "inconclusive"
    assert "at least 6 rounds" in pair.cause


def test_a_matrix_needs_the_state_that_others_are_held_against() -> None:
    with pytest.raises(BenchError, match="measure the state none"):
        statistics_document(matrix(Case(), states=(FULL,)))


@given(st.integers(1, 10**7), st.integers(1, 10**7))
@example(12, 120)
def test_only_a_factor_of_ten_is_misestimated(told: int, true: int) -> None:
    sentence = misestimate(BY_TYPE, {TYPE: told}, {TYPE: true})
    assert (sentence is not None) == (true >= 10 * told)
    if sentence is not None:
        assert f"{told:,}" in sentence
        assert f"{true:,}" in sentence


def test_ranges_and_unknown_indexes_are_not_misestimated() -> None:
    assert misestimate(BY_TIME, {TIME: 1}, {TIME: 1000}) is None
    assert misestimate(BY_TYPE, {}, {}) is None
    assert "guesses 10 rows" in str(misestimate(BY_TYPE, {}, {TYPE: 12_500}))


@pytest.fixture(scope="module")
def migrated(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop with the migration's indexes: a private file."""
    path = tmp_path_factory.mktemp("matrix") / "after.db"
    path.write_bytes(seeded.read_bytes())
    connection = connect(path)
    migrate.apply(connection, ("0001_baseline", "0002_safe_migration"))
    connection.close()
    return path


def hash_of(path: Path) -> list[tuple[object, ...]]:
    """What the schema and the statistics hold; the tables of statistics may be new and empty."""
    connection = connect(path)
    try:
        kept = capture(connection).rows
        rows = connection.execute("SELECT rowid, type, name, sql FROM sqlite_schema").fetchall()
        return [*kept, *[row for row in rows if not str(row[2]).startswith("sqlite_stat")]]
    finally:
        connection.close()


def test_each_state_is_gathered_as_a_user_would(migrated: Path) -> None:
    gathered = gathering.gather(migrated, (*gathering.STATES, *gathering.BESIDE))
    found = {one.spec.name: one for one in gathered}
    assert found["none"].statistics.empty
    assert found["none"].duration_ns == 0
    assert all(one.duration_ns > 0 for name, one in found.items() if name != "none")
    assert not found["optimize"].statistics.has_samples
    assert not found["limited"].statistics.has_samples
    assert not found["full"].statistics.has_samples
    assert found["samples"].statistics.has_samples
    # The limit makes a low-cardinality index look selective; counting all rows does not.
    told, true = found["optimize"].rows_per_key[TYPE], found["full"].rows_per_key[TYPE]
    assert told * 2 < true
    assert found["limited"].rows_per_key[TYPE] == told
    # The mask that leaves the limit's bit out counts everything.
    assert measuring.same_as(gathered, found["optimize_on_open"]) == "samples"
    assert measuring.same_as(gathered, found["samples"]) is None


def test_gathering_leaves_no_statistics(migrated: Path) -> None:
    gathering.gather(migrated, gathering.STATES[:2])
    connection = connect(migrated)
    try:
        assert connection.execute("SELECT count(*) FROM sqlite_stat1").fetchall() == [(0,)]
        assert connection.pragma("integrity_check") == "ok"
    finally:
        connection.close()


def test_the_whole_matrix_is_measured(migrated: Path) -> None:
    study = load_study()
    wanted = ("events_by_type_since", "products_newest", "write_log")
    few = replace(study, quick_rounds=7, operations=tuple(study.operation(name) for name in wanted))
    said: list[str] = []
    plan = Plan(SCALE)
    before = hash_of(migrated)
    found = measuring.measure_planner_statistics(
        migrated,
        few,
        partial(sample_parameters, plan),
        DATASET,
        seed=plan.seed,
        progress=said.append,
    )
    document = statistics_document(found)
    assert [operation.name for operation in document.operations] == list(wanted)
    assert [operation.kind for operation in document.operations] == ["read", "read", "write"]
    for operation in document.operations:
        assert set(operation.states) == {"none", "optimize", "limited", "full", "samples"}
        assert all(seen.vm_steps > 0 for seen in operation.states.values())
        assert not operation.states["none"].flipped
        timed = [seen.median_ns for seen in operation.states.values()]
        assert all(timed) if operation.kind == "read" else set(timed) == {None}
    assert document.answers[0].startswith("The step that D1 advises")
    assert document.noise_floor.operations.keys() == {
        "events_by_type_since",
        "products_newest",
    }
    assert any("gathering" in text for text in said)
    assert hash_of(migrated) == before
