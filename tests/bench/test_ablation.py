"""Ablation: effects and verdicts from made-up counters and times, and one whole measurement."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.ablation import differs, measure_ablation
from bench.engines.sqlite.index_hiding import PrivateFile, sought_columns
from bench.engines.sqlite.schema import indexes
from bench.judge.ablation import ablation_document
from bench.judge.ablation_effects import (
    ALL,
    NONE,
    AblationRecord,
    IndexFacts,
    IndexPair,
    by_counters,
    only,
    pairs_of,
    without,
)
from bench.judge.evidence import Observed, Paired, Seen, floor
from bench.judge.records import Counters
from bench.results.ablation import Ablation, IndexAblation, IndexEffect, OperationAblation
from bench.study import Study, load_study
from reference_app import migrate
from reference_app.database import connect
from seeds import ledger
from seeds import plan as seeds_plan
from seeds.manifest import read_manifest
from tests.bench.fixtures.judged import DATASET

A, B = "idx_a", "idx_b"
READ, OTHER, CONTROL, WRITE = "events_recent", "events_for_user", "order_detail", "track_events"
STATES = (ALL, NONE, without(A), only(A), without(B), only(B), without(A, B))
QUIET = (1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0)


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study()


def seen(
    program: int, steps: int, *opened: str, sorts: int = 0, fullscan: int = 0, line: str = ""
) -> Seen:
    return Seen(
        counters=Counters(steps, fullscan, sorts, 0, 10),
        plan=(line or f"PLAN {program}",),
        answer="same",
        program=program,
        samples=False,
        opened=frozenset(opened),
        duration_ns=1000,
    )


def observed(name: str, states: Mapping[str, Seen], **left: Any) -> Observed:
    """An operation in all states; `rest` is what those not named give."""
    rest = states["rest"]
    return Observed(
        name, left.pop("kind", "read"), {state: states.get(state, rest) for state in STATES}, **left
    )


def paired(name: str, operation: Observed, times_ns: Mapping[int, float]) -> Paired:
    """Seven steady rounds of three draws in a lane for each program."""

    def rounds(typical_ns: float) -> tuple[tuple[int, ...], ...]:
        return tuple((round(typical_ns * share),) * 3 for share in QUIET)

    lanes = {state: one.program for state, one in operation.states.items()}
    fastest = min(times_ns, key=lambda lane: times_ns[lane])
    return Paired(
        operation=name,
        series_of=lanes,
        rounds={lane: rounds(typical) for lane, typical in times_ns.items()},
        executions_ns={lane: (round(typical),) for lane, typical in times_ns.items()},
        control_of=fastest,
        control=rounds(times_ns[fastest])[::-1],
    )


def facts(name: str, *, table: str = "t", columns: tuple[str, ...] = ("c",)) -> IndexFacts:
    return IndexFacts(name, table, columns, sought_by=(READ,))


def judged(
    study: Study,
    operations: list[Observed],
    timed: list[Paired] | None = None,
    indexes: tuple[IndexFacts, ...] | None = None,
) -> Ablation:
    return ablation_document(
        AblationRecord(
            study=study,
            dataset=DATASET,
            arm="after",
            sqlite_version="3.54.1",
            indexes=indexes or (facts(A), facts(B, columns=("d",))),
            pairs=(IndexPair((A, B), "They were made up."),),
            operations=tuple(operations),
            timed=tuple(timed or ()),
        )
    )


def index(document: Ablation, name: str) -> IndexAblation:
    return next(one for one in document.indexes if one.name == name)


def row(document: Ablation, operation: str) -> OperationAblation:
    return next(one for one in document.operations if one.name == operation)


def cell(document: Ablation, operation: str, name: str) -> IndexEffect:
    return row(document, operation).cells[name]


# A is searched; without it the table is scanned.
HELPED = {
    "rest": seen(0, 100, "t", A),
    without(A): seen(1, 5000, "t", sorts=1, fullscan=999, line="SCAN t"),
    NONE: seen(1, 5000, "t", sorts=1, fullscan=999, line="SCAN t"),
    only(B): seen(1, 5000, "t", sorts=1, fullscan=999, line="SCAN t"),
    without(A, B): seen(1, 5000, "t", sorts=1, fullscan=999, line="SCAN t"),
}
# A is taken, and B would serve far better.
HARMED = {
    "rest": seen(0, 9000, "t", A),
    without(A): seen(1, 200, "t", B, line="SEARCH t USING INDEX idx_b"),
    only(B): seen(1, 200, "t", B, line="SEARCH t USING INDEX idx_b"),
    NONE: seen(2, 12000, "t", line="SCAN t"),
    without(A, B): seen(2, 12000, "t", line="SCAN t"),
}


def test_an_index_whose_loss_costs_steps_pays(study: Study) -> None:
    operation = observed(READ, HELPED)
    document = judged(study, [operation], [paired(READ, operation, {0: 1000, 1: 40_000})])
    found = cell(document, READ, A)
    assert (found.effect, found.confirmed) == ("helps", True)
    assert found.steps_ratio == 50
    assert found.speedup == pytest.approx(40)
    assert found.ci95[0] > 35
    assert found.without.median_ns == 40_000
    assert found.alone.median_ns == 1000
    assert found.reason.startswith(
        f"Without {A}, {READ} takes 5,000 steps instead of 100 and 40 times as long"
    )
    assert found.reason.endswith("The plan then says: SCAN t.")
    pays = index(document, A)
    assert (pays.verdict, pays.helps, pays.harms) == ("pays", (READ,), ())
    assert A in pays.reason
    assert READ in pays.reason


def test_an_index_whose_loss_spares_steps_is_harmful(study: Study) -> None:
    operation = observed(READ, HARMED)
    document = judged(study, [operation], [paired(READ, operation, {0: 90_000, 1: 900, 2: 90_000})])
    found = cell(document, READ, A)
    assert (found.effect, found.confirmed) == ("harms", True)
    assert found.speedup < 0.02
    assert "100 times as fast" in found.reason
    assert index(document, A).verdict == "harmful"
    assert cell(document, READ, B).effect == "masked"
    both = document.pairs[0]
    assert both.operations[READ].effect == "helps"
    assert f"only as long as {B} is there" in both.reason


def test_an_index_that_does_both_is_mixed(study: Study) -> None:
    document = judged(study, [observed(READ, HELPED), observed(OTHER, HARMED)])
    found = index(document, A)
    assert (found.verdict, found.helps, found.harms) == ("mixed", (READ,), (OTHER,))
    assert cell(document, READ, A).confirmed is None
    assert cell(document, READ, A).speedup is None
    assert READ in found.reason
    assert OTHER in found.reason


def test_times_decide_against_counters_and_the_reason_says_so(study: Study) -> None:
    """Fewer steps, each of which looks a row up somewhere else, can take far longer."""
    operation = observed(
        READ,
        {
            "rest": seen(0, 8000, "t", A),
            **dict.fromkeys(
                (without(A), NONE, only(B), without(A, B)), seen(1, 10_000, "t", sorts=1)
            ),
        },
    )
    document = judged(study, [operation], [paired(READ, operation, {0: 4_000_000, 1: 800_000})])
    found = cell(document, READ, A)
    assert found.steps_ratio == 1.25
    assert (found.effect, found.confirmed) == ("harms", True)
    assert "takes more steps (10,000 instead of 8,000) and yet is 5 times as fast" in found.reason
    assert "these steps are cheap, so the times decide" in found.reason
    assert index(document, A).verdict == "harmful"
    # The same counters without times are taken at their word.
    assert cell(judged(study, [operation]), READ, A).effect == "helps"


def test_times_that_do_not_decide_leave_the_counters_unconfirmed(study: Study) -> None:
    operation = observed(READ, HELPED)
    document = judged(study, [operation], [paired(READ, operation, {0: 1000, 1: 1010})])
    found = cell(document, READ, A)
    assert (found.effect, found.confirmed) == ("helps", False)
    assert f"The times do not confirm it for {READ}." in index(document, A).reason


def test_steps_within_two_percent_are_no_effect(study: Study) -> None:
    close = {"rest": seen(0, 1000, "t", A), without(A): seen(1, 1019, "t")}
    operation = observed(READ, close)
    found = cell(judged(study, [operation]), READ, A)
    assert (found.effect, found.reason, found.steps_ratio) == ("none", None, 1.019)
    # Unless the clock tells them apart.
    timed = paired(READ, operation, {0: 1000, 1: 3000})
    found = cell(judged(study, [operation], [timed]), READ, A)
    assert (found.effect, found.confirmed) == ("helps", True)
    assert "about as many steps (1,019 instead of 1,000)" in found.reason


@pytest.mark.parametrize("burden", ["sorts", "fullscan"])
def test_a_sort_or_a_full_scan_that_appears_is_an_effect(burden: str) -> None:
    plain, burdened = seen(0, 1000), seen(1, 1000, **{burden: 1})  # type: ignore[arg-type]
    assert by_counters(plain, burdened) == "helps"
    assert by_counters(burdened, plain) == "harms"
    assert by_counters(plain, plain) == "none"


@given(have=st.integers(1, 10**9), lack=st.integers(1, 10**9))
def test_counters_read_backwards_say_the_opposite(have: int, lack: int) -> None:
    forth = by_counters(seen(0, have), seen(1, lack))
    back = by_counters(seen(0, lack), seen(1, have))
    assert {forth, back} in ({"helps", "harms"}, {"none"})
    assert (forth == "helps") == (lack / have > 1.02)


def test_indexes_that_stand_in_for_each_other_show_as_a_pair(study: Study) -> None:
    twins = {
        "rest": seen(0, 100, "t", A),
        without(A): seen(1, 100, "t", B),
        only(B): seen(1, 100, "t", B),
        NONE: seen(2, 5000, "t", line="SCAN t"),
        without(A, B): seen(2, 5000, "t", line="SCAN t"),
    }
    document = judged(study, [observed(READ, twins)])
    assert cell(document, READ, A).effect == "masked"
    for name in (A, B):
        found = index(document, name)
        assert found.verdict == "dead weight"
        assert "one of the two is enough" in found.reason
    pair = document.pairs[0]
    assert pair.operations[READ].effect == "helps"
    assert pair.operations[READ].steps_ratio == 50
    assert f"In {READ} each replaces the other" in pair.reason


def test_pairs_are_those_of_one_table_that_may_mask_each_other() -> None:
    one, longer = facts(A), facts(B, columns=("c", "d"))
    assert [pair.names for pair in pairs_of([one, longer], [])] == [(A, B)]
    assert "begins with the columns" in pairs_of([one, longer], [])[0].why
    other = facts(B, columns=("d",))
    assert pairs_of([one, other], []) == ()
    assert pairs_of([one, replace(longer, table="u")], [observed(READ, HARMED)]) == ()
    in_turn = pairs_of([one, other], [observed(READ, HARMED)])
    assert in_turn[0].why == f"The planner takes one where it lacks the other: {READ}."
    # Two indexes of one plan do not replace each other, and writes open all of them.
    together = {"rest": seen(0, 100, "t", A, B), NONE: seen(1, 900, "t")}
    assert pairs_of([one, other], [observed(READ, together)]) == ()
    left = {**together, without(A): seen(2, 500, "t", B)}
    assert pairs_of([one, other], [observed(READ, left)]) == ()
    assert pairs_of([one, other], [observed(WRITE, HARMED, kind="write")]) == ()


def test_what_no_plan_takes_is_dead_weight_and_tells_what_it_costs(study: Study) -> None:
    written = observed(
        WRITE, {"rest": seen(0, 410, "t"), without(A): seen(1, 369), NONE: seen(2, 300)},
        kind="write",
    )  # fmt: skip
    document = judged(study, [observed(READ, {"rest": seen(0, 100, "t")}), written])
    found = index(document, A)
    assert found.verdict == "dead weight"
    assert f"The planner takes {A} in no state" in found.reason
    assert found.write_vm_steps == {WRITE: 41}
    assert "It adds 41 steps to each track_events." in found.reason
    assert index(document, B).write_vm_steps == {}
    assert "it takes space alone" in index(document, B).reason
    assert row(document, WRITE).cells == {}


def test_what_no_operation_looks_for_is_untested(study: Study) -> None:
    nobody = (replace(facts(A), sought_by=()), facts(B))
    document = judged(study, [observed(READ, {"rest": seen(0, 100, "t")})], indexes=nobody)
    found = index(document, A)
    assert found.verdict == "untested"
    assert "are not in the study" in found.reason
    assert index(document, B).verdict == "dead weight"


def test_answers_that_differ_are_not_judged(study: Study) -> None:
    document = judged(study, [observed(READ, HELPED, difference="They differ.")])
    assert "They differ." in document.limits
    assert document.operations[0].cells == {}
    assert index(document, A).helps == ()


def test_a_control_that_moves_is_said(study: Study) -> None:
    document = judged(study, [observed(CONTROL, HELPED)])
    assert any(f"The control {CONTROL} is moved by {A}" in text for text in document.limits)
    assert not any("control" in text for text in judged(study, []).limits)


def test_without_times_there_is_no_floor() -> None:
    _, noise = floor([])
    assert noise.floor == 0
    assert noise.operations == {}


def test_an_operation_that_is_all_the_same_needs_no_times() -> None:
    assert not differs(observed(READ, {"rest": seen(0, 100)}))
    assert differs(observed(READ, HELPED))
    close = {"rest": seen(0, 100, line="one"), NONE: seen(1, 101, line="other")}
    assert differs(observed(READ, close))


def test_a_column_is_sought_where_rows_are_chosen_by_it(seeded: Path) -> None:
    connection = connect(seeded, query_only=True)
    try:
        found = sought_columns(
            connection,
            [
                "SELECT size, p.price_cents FROM products AS p JOIN images AS i"
                " ON i.entity_id = p.id WHERE p.status = :status ORDER BY p.created_at"
            ],
            {"status": "available"},
        )
        assert connection.authorizer is None
    finally:
        connection.close()
    assert {("products", "status"), ("products", "created_at"), ("images", "entity_id")} <= found
    assert ("products", "size") not in found
    assert ("products", "price_cents") not in found


@pytest.fixture(scope="module")
def measured(
    seeded: Path, study: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AblationRecord, Path, list[str]]:
    """One whole measurement; one write and the events, so that it stays short."""
    path = tmp_path_factory.mktemp("ablation") / "after.db"
    shutil.copy(seeded, path)
    connection = connect(path)
    base = [index.name for index in indexes(connection)]
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    ledger.fill_after_tables(connection, source=seeded)
    connection.close()
    chosen = (
        "products_by_size", "products_newest", "order_detail", "events_count_by_type_since",
        "events_by_type_since", "events_recent", "rollup_of_type", "track_events",
    )  # fmt: skip
    short = replace(
        study, quick_rounds=7, operations=tuple(study.operation(name) for name in chosen)
    )
    said: list[str] = []
    record = measure_ablation(
        short, path, base, partial(seeds_plan.sample_parameters, read_manifest(seeded).plan()),
        seed=1, dataset=DATASET, progress=said.append,
    )  # fmt: skip
    return record, path, said


@pytest.fixture(scope="module")
def document(measured: tuple[AblationRecord, Path, list[str]]) -> Ablation:
    return ablation_document(measured[0])


def test_the_indexes_judged_are_those_that_the_base_lacks(document: Ablation) -> None:
    assert len(document.indexes) == 14
    assert all(one.bytes > 0 for one in document.indexes)
    assert index(document, "idx_images_entity").columns == ("entity_type", "entity_id")


def test_the_known_harm_and_the_known_gain_are_found(document: Ablation) -> None:
    harmed = cell(document, "events_count_by_type_since", "idx_analytics_event_type")
    assert harmed.effect == "harms"
    assert harmed.steps_ratio < 0.2
    assert "idx_analytics_timestamp" in harmed.without.plan[0]
    helped = cell(document, "events_recent", "idx_analytics_timestamp")
    assert helped.effect == "helps"
    assert helped.steps_ratio > 100
    assert index(document, "idx_analytics_timestamp").verdict == "pays"
    assert index(document, "idx_products_size").verdict == "pays"
    assert "events_count_by_type_since" in index(document, "idx_analytics_event_type").harms


def test_controls_show_no_effect(document: Ablation) -> None:
    for name in ("products_newest", "order_detail"):
        control = row(document, name)
        assert control.control
        assert {found.effect for found in control.cells.values()} == {"none"}
        assert {found.steps_ratio for found in control.cells.values()} == {1.0}


def test_indexes_that_answer_one_operation_in_turn_are_paired(document: Ablation) -> None:
    pairs = {pair.indexes: pair for pair in document.pairs}
    events = pairs["idx_analytics_event_type", "idx_analytics_timestamp"]
    both = events.operations["events_by_type_since"]
    assert both.without_both.plan[0].startswith("SCAN analytics_events")
    assert ("idx_analytics_daily_date", "idx_analytics_daily_type") in pairs
    assert all("idx_products_size" not in names for names in pairs)


def test_every_index_of_a_table_taxes_its_write(document: Ablation) -> None:
    for one in document.indexes:
        taxed = one.table == "analytics_events"
        assert (one.write_vm_steps.get("track_events", 0) > 0) == taxed


def test_what_no_chosen_operation_asks_for_is_untested(document: Ablation) -> None:
    assert index(document, "idx_stock_moves_order").verdict == "untested"
    assert index(document, "idx_logs_created").verdict == "untested"


def test_the_document_is_json_and_its_file_is_whole_again(
    measured: tuple[AblationRecord, Path, list[str]], document: Ablation
) -> None:
    _, path, said = measured
    written = json.loads(json.dumps(document.json_values()))
    assert Ablation.read(written, name="ablation", command="evidence") == document
    assert document.noise_floor.operations.keys() >= {"events_recent"}
    assert f"observing {without('idx_products_size')}" in said
    assert "timing events_recent" in said
    with PrivateFile(path) as file:
        assert len(file.indexes) == len({one.name for one in file.indexes})
    connection = connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()
