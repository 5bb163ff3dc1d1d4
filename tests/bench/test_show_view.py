from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import BenchError
from bench.show import view
from tests.bench.fixtures.show_report import make_report


def test_every_operation_of_the_document_is_shown_once() -> None:
    report = make_report()
    shown = [o.name for family in view.families(report) for o in family.operations]
    assert sorted(shown) == sorted(e["name"] for e in report.comparison["operations"])
    assert len(shown) == 31


def test_slower_ones_stand_on_top_and_controls_at_the_foot() -> None:
    families = view.families(make_report())
    for family in families:
        speedups = [o.versus.speedup or 0 for o in family.operations if o.versus]
        assert speedups == sorted(speedups)
    assert families[0].operations[0].name == "events_count_by_type_since"
    assert [family.control for family in families] == [False] * (len(families) - 1) + [True]


def test_an_operation_of_the_judged_arm_only_is_not_compared_with_the_base() -> None:
    found = {o.name: o for o in view.operations(make_report())}["stock_history"]
    assert found.versus is None
    assert found.arm("before") is None
    assert found.arm("after") is not None


def test_a_band_is_the_range_of_the_own_family_not_of_the_catch_all() -> None:
    found = {o.name: o.promised for o in view.operations(make_report())}
    assert found["events_recent"] == (50, 100)
    assert found["product_detail"] == (5, 10)
    assert found["order_history"] is None


def test_queries_come_before_writes_among_the_slower() -> None:
    slower = view.slower_operations(make_report())
    assert [o.name for o in slower[:2]] == ["events_count_by_type_since", "events_newest_of_type"]
    assert [o.kind for o in slower] == sorted(o.kind for o in slower)


def test_only_arms_in_which_it_is_not_slower_mend_an_operation() -> None:
    report = make_report()
    mended = {
        o.name: [c.arm for c in view.mending(report, o)] for o in view.slower_operations(report)
    }
    assert mended["events_by_type_since"] == ["after_analyzed", "recommended"]
    assert mended["events_newest_of_type"] == ["recommended"]
    assert mended["track_events"] == []


def test_lines_that_the_base_plan_lacks_are_marked() -> None:
    found = {o.name: o for o in view.operations(make_report())}["events_recent"]
    assert not any(line.changed for line in found.arm("before").plan)
    assert all(line.changed for line in found.arm("after").plan)


def test_a_copy_of_an_arm_for_the_noise_floor_is_not_shown() -> None:
    report = make_report()
    first = report.comparison["operations"][0]
    first["arms"]["before_again"] = dict(first["arms"]["before"])
    assert [arm.name for arm in view.operations(report)[0].arms] == [
        "before",
        "after",
        "after_analyzed",
        "recommended",
    ]


def test_a_document_that_lacks_something_is_refused_with_advice() -> None:
    report = make_report()
    with pytest.raises(BenchError, match="resale-bench run"):
        replace(report, claims={})
    del report.comparison["operations"][3]["arms"]
    with pytest.raises(BenchError, match="'arms'"):
        view.operations(report)


def test_an_anchor_holds_no_markup() -> None:
    assert view.anchor("a<b> 'c'") == "op-a-b-c-"
