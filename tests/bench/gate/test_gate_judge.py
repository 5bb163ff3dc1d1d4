"""bench.judge.gate*: the gate's two layers, on made-up measurements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.judge.format import percents_apart
from bench.judge.gate import (
    Gated,
    GateOperation,
    gate_document,
    incomparable_document,
)
from bench.judge.gate_answers import Answer, Differing
from bench.judge.gate_causes import written_table
from bench.judge.gate_exact import judge_exact
from bench.judge.gate_seen import Schema, Seen, work_of
from bench.judge.gate_times import Timed
from bench.results.gate import DifferentRow, Gate, GatedOperation, GateSide, GateSize
from bench.study.gate_limits import GateLimits, Limits
from tests.bench.fixtures.gate_rounds import around, timed

PLAN = ("SEARCH products USING INDEX idx_size (size=?)",)
SEEN = Seen(
    "http", 0, vm_steps=400, fullscan_steps=0, sorts=0, autoindexes=0, rows=24, statements=1,
    answer="a", plan=PLAN, texts={"SELECT 1": 1}, status=200,
)  # fmt: skip
SCHEMA = Schema({"idx_size": "products"}, analysed=True)
SIDE = GateSide(
    what="x", commit=None, dirty=False, content_hash="c", sqlite_version="3", python="3.11",
    schema_hash="s", arm="recommended",
)  # fmt: skip


def gated(*operations: GateOperation, limits: GateLimits | None = None, **more: Any) -> Gated:
    return Gated(
        "resale", SIDE, SIDE, GateSize(bytes=1, seed=1), (SCHEMA, SCHEMA), operations,
        limits or GateLimits(), **more,
    )  # fmt: skip


def operation(name: str = "op", **fields: Any) -> GateOperation:
    given = {"base": (SEEN,), "head": (SEEN,), "timed": timed(around(1.0), name=name)} | fields
    return GateOperation(name, name, "read", **({"in_base": True, "in_head": True} | given))


# The exact layer


def exact(head: Seen, limits: Limits | None = None, schema: Schema = SCHEMA) -> Any:
    found = judge_exact([SEEN], [head], limits or Limits(), (SCHEMA, schema))
    assert found is not None
    return found


def test_equal_counters_pass_without_a_word() -> None:
    found = exact(SEEN)
    assert (found.verdict, found.message, found.cause) == ("pass", None, None)
    assert found.comparison.changes == ()


def test_growth_within_the_limit_passes_and_beyond_it_does_not() -> None:
    many = replace(SEEN, vm_steps=4_000)
    for steps, verdict in ((4_080, "pass"), (4_081, "regression")):
        found = judge_exact([many], [replace(many, vm_steps=steps)], Limits(), (SCHEMA, SCHEMA))
        assert found is not None
        assert found.verdict == verdict
    assert found.message == "4,081 steps of SQLite instead of 4,000 (1.02 times)."
    assert exact(replace(SEEN, vm_steps=480), Limits(vm_steps=0.2)).verdict == "pass"


@pytest.mark.parametrize(
    ("base", "head", "limits", "growth"),
    [
        # Hardly any steps, and what a share of nothing would forbid.
        ({"vm_steps": 23}, {"vm_steps": 25}, {}, "same"),
        ({"vm_steps": 23}, {"vm_steps": 44}, {}, "more"),
        ({"vm_steps": 23}, {"vm_steps": 25}, {"steps": 0}, "more"),
        ({"vm_steps": 20}, {"vm_steps": 19, "sorts": 1}, {}, "same"),
        ({"vm_steps": 20}, {"vm_steps": 19, "statements": 2}, {}, "more"),
        ({}, {"fullscan_steps": 20}, {}, "same"),
        ({}, {"fullscan_steps": 21}, {}, "more"),
        # Numbers, not shares.
        ({}, {"sorts": 1}, {}, "more"),
        ({}, {"sorts": 1}, {"sorts": 1}, "same"),
        ({"sorts": 1}, {"sorts": 3}, {"sorts": 1}, "more"),
        ({}, {"statements": 3}, {"statements": 2}, "same"),
        ({}, {"autoindexes": 50}, {"autoindexes": 50}, "same"),
        ({}, {"autoindexes": 51}, {"autoindexes": 50}, "more"),
        # Steps that fell so far that nothing outweighs them, and the same the other way round.
        ({"vm_steps": 643_972}, {"vm_steps": 89, "sorts": 1}, {}, "less"),
        ({"vm_steps": 180_226, "sorts": 1}, {"vm_steps": 441, "sorts": 18}, {}, "less"),
        ({"vm_steps": 643_972}, {"vm_steps": 89, "statements": 2}, {}, "less"),
        ({"vm_steps": 4_000}, {"vm_steps": 89, "statements": 2}, {}, "mixed"),
        ({"vm_steps": 90, "sorts": 1}, {"vm_steps": 900}, {}, "more"),
        # Too little to outweigh a sort without a time.
        ({}, {"vm_steps": 90, "sorts": 1}, {}, "mixed"),
        ({"sorts": 1}, {"vm_steps": 900}, {}, "mixed"),
        ({}, {"vm_steps": 90, "fullscan_steps": 24}, {}, "less"),
        ({}, {"vm_steps": 90, "fullscan_steps": 24, "sorts": 1}, {}, "mixed"),
        # Scans and rows are among the steps: fewer of them are no gain where steps grew.
        ({"fullscan_steps": 300}, {"vm_steps": 900}, {}, "more"),
        ({"rows": 400}, {"vm_steps": 900}, {}, "more"),
    ],
)
def test_work_has_grown_by_one_rule_over_all_counters(
    base: dict[str, int], head: dict[str, int], limits: dict[str, int], growth: str
) -> None:
    found = work_of(replace(SEEN, **base), replace(SEEN, **head), Limits(**limits))  # type: ignore[arg-type]
    assert found.growth == growth


@pytest.mark.parametrize("counter", ["sorts", "autoindexes"])
def test_what_appears_is_a_regression(counter: str) -> None:
    assert exact(replace(SEEN, **{counter: 1})).verdict == "regression"


def test_what_outweighs_more_sorts_says_so() -> None:
    slow = replace(SEEN, vm_steps=643_972)
    found = judge_exact(
        [slow], [replace(slow, vm_steps=89, sorts=1, plan=("SCAN a",))], Limits(), (SCHEMA,) * 2
    )
    assert found is not None
    assert found.verdict == "improved"
    assert found.message == (
        "89 steps of SQLite instead of 643,972 (0.000138 times), though 1 sort instead of 0."
    )
    assert "dearer" not in str(found.cause)


@pytest.mark.parametrize(
    ("head", "time", "verdict"),
    [
        ({"sorts": 1}, 0.5, "improved"),
        ({"sorts": 1}, 1.0, "regression"),
        ({"sorts": 1, "vm_steps": 90}, 0.5, "improved"),
        ({"sorts": 1, "vm_steps": 90}, 1.0, "pass"),
        ({"sorts": 1, "vm_steps": 90}, 1.2, "regression"),
        ({"sorts": 1, "vm_steps": 90}, None, "inconclusive"),
        ({"answer": "b"}, 0.5, "regression"),
        ({"vm_steps": 90}, 1.2, "regression"),
    ],
)
def test_a_time_decides_what_counters_leave_open(
    head: dict[str, Any], time: float | None, verdict: str
) -> None:
    known = None if time is None else timed(around(time), around(time))
    made = operation(head=(replace(SEEN, **head),), timed=known)
    [entry] = gate_document(gated(made)).operations
    assert entry.verdict == verdict
    if verdict in ("improved", "pass", "inconclusive"):
        assert "1 sort instead of 0" in str(entry.message)
        assert entry.cause is None


def test_counters_against_each_other_count_as_grown_where_no_time_is_measured() -> None:
    made = operation(head=(replace(SEEN, sorts=1, vm_steps=90),), timed=None, time_wanted=False)
    [entry] = gate_document(gated(made)).operations
    assert entry.verdict == "regression"
    assert "none was measured" in str(entry.message)


def test_a_shorter_time_of_all_does_not_hide_a_draw_that_does_more() -> None:
    second = replace(SEEN, draw=1)
    made = operation(
        base=(SEEN, second), head=(replace(SEEN, vm_steps=4_000), replace(second, vm_steps=40)),
        timed=timed(around(0.5), around(0.5)),
    )  # fmt: skip
    [entry] = gate_document(gated(made)).operations
    assert entry.verdict == "regression"


TAXED = Schema({"idx_size": "products", "by customer": "Order Items"}, analysed=True)
WRITE = replace(
    SEEN, driver="sql", vm_steps=100, plan=(), answer=None, status=None, rows=1,
    texts={'INSERT INTO "Order Items" VALUES (1)': 1},
)  # fmt: skip


def taxed(
    head: Seen,
    limits: GateLimits | None = None,
    schema: Schema = TAXED,
    times: Timed | None = None,
) -> tuple[Gate, GatedOperation]:
    made = operation("place_order", base=(WRITE,), head=(head,), timed=times, time_wanted=False)
    made = replace(made, kind="write")
    document = gate_document(replace(gated(made, limits=limits), schemas=(SCHEMA, schema)))
    return document, document.operations[0]


def test_what_a_write_pays_for_a_new_index_is_told_first_and_allowed_to_a_limit() -> None:
    whole, found = taxed(replace(WRITE, vm_steps=190))
    assert (whole.verdict, found.verdict) == ("pass", "pass")
    assert whole.reasons[0].startswith(
        "A cost of place_order: It pays 90 steps of SQLite more for each execution (190 instead "
        "of 100, 1.9 times): what it writes goes into by customer on Order Items too"
    )
    _, dear = taxed(replace(WRITE, vm_steps=330))
    assert dear.verdict == "regression"
    assert "study.toml:\n[gate.operations.place_order]\nwrite_tax = 2.5" in str(dear.cause)
    accepted = GateLimits(operations={"place_order": Limits(write_tax=2.5)})
    assert taxed(replace(WRITE, vm_steps=330), accepted)[1].verdict == "pass"


def test_the_time_of_a_taxed_write_is_told_and_decides_nothing() -> None:
    whole, found = taxed(replace(WRITE, vm_steps=190), times=timed(around(3.0), name="place_order"))
    assert found.time is not None
    assert (whole.verdict, found.time.verdict) == ("pass", None)
    assert "It takes 3.000 times as long" in whole.reasons[0]
    assert whole.noise_floor.operations == {}
    untimed, _ = taxed(replace(WRITE, vm_steps=190))
    assert untimed.reasons[0].endswith("Its time was not measured.")


def test_what_is_no_upkeep_of_an_index_is_told_as_what_it_is() -> None:
    """A lost index, a write that is broken off, and a scan: none of them is a tax."""
    planned = replace(WRITE, vm_steps=190, plan=("SEARCH x USING INDEX i (c=?)",))
    for head in (planned, replace(WRITE, vm_steps=190, unfinished_s=1.0)):
        _, found = taxed(head)
        assert (found.verdict, found.cost) == ("regression", None)
    _, scanned = taxed(replace(WRITE, vm_steps=30_000, fullscan_steps=9_999))
    assert scanned.verdict == "regression"
    assert "write_tax" not in (scanned.cause or "")


def test_the_same_growth_of_a_write_without_a_new_index_is_a_regression() -> None:
    assert taxed(replace(WRITE, vm_steps=190), schema=SCHEMA)[1].verdict == "regression"
    other = replace(WRITE, vm_steps=190, texts={"INSERT INTO orders VALUES (1)": 1})
    assert taxed(other)[1].verdict == "regression"
    assert taxed(replace(WRITE, vm_steps=190, sorts=1))[1].verdict == "regression"
    assert taxed(replace(WRITE, vm_steps=190, statements=2))[1].verdict == "regression"
    assert taxed(replace(WRITE, vm_steps=100))[1].cost is None


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO orders(a) VALUES (1)", "orders"),
        ('INSERT OR IGNORE INTO main."Order Items" VALUES (1)', "order items"),
        ('update "a""b" set c = 1', 'a"b'),
        ("DELETE FROM [x y] WHERE 1", "x y"),
        ("REPLACE INTO `größe` VALUES (1)", "größe"),
        ("WITH n AS (SELECT 'INSERT INTO x') UPDATE t SET a = 1", "t"),
        ("/* new */ INSERT INTO --here\n t VALUES (1)", "t"),
        ("SELECT 'UPDATE t'", None),
        ('SELECT a AS "x" FROM t', None),
    ],
)
def test_the_table_that_a_statement_writes(sql: str, table: str | None) -> None:
    assert written_table(sql) == table


def test_unequal_shares_do_not_print_alike() -> None:
    assert percents_apart(0.0500004, 0.05) == ("5.00004%", "5.00000%")
    assert percents_apart(0.262, 0.05) == ("26.20%", "5.00%")


def test_a_loop_of_queries_is_named() -> None:
    texts = {"SELECT 1": 1, "SELECT * FROM images WHERE id = ?": 24}
    found = exact(replace(SEEN, statements=25, texts=texts, vm_steps=2_000))
    assert found.verdict == "regression"
    assert "25 statements instead of 1" in found.cause
    assert "24 times" in found.cause
    assert "N+1" in found.cause
    assert "FROM images" in found.cause


def test_a_lost_index_is_named_only_where_the_base_uses_it() -> None:
    scan = replace(SEEN, plan=("SCAN products",), vm_steps=90_000, fullscan_steps=9_999)
    without = Schema({}, analysed=True)
    assert "lacks the index idx_size" in exact(scan, schema=without).cause
    other = replace(SEEN, plan=("SCAN users",))
    found = judge_exact([other], [replace(other, vm_steps=900)], Limits(), (SCHEMA, without))
    assert found is not None
    assert found.cause is not None
    assert "idx_size" not in found.cause


def test_a_forgotten_analyze_is_named() -> None:
    worse = replace(SEEN, vm_steps=9_000)
    assert "ANALYZE was not run" in exact(worse, schema=replace(SCHEMA, analysed=False)).cause


def test_other_answers_are_a_regression_unless_allowed() -> None:
    swapped = exact(replace(SEEN, answer="b"))
    assert swapped.verdict == "regression"
    assert "in another order" in swapped.message
    longer = exact(replace(SEEN, answer="b", rows=900))
    assert "900 rows are read instead of 24" in longer.message
    assert "status 500 instead of 200" in exact(replace(SEEN, status=500)).message
    assert exact(replace(SEEN, answer="b"), Limits(answers=False)).verdict == "pass"


def test_a_changed_plan_with_no_worse_counter_is_said_and_not_failed() -> None:
    found = exact(replace(SEEN, plan=("SCAN products",)))
    assert found.verdict == "pass"
    assert "plan changed" in found.message
    assert found.comparison.plan_changed


def test_fewer_steps_are_an_improvement() -> None:
    assert exact(replace(SEEN, vm_steps=200)).verdict == "improved"


def test_counters_that_are_not_steady_decide_nothing() -> None:
    assert exact(replace(SEEN, steady=False, vm_steps=900)).verdict == "inconclusive"


def test_the_same_rows_in_another_order_are_ties_where_the_statements_are_the_same() -> None:
    base, head = replace(SEEN, bag="all"), replace(SEEN, bag="all", answer="b")
    for other, verdict in (
        (head, "inconclusive"),
        (replace(head, texts={"SELECT 2": 1}), "regression"),
        (replace(head, bag="others"), "regression"),
        (replace(head, bag=None), "regression"),
    ):
        found = judge_exact([base], [other], Limits(), (SCHEMA, SCHEMA))
        assert found is not None
        assert found.verdict == verdict
        assert ("unique last key" in str(found.message)) == (verdict == "inconclusive")
    steady = replace(base, depends="chance")
    found = judge_exact([steady], [replace(head, depends="chance")], Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(("depends", "said"), [("chance", "chance"), ("clock", "time of day")])
def test_answers_by_chance_or_clock_are_no_regression(depends: Any, said: str) -> None:
    one = replace(SEEN, depends=depends)
    for head in (one, replace(one, answer="b", vm_steps=9_000)):
        made = operation(base=(one,), head=(head,), timed=None, differs=Differing(0))
        [entry] = gate_document(gated(made)).operations
        assert entry.verdict == "inconclusive"
        assert said in str(entry.message)
    unhashed = replace(one, answer=None)
    found = judge_exact([unhashed], [unhashed], Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == "pass"


def test_a_side_that_cannot_run_it() -> None:
    broken = replace(SEEN, refused="no such table: products")
    assert exact(broken).verdict == "regression"
    assert "no such table" in exact(broken).message
    found = judge_exact([broken], [SEEN], Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == "inconclusive"


def test_the_draw_that_changed_most_stands_for_all() -> None:
    base = [replace(SEEN, draw=draw) for draw in range(3)]
    head = [base[0], replace(base[1], vm_steps=4_000), replace(base[2], vm_steps=900)]
    found = judge_exact(base, head, Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.comparison.head.vm_steps == 4_000


def test_nothing_in_common_is_none() -> None:
    assert judge_exact([], [SEEN], Limits(), (SCHEMA, SCHEMA)) is None


# The document


def test_all_passing_is_a_pass() -> None:
    document = gate_document(gated(operation("one"), operation("two")))
    assert (document.verdict, document.exit_code, document.reasons) == ("pass", 0, ())
    assert [one.verdict for one in document.operations] == ["pass", "pass"]


def test_an_exact_regression_comes_before_a_pass_in_time() -> None:
    document = gate_document(
        gated(operation("one"), operation("two", head=(replace(SEEN, sorts=1),)))
    )
    assert (document.verdict, document.exit_code) == ("regression", 1)
    two = document.operations[1]
    assert (two.verdict, two.layer) == ("regression", "exact")
    assert document.reasons[0] == "two: 1 sort instead of 0."


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ({}, {"vm_steps": 401}, "regression"),
        ({}, {"vm_steps": 400}, "inconclusive"),
        ({"vm_steps": 401}, {}, "improved"),
        ({"vm_steps": 400}, {}, "inconclusive"),
        ({"vm_steps": 10**6}, {"vm_steps": 10**9}, "inconclusive"),
    ],
)
def test_an_execution_that_was_broken_off_counts_for_what_it_did(
    base: dict[str, int], head: dict[str, int], verdict: str
) -> None:
    sides = [
        replace(SEEN, answer=None, status=None, unfinished_s=4.5, **given)
        if given
        else replace(SEEN, status=None)
        for given in (base, head)
    ]
    found = judge_exact([sides[0]], [sides[1]], Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == verdict
    assert "One execution may take 4.5 s here" in (found.message or "")
    assert "--budget-seconds" in (found.message or "")


def test_what_the_budget_has_no_room_for_is_decided_by_counters_or_says_what_it_takes() -> None:
    fewer = (replace(SEEN, vm_steps=20),)
    document = gate_document(
        gated(
            operation("alike", timed=None, too_slow_s=30.0),
            operation("quicker", timed=None, too_slow_s=30.0, head=fewer),
        )
    )
    alike, quicker = document.operations
    assert alike.verdict == "inconclusive"
    assert "about 30 s" in str(alike.message)
    assert "--budget-seconds 120" in str(alike.message)
    assert (quicker.verdict, quicker.layer) == ("improved", "exact")


def test_a_regression_in_time_alone_says_where_to_look() -> None:
    slow = timed(around(1.2), around(1.2))
    document = gate_document(gated(operation(timed=slow)))
    one = document.operations[0]
    assert (one.verdict, one.layer) == ("regression", "time")
    assert "1.200 times as long" in str(one.message)
    assert "outside of SQLite" in str(one.cause)


def test_an_undecided_time_is_no_pass() -> None:
    document = gate_document(gated(operation(timed=None)))
    assert (document.verdict, document.exit_code) == ("inconclusive", 3)
    calm = gate_document(gated(operation(timed=None, time_wanted=False)))
    assert calm.verdict == "pass"


def test_missing_and_new_operations_are_said() -> None:
    lost = operation("lost", in_head=False, timed=None)
    document = gate_document(gated(operation(), lost, operation("fresh", in_base=False)))
    assert [one.verdict for one in document.operations] == ["pass", "missing", "new"]
    assert document.exit_code == 3
    assert document.reasons[0].startswith("lost: ")
    allowed = GateLimits(operations={"lost": Limits(removed=True)})
    passed = gate_document(gated(operation(), lost, limits=allowed))
    assert passed.exit_code == 0
    assert "limits allow" in passed.reasons[0]


def test_nothing_on_both_sides_is_inconclusive() -> None:
    document = gate_document(gated(operation(in_base=False)))
    assert document.exit_code == 3
    assert "nothing was compared" in document.reasons[0]


def test_sides_that_cannot_be_compared() -> None:
    document = incomparable_document(gated(), ["Their data differ."])
    assert (document.verdict, document.exit_code) == ("incomparable", 4)
    assert document.reasons == ("Their data differ.",)


def test_lost_and_new_indexes_and_statistics_are_noted() -> None:
    other = Schema({"idx_new": "orders"}, analysed=False)
    notes = gate_document(replace(gated(operation()), schemas=(SCHEMA, other))).notes
    assert any("lacks the index idx_size" in note for note in notes)
    assert any("idx_new on orders, which is new" in note for note in notes)
    assert any("Only the base's database has statistics" in note for note in notes)


# What must not slip through


UNHASHED = replace(SEEN, driver="sql", answer=None, status=None, rows=10)


@pytest.mark.parametrize("rows", [0, 9, 11])
def test_rows_stand_for_an_answer_that_nobody_hashed(rows: int) -> None:
    found = judge_exact((UNHASHED,), (replace(UNHASHED, rows=rows),), Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == "regression"
    assert f"{rows} rows instead of 10" in str(found.message)


def test_fewer_rows_of_an_equal_answer_are_better_and_of_an_allowed_one_too() -> None:
    fewer = judge_exact((SEEN,), (replace(SEEN, rows=1),), Limits(), (SCHEMA, SCHEMA))
    assert fewer is not None
    assert fewer.verdict == "improved"
    allowed = judge_exact(
        (UNHASHED,), (replace(UNHASHED, rows=1),), Limits(answers=False), (SCHEMA, SCHEMA)
    )
    assert allowed is not None
    assert allowed.verdict == "improved"


def test_a_pair_that_may_differ_hides_no_other() -> None:
    second = replace(SEEN, draw=1)
    head = (replace(SEEN, answer="b"), replace(second, vm_steps=40_000))
    found = judge_exact((SEEN, second), head, Limits(answers=False), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.verdict == "regression"
    assert "40,000 steps" in str(found.message)
    assert found.comparison.answers_equal is False


def test_an_unsteady_pair_is_not_hidden_by_a_steady_one() -> None:
    second = replace(SEEN, draw=1)
    found = judge_exact(
        (SEEN, second), (replace(SEEN, steady=False), second), Limits(), (SCHEMA, SCHEMA)
    )
    assert found is not None
    assert found.verdict == "inconclusive"


def test_answers_are_compared_where_both_are_known() -> None:
    unknown = replace(SEEN, draw=1, answer=None)
    found = judge_exact(
        (SEEN, unknown), (replace(SEEN, answer="b"), unknown), Limits(), (SCHEMA,) * 2
    )
    assert found is not None
    assert found.verdict == "regression"


def test_a_new_operation_has_to_work() -> None:
    broken = replace(SEEN, refused="it answers with status 500")
    for head, verdict, told in (
        ((broken,), "regression", "cannot run it: it answers with status 500"),
        ((replace(SEEN, steady=False),), "inconclusive", "did not count or answer the same"),
        ((SEEN,), "new", "nothing to compare"),
    ):
        made = operation(in_base=False, base=(), head=head, timed=None)
        document = gate_document(gated(operation("other"), made))
        entry = document.operations[1]
        assert entry.verdict == verdict
        assert told in str(entry.message)


def test_answers_that_differ_for_a_timed_draw_are_a_regression_unless_allowed() -> None:
    answers = Answer(("n",), ((1,),), 1), Answer(("n",), ((2,),), 1)
    values = ({"size": "S"}, {"size": "M"})
    made = operation(timed=None, differs=Differing(1, *answers), parameters=values)
    [entry] = gate_document(gated(made)).operations
    assert entry.verdict == "regression"
    assert "For size = 'M', one of the draws that were to be timed" in str(entry.message)
    assert entry.difference is not None
    assert entry.difference.parameters == "size = 'M'"
    assert entry.difference.rows == (DifferentRow(row=1, base="n 1", head="n 2"),)
    limits = GateLimits(answers=False)
    allowed = gated(replace(made, timed=timed(around(1.0))), limits=limits)
    [entry] = gate_document(allowed).operations
    assert entry.verdict == "pass"


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        (
            Differing(0, Answer(rows=((1,),), groups=("a",)), Answer(rows=((2,),), groups=("a",))),
            "unique last key",
        ),
        (Differing(None), "do not answer alike"),
    ],
    ids=["ties", "unsteady"],
)
def test_timed_answers_that_are_left_to_chance_are_inconclusive(
    differs: Differing, told: str
) -> None:
    [entry] = gate_document(gated(operation(timed=None, differs=differs))).operations
    assert entry.verdict == "inconclusive"
    assert told in str(entry.message)


def test_a_draw_that_the_head_refuses_is_a_regression_whatever_answers_may_do() -> None:
    made = operation(timed=None, differs=Differing(0, refusal="no such table: t."))
    limits = GateLimits(answers=False)
    [entry] = gate_document(gated(made, limits=limits)).operations
    assert entry.verdict == "regression"
    assert str(entry.message).endswith("the head cannot run it: no such table: t.")


def test_without_times_the_reason_is_told_and_what_was_counted_stands() -> None:
    worse = operation("worse", head=(replace(SEEN, vm_steps=40_000),), timed=None)
    document = gate_document(gated(operation(timed=None), worse, untimed="The head ended."))
    assert document.verdict == "regression"
    assert document.operations[0].verdict == "inconclusive"
    assert "The head ended." in str(document.operations[0].message)


def test_a_limit_that_is_gone_is_the_cause() -> None:
    old = replace(SEEN, texts={"SELECT a FROM t LIMIT :most": 1})
    new = replace(SEEN, texts={"SELECT a FROM t": 1}, answer="b", rows=900, vm_steps=9_000)
    found = judge_exact((old,), (new,), Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert "A LIMIT of the base's statement is gone: SELECT a FROM t." in str(found.cause)


def test_answers_alone_have_no_cause_in_the_plan() -> None:
    found = judge_exact((SEEN,), (replace(SEEN, answer="b"),), Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert found.cause is None


def test_the_cause_is_told_from_the_operation_and_not_from_who_asks_for_it() -> None:
    lost = ("SCAN products",)
    sql = replace(SEEN, driver="sql", status=None)
    head = (
        replace(SEEN, plan=("SEARCH sessions USING INDEX i (token=?)", *lost), vm_steps=90_000),
        replace(sql, plan=lost, vm_steps=80_000),
    )
    found = judge_exact((SEEN, sql), head, Limits(), (SCHEMA, SCHEMA))
    assert found is not None
    assert "sessions" not in str(found.cause)
    assert "products" in str(found.cause)
