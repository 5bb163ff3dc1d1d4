"""bench.judge.gate*: the gate's two layers, on made-up measurements."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bench.gate.timing import ROUNDS
from bench.judge import stats
from bench.judge.gate import (
    Gated,
    GateOperation,
    GateSide,
    gate_document,
    incomparable_document,
)
from bench.judge.gate_exact import judge_exact
from bench.judge.gate_limits import BadLimits, GateLimits, Limits, limits_of
from bench.judge.gate_seen import Schema, Seen
from bench.judge.gate_times import (
    FALSE_ALARMS_OF_RUN,
    MOST_LOOKS,
    UNDERRATED,
    WRONG_PASSES,
    Noise,
    Timed,
    alarm_tail,
    between,
    interval_at,
    noise_of,
    standard_error,
    time_document,
    verdict_of,
    verdicts_of,
)

PLAN = ("SEARCH products USING INDEX idx_size (size=?)",)
SEEN = Seen(
    "http", 0, vm_steps=400, fullscan_steps=0, sorts=0, autoindexes=0, rows=24, statements=1,
    answer="a", plan=PLAN, texts={"SELECT 1": 1}, status=200,
)  # fmt: skip
SCHEMA = Schema({"idx_size": "products"}, analysed=True)
SIDE = GateSide("x", None, False, "c", "3", "3.11", "s", "recommended")
QUIET = Noise(0.01, {"op": stats.speedup_of([0.0] * 20)})


def timed(*heads: list[float], name: str = "op", twins: list[float] | None = None) -> Timed:
    pair = tuple(tuple(twins or [0.0] * len(values)) for values in heads)
    count = sum(map(len, heads))
    return Timed(name, tuple(map(tuple, heads)), pair, (1_000_000,) * count, (1_000_000,) * count)


def around(ratio: float, spread: float = 0.004, count: int = 32) -> list[float]:
    return [math.log(ratio) + spread * (2 * place / (count - 1) - 1) for place in range(count)]


def gated(*operations: GateOperation, limits: GateLimits | None = None, **more: Any) -> Gated:
    return Gated(
        "resale", SIDE, SIDE, {"products": 1}, (SCHEMA, SCHEMA), operations,
        limits or GateLimits(), **more,
    )  # fmt: skip


def operation(name: str = "op", **fields: Any) -> GateOperation:
    given = {"base": (SEEN,), "head": (SEEN,), "timed": timed(around(1.0), name=name)} | fields
    return GateOperation(name, name, "read", **({"in_base": True, "in_head": True} | given))


# Intervals and levels


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=200), st.floats(1e-6, 0.4))
def test_an_interval_holds_the_median_and_is_wider_at_a_stricter_level(
    values: list[float], tail: float
) -> None:
    wide, narrow = interval_at(values, tail / 10), interval_at(values, tail)
    if narrow is None:
        assert wide is None
        return
    assert narrow.low <= stats.median(values) <= narrow.high
    if wide is not None:
        assert wide.low <= narrow.low
        assert narrow.high <= wide.high


@pytest.mark.parametrize(
    ("count", "tail", "rank"), [(10, 0.025, 2), (20, 0.025, 6), (14, 6.2e-5, 1), (13, 6.2e-5, 0)]
)
def test_the_ranks_are_those_of_the_sign_test(count: int, tail: float, rank: int) -> None:
    """Ranks as in tables of the sign test, for example Conover 1999, table A3."""
    found = interval_at(list(range(1, count + 1)), tail)
    assert (found is None) if rank == 0 else (found is not None and found.low == rank)


def test_every_look_at_every_operation_pays_its_share_of_the_false_alarms() -> None:
    assert alarm_tail(26) * 26 * MOST_LOOKS == pytest.approx(FALSE_ALARMS_OF_RUN)


def simulated_run(rng: np.random.Generator, *, effect: float, operations: int = 8) -> list[str]:
    """Final verdicts of a run that looks again at what is undecided, with per-process luck.

    Rounds scatter by 4 % with heavy tails, and each process is off by 1 % as long as it lives.
    """
    rounds = (32, 32, 64, 128, 256, 512)
    known: list[tuple[list[Any], list[Any]]] = [([], []) for _ in range(operations)]
    verdicts = ["inconclusive"] * operations
    for look in range(MOST_LOOKS):
        for place, (heads, twins) in enumerate(known):
            if verdicts[place] != "inconclusive":
                continue
            luck = rng.normal(0, 0.01, 3)
            noise = rng.standard_t(3, (3, rounds[look])) * 0.04 / math.sqrt(3)
            base, head, twin = noise + luck[:, None]
            heads.append(tuple(head - base + math.log(effect)))
            twins.append(tuple(twin - base))
        every = [
            Timed(f"op{place}", tuple(heads), tuple(twins), (1,), (1,))
            for place, (heads, twins) in enumerate(known)
        ]
        last = look == MOST_LOOKS - 1
        verdicts = list(verdicts_of(every, lambda _: 0.05, final=last).values())
    return verdicts


def test_runs_on_equal_sides_raise_no_false_alarm() -> None:
    rng = np.random.default_rng(5)
    found = [word for _ in range(60) for word in simulated_run(rng, effect=1.0)]
    assert "regression" not in found
    assert found.count("pass") > 0.95 * len(found)


def test_runs_with_three_per_cent_are_never_called_a_regression() -> None:
    rng = np.random.default_rng(6)
    found = [word for _ in range(25) for word in simulated_run(rng, effect=1.03, operations=4)]
    assert "regression" not in found


def test_runs_with_ten_per_cent_are_found() -> None:
    rng = np.random.default_rng(7)
    found = [simulated_run(rng, effect=1.10, operations=1)[0] for _ in range(60)]
    assert found.count("regression") >= 0.95 * len(found)


# Verdicts on times


@pytest.mark.parametrize(
    ("heads", "word"),
    [
        ((around(1.0), around(1.0)), "pass"),
        ((around(1.03), around(1.03)), "pass"),
        ((around(1.10), around(1.10)), "regression"),
        ((around(0.90), around(0.90)), "improved"),
        ((around(1.05), around(1.05)), "inconclusive"),
        # One generation alone may have been unlucky.
        ((around(1.10),), "inconclusive"),
        # So may one of two, though all rounds together lie above the limit.
        ((around(1.20, count=96), around(1.04)), "inconclusive"),
        ((around(1.0, count=5),), "inconclusive"),
    ],
)
def test_the_verdict_on_times(heads: tuple[list[float], ...], word: str) -> None:
    assert verdict_of(timed(*heads), 0.05, QUIET, 26) == word


def test_what_looks_improved_is_looked_at_again() -> None:
    one = timed(around(0.90))
    assert verdict_of(one, 0.05, QUIET, 26, final=False) == "inconclusive"
    assert verdict_of(one, 0.05, QUIET, 26) == "pass"


def test_noise_above_the_limit_is_never_a_pass() -> None:
    noisy = Noise(0.01, {"op": stats.speedup_of(around(1.0, spread=0.3))})
    one = timed(around(1.0), around(1.0))
    assert noisy.own("op") is not None
    assert verdict_of(one, 0.05, noisy, 26) == "inconclusive"
    assert verdict_of(one, 0.05, Noise(0.0, {}), 26) == "inconclusive"


def test_a_regression_has_to_exceed_what_the_pairs_of_the_run_show() -> None:
    one = timed(around(1.10), around(1.10))
    assert verdict_of(one, 0.05, replace(QUIET, floor=0.12), 26) == "inconclusive"


def test_the_document_of_times_tells_ratio_and_both_intervals() -> None:
    told = time_document(timed(around(1.10), around(1.10)), 0.05, QUIET, 26, "regression")
    assert told["ratio"] == pytest.approx(1.10)
    assert told["alarm"][0] <= told["ci95"][0] <= told["ratio"] <= told["ci95"][1]
    assert told["rounds"] == len(told["ratio_rounds"]) == 64
    assert told["verdict"] == "regression"
    few = time_document(timed([0.0, 0.0]), 0.05, QUIET, 26, "inconclusive")
    assert (few["ci95"], few["alarm"], few["verdict"]) == (None, None, "inconclusive")


# The exact layer


def exact(head: Seen, limits: Limits | None = None, schema: Schema = SCHEMA) -> Any:
    found = judge_exact([SEEN], [head], limits or Limits(), (SCHEMA, schema))
    assert found is not None
    return found


def test_equal_counters_pass_without_a_word() -> None:
    found = exact(SEEN)
    assert (found.verdict, found.message, found.cause) == ("pass", None, None)
    assert found.document["changes"] == []


def test_growth_within_the_limit_passes_and_beyond_it_does_not() -> None:
    assert exact(replace(SEEN, vm_steps=408)).verdict == "pass"
    grown = exact(replace(SEEN, vm_steps=409))
    assert grown.verdict == "regression"
    assert "409 steps of SQLite instead of 400" in grown.message
    assert exact(replace(SEEN, vm_steps=409), Limits(vm_steps=0.5)).verdict == "pass"


@pytest.mark.parametrize("counter", ["sorts", "fullscan_steps", "autoindexes"])
def test_what_appears_is_a_regression(counter: str) -> None:
    assert exact(replace(SEEN, **{counter: 1})).verdict == "regression"


def test_a_scan_that_takes_the_place_of_more_work_is_no_regression() -> None:
    # A list that is read along another way until its LIMIT, instead of sorting what an index finds.
    less = replace(SEEN, vm_steps=90, fullscan_steps=24)
    found = exact(less)
    assert found.verdict == "improved"
    assert {one["counter"]: one["verdict"] for one in found.document["changes"]} == {
        "vm_steps": "improved",
        "fullscan_steps": "traded",
    }
    assert exact(replace(less, sorts=1)).verdict == "regression"
    assert exact(replace(less, vm_steps=400)).verdict == "regression"


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
    assert found.document["plan_changed"]


def test_fewer_steps_are_an_improvement() -> None:
    assert exact(replace(SEEN, vm_steps=200)).verdict == "improved"


def test_counters_that_are_not_steady_decide_nothing() -> None:
    assert exact(replace(SEEN, steady=False, vm_steps=900)).verdict == "inconclusive"


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
    assert found.document["head"]["vm_steps"] == 4_000


def test_nothing_in_common_is_none() -> None:
    assert judge_exact([], [SEEN], Limits(), (SCHEMA, SCHEMA)) is None


# The document


def test_all_passing_is_a_pass() -> None:
    document = gate_document(gated(operation("one"), operation("two")))
    assert (document["verdict"], document["exit_code"], document["reasons"]) == ("pass", 0, [])
    assert [one["verdict"] for one in document["operations"]] == ["pass", "pass"]


def test_an_exact_regression_comes_before_a_pass_in_time() -> None:
    document = gate_document(
        gated(operation("one"), operation("two", head=(replace(SEEN, sorts=1),)))
    )
    assert (document["verdict"], document["exit_code"]) == ("regression", 1)
    two = document["operations"][1]
    assert (two["verdict"], two["layer"]) == ("regression", "exact")
    assert document["reasons"][0].startswith("two: 1 sorts instead of 0")


def test_a_regression_in_time_alone_says_where_to_look() -> None:
    slow = timed(around(1.2), around(1.2))
    document = gate_document(gated(operation(timed=slow)))
    one = document["operations"][0]
    assert (one["verdict"], one["layer"]) == ("regression", "time")
    assert "1.200 times as long" in one["message"]
    assert "outside of SQLite" in one["cause"]


def test_an_undecided_time_is_no_pass() -> None:
    document = gate_document(gated(operation(timed=None)))
    assert (document["verdict"], document["exit_code"]) == ("inconclusive", 3)
    calm = gate_document(gated(operation(timed=None, time_wanted=False)))
    assert calm["verdict"] == "pass"


def test_missing_and_new_operations_are_said() -> None:
    lost = operation("lost", in_head=False, timed=None)
    document = gate_document(gated(operation(), lost, operation("fresh", in_base=False)))
    assert [one["verdict"] for one in document["operations"]] == ["pass", "missing", "new"]
    assert document["exit_code"] == 3
    assert document["reasons"][0].startswith("lost: ")
    allowed = GateLimits(operations={"lost": Limits(removed=True)})
    passed = gate_document(gated(operation(), lost, limits=allowed))
    assert passed["exit_code"] == 0
    assert "limits allow" in passed["reasons"][0]


def test_nothing_on_both_sides_is_inconclusive() -> None:
    document = gate_document(gated(operation(in_base=False)))
    assert document["exit_code"] == 3
    assert "nothing was compared" in document["reasons"][0]


def test_sides_that_cannot_be_compared() -> None:
    document = incomparable_document(gated(), ["Their data differ."])
    assert (document["verdict"], document["exit_code"]) == ("incomparable", 4)
    assert document["reasons"] == ["Their data differ."]


def test_lost_and_new_indexes_and_statistics_are_noted() -> None:
    other = Schema({"idx_new": "orders"}, analysed=False)
    notes = gate_document(replace(gated(operation()), schemas=(SCHEMA, other)))["notes"]
    assert any("lacks the index idx_size" in note for note in notes)
    assert any("idx_new on orders, which is new" in note for note in notes)
    assert any("Only the base's database has statistics" in note for note in notes)


# Limits


def test_limits_of_one_operation_rest_on_the_usual_ones() -> None:
    found = limits_of({"time": 0.1, "seconds": 5, "operations": {"op": {"sorts": 1}}})
    assert found.of("other") == Limits(time=0.1)
    assert found.of("op") == Limits(time=0.1, sorts=1)
    assert found.seconds == 5


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"tyme": 0.1}, "unknown key 'tyme'"),
        ({"time": "5%"}, "`time`"),
        ({"time": 0}, "above 0"),
        ({"vm_steps": -1}, "0 or more"),
        ({"answers": 1}, "true or false"),
        ({"seconds": 0}, "above 0"),
        ({"operations": 3}, "operations.NAME"),
        ({"operations": {"op": {"seconds": 3}}}, "unknown key 'seconds'"),
        ({"operations": {"op": 3}}, "has to be a table"),
        ({"operations": {"nobody": {}}}, "neither side has"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(BadLimits, match=said):
        limits_of(table, frozenset({"op"}))


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
    assert found.document["answers_equal"] is False


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
        entry = document["operations"][1]
        assert entry["verdict"] == verdict
        assert told in entry["message"]


def test_answers_that_differ_for_a_timed_draw_are_a_regression_unless_allowed() -> None:
    made = operation(timed=None, differs=True)
    [entry] = gate_document(gated(made))["operations"]
    assert entry["verdict"] == "regression"
    assert "draws that were to be timed" in entry["message"]
    limits = GateLimits(Limits(answers=False))
    [entry] = gate_document(gated(replace(made, timed=timed(around(1.0))), limits=limits))[
        "operations"
    ]
    assert entry["verdict"] == "pass"


def test_without_times_the_reason_is_told_and_what_was_counted_stands() -> None:
    worse = operation("worse", head=(replace(SEEN, vm_steps=40_000),), timed=None)
    document = gate_document(gated(operation(timed=None), worse, untimed="The head ended."))
    assert document["verdict"] == "regression"
    assert document["operations"][0]["verdict"] == "inconclusive"
    assert "The head ended." in document["operations"][0]["message"]


def test_no_pass_where_the_noise_of_the_run_exceeds_the_limit() -> None:
    restless = Noise(0.06, QUIET.pairs)
    assert verdict_of(timed(around(1.0)), 0.05, restless, 1) == "inconclusive"
    assert verdict_of(timed(around(1.0)), 0.05, QUIET, 1) == "pass"


def test_a_pass_leaves_room_for_what_the_processes_got_by_chance() -> None:
    close = timed(around(1.035))
    assert verdict_of(close, 0.05, QUIET, 1) == "pass"
    assert verdict_of(close, 0.05, replace(QUIET, spread=0.01), 1) == "inconclusive"
    # Several generations drew it anew.
    often = timed(*[around(1.02)] * 9)
    assert verdict_of(often, 0.05, replace(QUIET, spread=0.02), 1) == "pass"
    assert verdict_of(timed(around(1.02)), 0.05, replace(QUIET, spread=0.02), 1) == "inconclusive"


def scattered(
    rng: np.random.Generator, *, between: float, rounds: float, count: int = 16, pairs: int = 200
) -> list[list[float]]:
    """Rounds of pairs of processes, heavy-tailed, whose processes differ by `between`."""
    noise = rng.standard_t(3, (pairs, count)) / math.sqrt(3) * rounds
    return (noise + rng.normal(0, between, (pairs, 1))).tolist()


@pytest.mark.parametrize("difference", [0.005, 0.01, 0.02])
def test_what_processes_differ_by_is_told_apart_from_what_rounds_do(difference: float) -> None:
    rng = np.random.default_rng(8)
    for rounds in (0.005, 0.02):
        found = between(scattered(rng, between=difference, rounds=rounds, pairs=2_000))
        assert found == pytest.approx(difference, rel=0.25)


@pytest.mark.parametrize(("pairs", "rounds"), [(1, 0.002), (5, 0.02), (26, 0.002), (26, 0.015)])
def test_what_processes_differ_by_is_seldom_underrated(pairs: int, rounds: float) -> None:
    rng = np.random.default_rng(9)
    found = [between(scattered(rng, between=0.01, rounds=rounds, pairs=pairs)) for _ in range(300)]
    under = sum(value < 0.01 for value in found) / len(found)
    # A level of a tenth, and what 300 runs may be off by.
    assert under < UNDERRATED + 0.05


def test_rounds_that_are_alike_bring_no_difference_of_processes() -> None:
    assert between([[0.0] * 16] * 12) == 0.0
    assert between([[0.001, -0.001] * 8] * 12) == 0.0
    # What tells no error of its median tells nothing.
    assert between([[0.01]] * 12) == 0.0
    assert between([]) == 0.0


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_the_standard_error_of_a_median_moves_with_its_unit(values: list[float]) -> None:
    assert standard_error([2 * value for value in values]) == pytest.approx(
        2 * standard_error(values)
    )
    assert standard_error([value + 1 for value in values]) == pytest.approx(
        standard_error(values), abs=1e-9
    )


def test_the_standard_error_of_a_median_is_that_of_repeated_medians() -> None:
    rng = np.random.default_rng(10)
    samples = rng.standard_t(3, (2_000, 32))
    typical = statistics.median(standard_error(list(sample)) for sample in samples)
    assert typical == pytest.approx(float(np.std(np.median(samples, axis=1))), rel=0.1)
    assert standard_error([0.1]) == math.inf


def test_what_a_look_passed_stays_passed_while_the_noise_of_the_run_allows() -> None:
    close = replace(timed(around(1.035)), name="close", twins=(tuple(around(1.0)),))
    # Its later generations differ from one another by 3 %, which says nothing of `close`.
    slow = [around(1.05, spread=0.05), *[around(1.05)] * 5]
    pairs = [around(1.0), *[around(1 + sign * 0.03) for sign in (1, -1, 1, -1, 1)]]
    other = replace(timed(*slow), name="other", twins=tuple(map(tuple, pairs)))
    assert verdict_of(close, 0.05, noise_of([close, other]), 2) == "inconclusive"
    assert verdicts_of([close, other], lambda _: 0.05)["close"] == "pass"
    wild = replace(other, twins=tuple(map(tuple, [around(1.0), *[around(1.12)] * 5])))
    assert noise_of([close, wild]).floor > 0.05
    assert verdicts_of([close, wild], lambda _: 0.05)["close"] == "inconclusive"


@pytest.mark.parametrize(
    ("operations", "processes", "rounds", "runs"),
    # What processes differ by alone, beside rounds of as much, and below what rounds do.
    [(1, 0.01, 0.005, 120), (1, 0.003, 0.002, 120), (10, 0.005, 0.02, 60), (26, 0.003, 0.02, 30)],
)
def test_a_slowdown_of_just_the_limit_passes_hardly_ever(
    operations: int, processes: float, rounds: float, runs: int
) -> None:
    rng = np.random.default_rng(7)
    found = [
        word
        for _ in range(runs)
        for word in looked_at(rng, operations=operations, processes=processes, rounds=rounds)
    ]
    # Of so many at most as many pass as 2.5 % do in all but one of a thousand tries.
    assert found.count("pass") <= most_of(len(found))


def most_of(runs: int) -> int:
    return int(binom.ppf(0.999, runs, WRONG_PASSES))


def looked_at(
    rng: np.random.Generator, *, operations: int, processes: float, rounds: float
) -> list[str]:
    """The verdicts on what is slower by the limit, up to two of some operations, after 3 looks."""
    slower = min(2, operations)
    known: list[tuple[list[Any], list[Any]]] = [([], []) for _ in range(operations)]
    still = set(range(operations))
    for look in range(3):
        for place in still:
            luck = rng.normal(0, processes, 3)
            noise = rng.standard_t(3, (3, ROUNDS[look])) * rounds / math.sqrt(6)
            base, head, twin = noise + luck[:, None]
            effect = math.log(1.05) if place < slower else 0.0
            known[place][0].append(tuple(head - base + effect))
            known[place][1].append(tuple(twin - base))
        every = [
            Timed(f"op{place}", tuple(heads), tuple(twins), (1,), (1,))
            for place, (heads, twins) in enumerate(known)
        ]
        verdicts = verdicts_of(every, lambda _: 0.05, final=look == 2)
        still = {n for n in range(operations) if verdicts[f"op{n}"] == "inconclusive"}
    return [verdicts[f"op{n}"] for n in range(slower)]


def test_a_pass_is_not_kept_against_what_was_measured_later() -> None:
    calm = timed(around(1.0), name="calm")
    later = timed(around(1.0, count=16), *[around(1.3, count=64)] * 3)
    assert verdicts_of([timed(around(1.0, count=16)), calm], lambda _: 0.05)["op"] == "pass"
    assert verdicts_of([later, calm], lambda _: 0.05)["op"] == "inconclusive"


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
