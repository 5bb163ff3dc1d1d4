"""Raw answers as what is judged and drawn: nothing is lost, nothing of the warm-up is counted."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load import blocks, documents
from bench.load.ab_test import Block, LoadOutcome, LoadProfile
from bench.load.generator import GeneratorResult
from bench.load.invariants import Checked
from bench.load.records import GOOD, UNSENT, Answer, Answers, columns
from bench.load.schedule import Schedule, ScheduledRequest
from bench.load.sending import Sent
from bench.load.servers import Placement
from bench.results.load import Load
from bench.study import load_study
from bench.study.service import Request
from tests.bench.fixtures.judged import DATASET

MS = 1_000_000
PROFILE = LoadProfile(rate_per_second=10, seconds=3, warm_up_seconds=1, groups=1)
COUNTED = ("requests", "statements", "vm_steps", "fullscan_steps", "sorts", "autoindexes")


def answer(name: str, due_ms: float, waits_ms: float, error: str = GOOD, late_ms: float = 0):  # type: ignore[no-untyped-def]
    due_ns, late_ns = round(due_ms * MS), round(late_ms * MS)
    if error == UNSENT:
        return Answer(name, due_ns, due_ns, due_ns, 0, error)
    return Answer(
        name, due_ns, due_ns + late_ns, due_ns + late_ns + round(waits_ms * MS), 200, error
    )


def played(answers: Answers) -> GeneratorResult:
    return GeneratorResult(
        answers=answers, seconds=4.0, cpu_share=0.1, cpu_s=0.4, connections=1,
        begun_ns=0, begun_at_ns=0,
    )  # fmt: skip


def outcome(*lanes: tuple[str, Answers], counters: dict[str, dict[str, int]] | None = None):  # type: ignore[no-untyped-def]
    names = sorted({name for _, answers in lanes for name in answers.name})
    schedule = Schedule(
        tuple(ScheduledRequest(n, name, Request("GET", f"/{name}")) for n, name in enumerate(names))
    )
    made = tuple(
        Block(
            lane, 0, place, Sent(7, played(answers), 0.5, counters or {}, 0, Checked(("rule",), ()))
        )
        for place, (lane, answers) in enumerate(lanes)
    )
    return LoadOutcome(
        ("a", "b"), PROFILE, MappingProxyType({}), (schedule,), made, Placement(None, None), True
    )


ANSWERS = st.lists(
    st.builds(
        answer,
        st.sampled_from(["x", "y", "checkout: 409"]),
        st.floats(0, 4000),
        st.floats(0.01, 3000),
        st.sampled_from([GOOD, GOOD, GOOD, UNSENT, "timed out", "status 503"]),
        st.sampled_from([0.0, 0.0, 9.0, 11.0]),
    ),
    max_size=60,
)


@given(ANSWERS)
def test_every_counted_slot_is_a_time_or_an_error(rows: list[Answer]) -> None:
    [block] = blocks.load_blocks(outcome(("a", columns(rows))))
    counted = [row for row in rows if row.due_ns >= 1000 * MS]
    assert sum(block.scheduled.values()) == len(counted)
    for name, slots in block.scheduled.items():
        good = len(block.since_due_ns.get(name, ()))
        assert good + sum(block.errors.get(name, {}).values()) == slots
        assert len(block.service_ns.get(name, ())) == good
    assert block.missed == sum(row.error == UNSENT for row in counted)
    assert block.late == sum(
        row.error != UNSENT and row.sent_ns - row.due_ns > 10 * MS for row in counted
    )


def test_what_came_in_the_warm_up_is_not_counted() -> None:
    rows = [answer("x", 999.999, 5), answer("x", 1000, 6), answer("x", 1001, 7, "timed out")]
    [block] = blocks.load_blocks(outcome(("a", columns(rows))))
    assert block.since_due_ns == {"x": (6 * MS,)}
    assert block.scheduled == {"x": 2}
    assert block.errors == {"x": {"timed out": 1}}


def test_time_since_due_holds_what_the_generator_was_late_by() -> None:
    [block] = blocks.load_blocks(outcome(("a", columns([answer("x", 1500, 5, late_ms=20)]))))
    assert block.since_due_ns == {"x": (25 * MS,)}
    assert block.service_ns == {"x": (5 * MS,)}
    assert block.late == 1


def test_a_server_that_answers_on_after_the_schedule_has_taken_that_long() -> None:
    in_time = columns([answer("x", 3900, 50)])
    behind = columns([answer("x", 3900, 2100)])
    first, second = blocks.load_blocks(outcome(("a", in_time), ("b", behind)))
    assert (first.seconds, second.seconds) == (3.0, 5.0)
    # Nothing that was given up makes it longer.
    lost = columns([answer("x", 3900, 9000, "timed out")])
    assert blocks.load_blocks(outcome(("a", lost)))[0].seconds == 3.0


def test_each_operation_gets_its_endpoints_counters() -> None:
    counted = {"GET /x": dict.fromkeys(COUNTED, 3), "job": dict.fromkeys(COUNTED, 9)}
    [block] = blocks.load_blocks(
        outcome(("a", columns([answer("x", 1, 1), answer("y", 1, 1)])), counters=counted)
    )
    assert block.counters == {"x": dict.fromkeys(COUNTED, 3)}


@pytest.mark.parametrize(
    ("request_line", "endpoint"),
    [
        ("GET /products", "GET /products"),
        ("GET /products?size=9%2F10", "GET /products?size="),
        ("GET /products?size=9&category=BN-SHOES", "GET /products?category=&size="),
        ("GET /products?size=", "GET /products?size="),
        ("GET /products/17", "GET /products/{product_id}"),
        ("GET /products/new", "GET /products/new"),
        ("POST /products", "POST /products"),
        ("GET /products/17/x", None),
        ("GET /productsX17", None),
        ("GET /products?page=2", None),
    ],
)
def test_a_request_finds_its_endpoint(request_line: str, endpoint: str | None) -> None:
    known = [
        "GET /products", "GET /products?size=", "GET /products?category=&size=",
        "GET /products/{product_id}", "GET /products/new", "POST /products", "job",
    ]  # fmt: skip
    method, path = request_line.split(" ")
    assert blocks.endpoint_of(Request(method, path), known) == endpoint


def test_only_operations_with_enough_answers_have_a_curve() -> None:
    rows = [answer("x", 1000 + n, 5) for n in range(100)]
    rows += [answer("y", 1000 + n, 5) for n in range(99)]
    curves = blocks.curves(outcome(("a", columns(rows)), ("b", columns(rows[:50]))))
    assert curves["a"].keys() == {"all", "x"}
    assert curves["b"].keys() == {"all"}


def test_a_timeline_shows_each_second_and_the_medians_of_blocks() -> None:
    one = columns([answer("x", 100, 10), answer("x", 900, 200), answer("x", 1500, 10, "timed out")])
    other = columns([answer("x", 100, 30), answer("x", 1500, 10)])
    found = blocks.timelines(outcome(("a", one), ("a", other), ("b", other)))
    first, second = found["a"]
    assert (first.second, second.second) == (0, 1)
    # One answer of the first block came in the next second, but was due in this one.
    assert first.requests_per_second == 1.0
    assert second.requests_per_second == 1.0
    assert first.p50_ns == round(((10 + 200) / 2 + 30) / 2 * MS)
    assert second.p50_ns == 10 * MS
    assert second.errors == 0.5
    assert found["b"][0].p50_ns == 30 * MS


def test_a_second_without_answers_has_no_latency() -> None:
    found = blocks.timelines(outcome(("a", columns([answer("x", 100, 2500)])), ("b", columns([]))))
    assert [entry.p50_ns for entry in found["a"]] == [2500 * MS, None, None]
    assert [entry.requests_per_second for entry in found["a"]] == [0, 0, 1]
    assert found["b"] == ()


def test_a_document_is_made_of_what_was_played() -> None:
    rows = columns(
        [answer("x", 1000 + 10 * n, 5) for n in range(120)] + [answer("y", 1500, 5, "timed out")]
    )
    cost = {
        "rate_per_second": 100.0, "p50_ns": 3, "p99_ns": 5, "service_p50_ns": 2,
        "service_p99_ns": 4, "behind_p50_ns": 1, "behind_p99_ns": 1, "cpu_ns_per_request": 9,
        "cpu_share": 0.1,
    }  # fmt: skip
    made = documents.load_document(
        outcome(*((lane, rows) for lane in ("a", "b", "b", "a"))), load_study(),
        limits=[], without=["stock_history"], dataset=DATASET, environment={}, own_cost=cost,
    )  # fmt: skip
    assert made.counts
    assert made.series == ("a", "b")
    assert made.judged.overall.lanes["b"].errors == {"timed out": 2}
    assert [block.errors for block in made.blocks] == [{"timed out": 1}] * 4
    assert made.limits[-1].endswith("has no table for it: stock_history.")
    assert Load.read(made.json_values(), name="load", command="load") == made
