from __future__ import annotations

import pytest

from bench.judge.explain import Access, WriteCost, cause, parse_plan, write_cause
from bench.judge.records import Counters

SCAN = "SCAN analytics_events"
BY_TYPE = "SEARCH analytics_events USING INDEX idx_analytics_event_type (event_type=?)"
ORDERED = "SEARCH analytics_events USING INDEX idx_analytics_timestamp (timestamp>?)"
SORT = "USE TEMP B-TREE FOR ORDER BY"


def steps(vm_steps: int, rows: int = 50) -> Counters:
    return Counters(vm_steps=vm_steps, fullscan_steps=0, sorts=1, rows=rows)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (SCAN, Access("scan", "analytics_events", None, False, False, False, "")),
        (
            BY_TYPE,
            Access(
                "search",
                "analytics_events",
                "idx_analytics_event_type",
                False,
                False,
                False,
                "event_type=?",
            ),
        ),
        (
            "SCAN p USING COVERING INDEX idx_products_size",
            Access("scan", "p", "idx_products_size", True, False, False, ""),
        ),
        (
            "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)",
            Access("search", "p", None, False, False, True, "rowid=?"),
        ),
        (
            "SEARCH i USING AUTOMATIC PARTIAL COVERING INDEX (submission_id=?)",
            Access("search", "i", None, True, True, False, "submission_id=?"),
        ),
        (
            "  |--SEARCH i USING AUTOMATIC COVERING INDEX (a=? AND b>?) LEFT-JOIN",
            Access("search", "i", None, True, True, False, "a=? AND b>?"),
        ),
        (
            "SEARCH Order Items USING INDEX idx Order Items.select (select=?)",
            Access(
                "search", "Order Items", "idx Order Items.select", False, False, False, "select=?"
            ),
        ),
        (
            "SCAN Order Items USING COVERING INDEX 索引",
            Access("scan", "Order Items", "索引", True, False, False, ""),
        ),
        ("SCAN (subquery-1)", Access("scan", "(subquery-1)", None, False, False, False, "")),
        ("SCAN Order Items", Access("scan", "Order Items", None, False, False, False, "")),
        (
            "SCAN json_each VIRTUAL TABLE INDEX 1:",
            Access("scan", "json_each", None, False, False, False, ""),
        ),
    ],
)
def test_an_access_line_is_read(line: str, wanted: Access) -> None:
    assert parse_plan([line]).accesses == (wanted,)


def test_sorts_are_read_and_other_lines_left_out() -> None:
    plan = parse_plan(
        ["CO-ROUTINE x", "LIST SUBQUERY 1", SORT, "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"]
    )
    assert plan.accesses == ()
    assert plan.sorts == ("ORDER BY", "LAST TERM OF ORDER BY")
    assert parse_plan([]).accesses == ()


def test_an_index_of_few_values_instead_of_a_scan() -> None:
    text = cause([SCAN, SORT], [BY_TYPE, SORT], steps(40_000_000), steps(65_000_000))
    assert text.startswith(
        "The planner takes idx_analytics_event_type (event_type=?) instead of reading "
        "analytics_events from end to end, and each entry that matches costs"
    )
    assert "what is found is still sorted for ORDER BY" in text
    assert "leaves too many rows to choose from: 65,000,000 steps for 50 rows" in text
    assert "1.62 times the steps" in text


def test_what_has_to_be_counted_is_not_called_too_much() -> None:
    counted = "USE TEMP B-TREE FOR count(DISTINCT)"
    for sorts in ([counted], ["USE TEMP B-TREE FOR GROUP BY", SORT], []):
        text = cause([ORDERED], [BY_TYPE, *sorts], steps(9_000, 1), steps(11_000, 1))
        assert "too many rows" not in text
    assert "11,000 steps for 1 row of" in cause([SCAN], [BY_TYPE, SORT], None, steps(11_000, 1))


def test_a_lost_order_and_the_sort_that_follows() -> None:
    text = cause([ORDERED], [BY_TYPE, SORT], steps(500), steps(9_000))
    assert "instead of searching idx_analytics_timestamp (timestamp>?)" in text
    assert "rows must now be sorted (USE TEMP B-TREE FOR ORDER BY)" in text
    assert "too many rows" not in text


def test_the_last_term_only() -> None:
    text = cause([ORDERED], [ORDERED, "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"], None, None)
    assert text == "Rows must now be sorted (USE TEMP B-TREE FOR LAST TERM OF ORDER BY)."


