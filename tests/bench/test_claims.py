from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge import claims, stats
from bench.results.claims import JudgedClaim
from bench.results.comparison import Comparison
from bench.study import Claim, load_study
from tests.bench.fixtures.judged import (
    DATASET,
    ROWS,
    compared,
    comparison,
    entry_of,
    study,
    verdict_of,
)

RANGE = Claim("c", "5-10x faster", "speedup", "after", expected=(5, 10), operations=("one",))
BOTH = replace(RANGE, operations=("one", "two"))
WITHIN = Claim(
    "fast",
    "fast",
    "limit",
    "after",
    limit_ns=10_000_000,
    at_rows=ROWS,
)
BEYOND = replace(WITHIN, id="slow", arm="before", promise="beyond")
FACT = Claim("f", "2 tables", "fact", "after", expected=(2, 2), fact="new_tables")


def judged(claim: Claim, document: dict[str, Any], **facts: float | None) -> JudgedClaim:
    [found] = claims.judge_claims(study(claim), Comparison.model_validate(document), facts)
    assert JudgedClaim.model_validate(json.loads(json.dumps(found.json_values()))) == found
    return found


@pytest.mark.parametrize(
    ("low", "high", "difference", "wanted"),
    [
        (11, 12, "faster", "exceeded"),
        (6, 8, "faster", "confirmed"),
        (5, 30, "faster", "confirmed"),
        (10, 30, "faster", "confirmed"),
        (10.1, 30, "faster", "exceeded"),
        (2, 4.9, "faster", "short"),
        (2, 5, "faster", "inconclusive"),
        (4.9, 11, "faster", "inconclusive"),
        (0.99, 1.02, "same", "refuted"),
        (0.3, 0.6, "slower", "refuted"),
        (0.9, 30, "inconclusive", "inconclusive"),
    ],
)
def test_an_interval_against_a_range(low, high, difference, wanted) -> None:
    assert claims.range_verdict(low, high, difference, (5, 10)) == wanted


@given(st.floats(0.01, 1000), st.floats(1, 100), st.floats(1.1, 50), st.floats(1, 20))
def test_a_kept_promise_is_one_whose_interval_reaches_the_range(low, width, least, span) -> None:
    difference = stats.verdict(low, low * width, 0.05, 0.05)
    found = claims.range_verdict(low, low * width, difference, (least, least * span))
    assert (found in claims.KEPT) == (difference == "faster" and low >= least)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([], "inconclusive"),
        (["exceeded", "confirmed"], "confirmed"),
        (["exceeded", "inconclusive"], "inconclusive"),
        (["inconclusive", "short"], "short"),
        (["inconclusive", "short", "refuted"], "refuted"),
    ],
)
def test_a_claim_is_as_good_as_its_worst_and_doubt_hides_no_failure(parts, wanted) -> None:
    assert claims.worst(parts) == wanted


@pytest.mark.parametrize(
    ("time_ns", "wanted"),
    [(10_000, "exceeded"), (140_000, "confirmed"), (400_000, "short"), (1_000_000, "refuted")],
)
def test_one_operation(time_ns: int, wanted: str) -> None:
    found = judged(RANGE, compared({("one", "after"): time_ns}))
    assert found.verdict == wanted
    assert found.measured == pytest.approx(1_000_000 / time_ns, rel=0.02)
    assert found.ci95[0] <= found.measured <= found.ci95[1]
    assert found.reason.startswith("one came out ")
    assert "5 to 10× faster" in found.reason
    assert found.unit == "ratio"


def test_several_operations_are_shown_and_the_worst_decides() -> None:
    document = compared({("one", "after"): 1_000, ("two", "after"): 1_700_000})
    found = judged(BOTH, document)
    assert found.verdict == "refuted"
    assert [part.verdict for part in found.operations] == ["exceeded", "refuted"]
    assert found.evidence == ("one", "two")
    assert found.measured == verdict_of(document, "two", "before", "after")["speedup"]
    assert re.search("two, the worst of 2 operations, came out 1.7[0-9]*× slower", found.reason)
    assert "0.5" not in found.reason


def test_among_equals_the_smallest_speedup_is_the_worst() -> None:
    found = judged(BOTH, compared({("one", "after"): 400_000, ("two", "after"): 500_000}))
    assert found.verdict == "short"
    assert found.measured == pytest.approx(2, rel=0.02)


def test_unlike_answers_and_unmeasured_operations_leave_a_claim_undecided() -> None:
    equal = {name: name != "one" for name in ("one", "two", "control", "later", "written")}
    found = judged(RANGE, compared({("one", "after"): 1_000}, answers_equal=equal))
    assert (found.verdict, found.measured) == ("inconclusive", None)
    assert found.reason == "one could not be judged: answers differ."
    missing = judged(replace(RANGE, operations=("later",)), compared())
    assert missing.reason == "later could not be judged: it was not measured on both arms."


