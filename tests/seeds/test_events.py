"""One day of events."""

from __future__ import annotations

import numpy as np
import pytest

from seeds import events, past, vocabulary
from seeds.plan import Plan

PLAN = Plan(0.002)


@pytest.fixture(scope="module")
def known() -> events.Dictionaries:
    return events.prepare(PLAN, vocabulary.build(PLAN.seed))


def test_ids_are_known_by_arithmetic_and_blocks_do_not_depend_on_each_other(
    known: events.Dictionaries,
) -> None:
    later = events.block(PLAN, known, 200).rows
    again = events.block(PLAN, known, 200).rows
    assert later.equals(again)
    first = int(events.rows_per_day(PLAN)[:200].sum()) + 1
    assert later.column("id").to_pylist() == list(range(first, first + later.num_rows))


@pytest.mark.parametrize("day", [0, 100, 364])
def test_a_day_keeps_its_own_time(known: events.Dictionaries, day: int) -> None:
    stamps = events.block(PLAN, known, day).rows.column("timestamp").to_pylist()
    assert stamps == sorted(stamps)
    assert len({stamp[:10] for stamp in stamps}) == 1


def test_the_counts_of_a_day_are_those_of_its_rows(known: events.Dictionaries) -> None:
    block = events.block(PLAN, known, 300)
    rows = block.rows.to_pylist()
    for kind, name in enumerate(events.EVENT_TYPES):
        of_kind = [row for row in rows if row["event_type"] == name]
        users = {row["user_id"] for row in of_kind} - {None}
        sessions = {row["session_id"] for row in of_kind}
        assert block.daily[kind, :3].tolist() == [len(of_kind), len(sessions), len(users)]
    viewed = sum(row["event_type"] == "product_view" for row in rows)
    assert len(block.viewed) == viewed


def test_newness_leaves_the_years_totals_to_popularity() -> None:
    plan = Plan(0.5)
    catalogue = past.catalogue(plan)
    views = np.full(365, 1000)
    boost = events._freshness(catalogue, views)
    weights = catalogue.popularity * boost
    arrival = np.clip(catalogue.created_s // 86_400 + 1, 0, 364)
    reached = np.zeros(len(weights))
    for day in range(365):
        here = np.where(arrival <= day, weights, 0.0)
        reached += here / here.sum() * views[day]
    wanted = catalogue.popularity / catalogue.popularity.sum() * views.sum()
    assert np.abs(reached / wanted - 1).max() < 0.05