def test_a_lost_cover() -> None:
    covering = "SEARCH e USING COVERING INDEX wide (event_type=? AND timestamp>?)"
    text = cause([covering], ["SEARCH e USING INDEX narrow (event_type=?)"], None, None)
    assert "narrow (event_type=?) instead of searching the covering index wide" in text
    assert "no longer covers the query" in text


def test_a_walk_along_an_index_in_place_of_the_table() -> None:
    walk = "SCAN analytics_events USING INDEX idx_analytics_event_type"
    text = cause([SCAN, "USE TEMP B-TREE FOR GROUP BY"], [walk], steps(90), steps(40))
    assert text.startswith("Every entry of idx_analytics_event_type is walked instead of reading")
    assert "each entry costs a look-up of its row in analytics_events" in text
    assert "fewer steps (40 for 90), but each is dearer: rows are fetched one by one." in text


def test_a_scan_where_an_index_was_searched() -> None:
    text = cause([BY_TYPE], [SCAN], steps(100), steps(5_000))
    assert text.startswith(
        "The table analytics_events is read from end to end instead of searching"
    )
    assert "50 times the steps (5,000 for 100)" in text


def test_an_automatic_index_and_a_search_by_key() -> None:
    automatic = "SEARCH i USING AUTOMATIC COVERING INDEX (a=?)"
    assert "builds an index on i for every execution" in cause(["SCAN i"], [automatic], None, None)
    key = "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)"
    text = cause([automatic], [key], None, None)
    assert text == "The table i is searched by its key instead of an automatic index on i."


def test_another_order_of_tables_is_said() -> None:
    text = cause(["SCAN a", "SCAN b"], ["SCAN b", "SCAN a"], None, None)
    assert text == "The plan visits the tables in another order."


def test_a_table_reached_only_by_the_arm() -> None:
    assert cause([], ["SCAN a"], None, None) == "The table a is read from end to end."


def test_the_same_plan_with_the_same_more_and_fewer_steps() -> None:
    same = cause([SCAN], [SCAN], steps(100), steps(101))
    assert same.startswith("The plan and the steps are the same")
    more = cause([SCAN], [SCAN], steps(100), steps(300))
    assert "the work is not. SQLite takes 3 times the steps (300 for 100)." in more
    fewer = cause([SCAN], [SCAN], steps(300), steps(100))
    assert "takes fewer steps (100 for 300)" in fewer
    assert cause([SCAN], [SCAN], None, None).startswith("The plan is the same. That does not")


def test_statistics_explain_a_same_plan_only_where_the_slower_arm_alone_has_them() -> None:
    found = cause([SCAN], [SCAN], steps(100), steps(100), samples=(False, True))
    assert "statistics differ" in found
    assert "planning costs more" in found
    for same in ((False, False), (True, True), (True, False), None):
        other = cause([SCAN], [SCAN], steps(100), steps(100), samples=same)
        assert other == (
            "The plan and the steps are the same. That does not tell where the time goes."
        )


def test_a_write_pays_for_the_indexes_it_keeps() -> None:
    one = write_cause([WriteCost("logs", ("idx_logs_created",))])
    assert one == "Each row written is also entered into 1 more index (idx_logs_created)."
    two = write_cause([WriteCost("a", ("x",)), WriteCost("b", ("y",))])
    assert two == "Each row written is also entered into 2 more indexes (x, y)."


def test_a_write_pays_for_a_row_that_the_base_does_not_write() -> None:
    moves = WriteCost("stock_moves", ("by_product", "by_order"), new=True)
    text = write_cause([WriteCost("products", ("size",), updated=True), moves])
    assert text == (
        "It also writes to the table stock_moves, which is new, and enters it into 2 indexes "
        "(by_product, by_order)."
    )
    assert write_cause([WriteCost("t", (), new=True)]) == (
        "It also writes to the table t, which is new."
    )


def test_an_update_may_touch_an_index_or_not() -> None:
    text = write_cause([WriteCost("offers", ("status",), updated=True)])
    assert text is not None
    assert text.startswith("It changes rows of offers, which has 1 more index (status)")
    assert "that hold a changed column" in text


def test_a_write_with_nothing_more_to_keep_has_no_cause_of_its_own() -> None:
    assert write_cause([]) is None
    assert write_cause([WriteCost("t", (), updated=True)]) is None


def test_the_same_plans_give_the_same_words() -> None:
    once = cause([SCAN, SORT], [BY_TYPE], steps(9), steps(8))
    assert once == cause([SCAN, SORT], [BY_TYPE], steps(9), steps(8))