def test_an_undecided_operation_hides_no_refuted_one() -> None:
    equal = {name: name != "one" for name in ("one", "two", "control", "later", "written")}
    found = judged(BOTH, compared(answers_equal=equal))
    assert found.verdict == "refuted"
    assert found.operations[0].problem == "answers differ"


def test_a_limit_that_all_reads_keep() -> None:
    kept = judged(WITHIN, compared({("written", "after"): 900_000_000}))
    assert kept.verdict == "confirmed"
    assert kept.unit == "ns"
    assert kept.reason.startswith(
        "All 4 read operations stay within 10\N{NO-BREAK SPACE}ms; the slowest, "
    )
    refuted = judged(BEYOND, compared())
    assert refuted.verdict == "refuted"
    assert "All 3 read operations" in refuted.reason


def test_a_limit_that_one_read_breaks() -> None:
    slow = {("one", "after"): 50_000_000, ("one", "before"): 50_000_000}
    refuted = judged(WITHIN, compared(slow))
    assert refuted.verdict == "refuted"
    assert refuted.evidence == ("one",)
    assert refuted.measured == pytest.approx(50_000_000, rel=0.02)
    assert judged(BEYOND, compared(slow)).verdict == "confirmed"


def test_a_limit_may_be_on_some_operations() -> None:
    slow = compared({("one", "after"): 50_000_000, ("one", "before"): 50_000_000})
    other = judged(replace(WITHIN, operations=("two",)), slow)
    assert other.verdict == "confirmed"
    assert other.reason.startswith("1 operation stays within")
    assert judged(replace(WITHIN, operations=("one", "two")), slow).verdict == "refuted"


def test_a_limit_inside_an_interval_decides_nothing() -> None:
    document = compared()
    for entry in document["operations"]:
        entry["arms"]["after"].update(p95_ns=9_500_000, p95_ci95_ns=[9_000_000, 11_000_000])
    found = judged(WITHIN, document)
    assert found.verdict == "inconclusive"
    assert "straddles 10\N{NO-BREAK SPACE}ms" in found.reason


def test_a_limit_is_judged_only_at_its_size() -> None:
    rows = {"products": 1_000, "analytics_events": 100_000}
    small = judged(WITHIN, compared(dataset={**DATASET, "rows": rows}))
    assert small.verdict == "inconclusive"
    assert "from 100,000 products" in small.reason
    assert "had 1,000 and 100,000" in small.reason


@pytest.mark.parametrize("sized", [{}, {"products": 100_000}, {"analytics_events": 10_000_000}])
def test_a_limit_without_a_size_holds_for_that_of_the_run(sized: dict[str, int]) -> None:
    claim = replace(WITHIN, operations=("one",), at_rows=sized)
    assert judged(claim, compared()).verdict == "confirmed"
    assert judged(replace(claim, limit_ns=10), compared()).verdict == "refuted"
    assert judged(replace(claim, promise="beyond"), compared()).verdict == "refuted"
    beyond = replace(claim, promise="beyond", limit_ns=10)
    assert judged(beyond, compared()).verdict == "confirmed"


@pytest.mark.parametrize(("limit_ns", "wanted"), [(10, "refuted"), (10_000_000, "confirmed")])
def test_a_limit_on_a_write_counts(limit_ns: int, wanted: str) -> None:
    found = judged(replace(WITHIN, operations=("written",), limit_ns=limit_ns), compared())
    assert (found.verdict, found.evidence) == (wanted, ("written",))


def test_an_operation_of_a_limit_that_was_not_measured_leaves_it_open() -> None:
    document = compared()
    del entry_of(document, "one")["arms"]["after"]
    document["operations"].remove(entry_of(document, "control"))
    claim = replace(WITHIN, operations=("one", "two", "control"))
    found = judged(claim, document)
    assert found.verdict == "inconclusive"
    assert "2 operations could not be judged" in found.reason
    none = judged(replace(WITHIN, operations=("one",)), document)
    assert none.reason == "None of these operations was timed on after."


def test_figures_that_differ_are_not_written_alike() -> None:
    document = compared()
    for entry in document["operations"]:
        entry["arms"]["after"].update(p95_ns=10_002_000, p95_ci95_ns=[10_001_000, 10_003_000])
    reason = judged(WITHIN, document).reason.replace("\N{NO-BREAK SPACE}", " ")
    assert reason.startswith("Beyond 10 ms: 4 of 4 read operations")
    assert "has its p95 at 10.002 ms" in reason
    verdict_of(document, "one", "before", "after").update(
        speedup=4.9, ci95=[4.8, 4.9996], verdict="faster"
    )
    assert "(95 % interval 4.8 to 4.9996)" in judged(RANGE, document).reason
    seconds = replace(FACT, expected=(0, 300), unit="s")
    assert (
        "found 300.0004 s, promised 0 to 300 s"
        in judged(seconds, document, new_tables=300.0004).reason
    )


def test_more_data_than_claimed_proves_what_holds_but_not_what_breaks() -> None:
    large = {**DATASET, "rows": {**ROWS, "analytics_events": 20_000_000}}
    assert judged(WITHIN, compared(dataset=large)).verdict == "confirmed"
    broken = judged(WITHIN, compared({("one", "after"): 50_000_000}, dataset=large))
    assert broken.verdict == "inconclusive"
    assert "larger than the claim's" in broken.reason


def test_a_limit_where_some_or_all_reads_could_not_be_judged() -> None:
    names = ("one", "two", "control", "later", "written")
    some = judged(WITHIN, compared(answers_equal={name: name != "one" for name in names}))
    assert some.verdict == "inconclusive"
    assert "1 read operation could not be judged" in some.reason
    nothing = judged(WITHIN, compared(answers_equal=dict.fromkeys(names, False)))
    assert nothing.reason == "No read operation was timed on after."


@pytest.mark.parametrize(
    ("value", "wanted"), [(2, "confirmed"), (3, "refuted"), (None, "inconclusive")]
)
def test_a_fact(value: float | None, wanted: str) -> None:
    found = judged(FACT, compared(), new_tables=value)
    assert (found.verdict, found.measured) == (wanted, value)
    assert "new tables" in found.reason.lower()


def test_a_fact_nobody_looked_for() -> None:
    assert judged(FACT, compared()).verdict == "inconclusive"


def test_the_built_in_claims_are_all_judged() -> None:
    built_in = load_study()
    facts = {
        "offer_answers_overwritten": 1,
        "checkout_pieces_oversold": 1,
        "foreign_keys": 1,
        "indexes": 55,
        "new_tables": 2,
        "new_indexes": 14,
        "migration_seconds": 41.5,
    }
    judged_claims = claims.judge_claims(built_in, comparison(), facts)
    found = {claim.id: claim for claim in judged_claims}
    assert list(found) == [claim.id for claim in built_in.claims]
    assert found["offer-race"].verdict == found["checkout-race"].verdict == "refuted"
    assert found["eleven-indexes"].verdict == "refuted"
    assert found["indexes-55"].verdict == found["five-minutes"].verdict == "confirmed"
    assert found["analytics"].verdict == "inconclusive"
    assert all(claim.reason.endswith(".") for claim in found.values())


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.9, 1.3, "and wholly below the promised 5 to 10× faster."),
        (0.9, 30, "5 to 10× faster was promised."),
    ],
)
def test_what_may_be_slower_is_not_called_faster(low: float, high: float, words: str) -> None:
    document = compared()
    verdict_of(document, "one", "before", "after").update(
        speedup=1.1, ci95=[low, high], verdict="inconclusive"
    )
    found = judged(RANGE, document)
    assert found.verdict == "inconclusive"
    assert "too uncertain to call it faster" in found.reason
    assert found.reason.endswith(words)


def few(document: dict[str, Any], low_ns: int, most_ns: int) -> None:
    """Give every read on `after` too few executions for a p95."""
    for entry in document["operations"]:
        entry["arms"]["after"].update(
            p95_ns=None, p95_ci95_ns=None, ci95_ns=[low_ns, low_ns], max_ns=most_ns, samples=7
        )


@pytest.mark.parametrize(
    ("low_ns", "most_ns", "wanted"),
    [
        (1_000_000, 9_000_000, "confirmed"),
        (1_000_000, 11_000_000, "inconclusive"),
        (11_000_000, 12_000_000, "refuted"),
    ],
)
def test_without_a_p95_the_largest_time_seen_is_held_against_a_limit(low_ns, most_ns, wanted):
    document = compared()
    few(document, low_ns, most_ns)
    found = judged(WITHIN, document)
    assert found.verdict == wanted
    assert (found.measured, found.ci95) == (most_ns, (low_ns, most_ns))
    assert "in 7 executions, too few for a p95" in found.reason


def test_a_read_that_was_not_measured_leaves_a_limit_open() -> None:
    document = compared()
    entry_of(document, "one").update(arms={}, comparisons=[])
    found = judged(WITHIN, document)
    assert found.verdict == "inconclusive"
    assert "1 read operation could not be judged" in found.reason
