"""Schedules, tapes and records of load: equal seeds, equal tapes; nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load import records
from bench.load.arrivals import InvalidSchedule, Step, arrival_times, seconds_of
from bench.load.records import Answer
from bench.load.schedule import (
    RequestMix,
    Schedule,
    ScheduleExhausted,
    of_json,
    sample_schedule,
    to_json,
)
from bench.resale import user_profiles
from bench.resale.hooks import HOOKS
from bench.resale.http_requests import BESIDES, CALLS
from seeds.plan import FUNNEL

MIX = RequestMix(HOOKS.service, HOOKS.generator.planned(scale=0.01, seed=7), user_profiles.shares())


def drawn(seed: int = 1, rate: float = 50.0) -> Schedule:
    rng = np.random.default_rng(seed)
    return sample_schedule(MIX, arrival_times([Step(rate, 4.0)], "poisson", rng), seed)


@given(
    rate=st.floats(0.1, 500),
    seconds=st.floats(0.5, 20),
    spacing=st.sampled_from(["poisson", "even"]),
    seed=st.integers(0, 1000),
)
def test_a_schedule_has_the_rate_and_stays_in_its_time(
    rate: float, seconds: float, spacing: str, seed: int
) -> None:
    steps = [Step(rate, seconds), Step(2 * rate, seconds)]
    due_ns = arrival_times(steps, spacing, np.random.default_rng(seed))  # type: ignore[arg-type]
    assert len(due_ns) == round(rate * seconds) + round(2 * rate * seconds)
    assert np.all(np.diff(due_ns) >= 0)
    assert np.all((due_ns >= 0) & (due_ns <= round(seconds_of(steps) * 1e9) + 1))


def test_poisson_gaps_vary_as_exponential_ones_do() -> None:
    gaps = np.diff(arrival_times([Step(1000.0, 20.0)], "poisson", np.random.default_rng(3)))
    # The standard deviation of an exponential is its mean; even gaps have none.
    assert 0.95 < gaps.std() / gaps.mean() < 1.05
    even = np.diff(arrival_times([Step(1000.0, 20.0)], "even", np.random.default_rng(3)))
    assert set(even.tolist()) == {1_000_000}


@pytest.mark.parametrize("steps", [[], [Step(0, 1)], [Step(1, 0)], [Step(float("nan"), 1)]])
def test_no_load_is_refused(steps: list[Step]) -> None:
    with pytest.raises(InvalidSchedule):
        arrival_times(steps, "even", np.random.default_rng(0))


def test_equal_seeds_make_equal_schedules_and_others_do_not() -> None:
    assert drawn(1).digest == drawn(1).digest
    assert drawn(1).digest != drawn(2).digest


def test_a_schedule_survives_the_way_to_its_generator() -> None:
    recorded = drawn()
    sent = [orjson.dumps(to_json(scheduled)) for scheduled in recorded.requests]
    assert Schedule(tuple(of_json(orjson.loads(line)) for line in sent)).digest == recorded.digest


def test_workers_share_a_schedule_without_loss() -> None:
    whole = drawn()
    parts = [whole.of_worker(nth, 3).requests for nth in range(3)]
    assert sorted(scheduled.due_ns for part in parts for scheduled in part) == [
        scheduled.due_ns for scheduled in whole.requests
    ]


def test_no_write_of_a_schedule_uses_up_a_row_twice() -> None:
    rng = np.random.default_rng(1)
    due_ns = arrival_times([Step(100.0, 2.0)], "even", rng)
    recorded = sample_schedule(MIX.only({"checkout": 0.5, "reserve": 0.5}), due_ns, 1)
    bought = [
        scheduled.request.body["items"][0]["product_id"]
        if scheduled.name == "checkout"
        else scheduled.request.body["product_id"]
        for scheduled in recorded.requests
    ]
    assert len(set(bought)) == len(bought) == 200
    assert set(HOOKS.service.exclusive) <= set(CALLS) | set(BESIDES)


def test_a_shop_too_small_for_the_writes_is_named() -> None:
    due_ns = arrival_times([Step(1000.0, 2.0)], "even", np.random.default_rng(1))
    small = RequestMix(HOOKS.service, HOOKS.generator.planned(0.001, 7), {"checkout": 1.0})
    with pytest.raises(ScheduleExhausted, match="seed a larger one"):
        sample_schedule(small, due_ns, 1)


def test_the_mix_follows_the_published_funnel() -> None:
    shares = user_profiles.shares()
    assert sum(shares.values()) == pytest.approx(1)
    views = shares["product_detail"]
    assert shares["reserve"] / views == pytest.approx(
        FUNNEL["add_to_cart"] / FUNNEL["product_view"]
    )
    assert shares["checkout"] / views == pytest.approx(FUNNEL["purchase"] / FUNNEL["product_view"])
    lists = ("products_newest", "products_by_size", "products_by_category_size")
    looks = views + sum(shares[name] for name in lists)
    assert shares["track_events"] * user_profiles.EVENTS_IN_A_BATCH == pytest.approx(looks)


def test_every_request_of_the_mix_can_be_made_and_every_call_is_in_it() -> None:
    shares = user_profiles.shares()
    assert set(shares) == set(CALLS) | set(BESIDES)


def test_a_kind_keeps_its_share_when_some_of_its_requests_are_left_out() -> None:
    without = ("stock_history", "stock_of_order", "rollup_range", "rollup_of_type")
    some, all_of = user_profiles.shares(without=without), user_profiles.shares()
    assert not set(without) & set(some)
    assert some["product_detail"] == pytest.approx(all_of["product_detail"])
    assert some["logs_recent"] > all_of["logs_recent"]
    assert set(user_profiles.shares(families=["log-queries"])) == {
        "logs_recent",
        "logs_errors_since",
    }
    with pytest.raises(ValueError, match="family"):
        user_profiles.shares(families=["no-such"])


ANSWERS = st.lists(
    st.builds(
        Answer,
        name=st.sampled_from(["product_detail", "checkout", "checkout: 409"]),
        due_ns=st.integers(0, 10**12),
        sent_ns=st.integers(0, 10**12),
        ended_ns=st.integers(0, 10**12),
        status=st.sampled_from([0, 200, 201, 409, 503]),
        error=st.sampled_from([records.GOOD, records.TIMED_OUT, "status 503"]),
    ),
    max_size=30,
)


@given(ANSWERS)
def test_records_survive_their_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Answer]
) -> None:
    path: Path = tmp_path_factory.mktemp("records") / "answers.parquet"
    answers = records.columns(rows)
    records.write(path, answers)
    back = records.read(path)
    for name in ("name", "due_ns", "sent_ns", "ended_ns", "status", "error"):
        assert getattr(back, name).tolist() == getattr(answers, name).tolist()


@given(ANSWERS, st.integers(1, 4))
def test_parts_merge_to_the_whole(rows: list[Answer], parts: int) -> None:
    whole = records.columns(rows)
    back = records.merged([records.columns(rows[nth::parts]) for nth in range(parts)])
    assert back.due_ns.tolist() == whole.due_ns.tolist()
    assert sorted(back.since_due_ns.tolist()) == sorted(whole.since_due_ns.tolist())
    assert int(back.good.sum()) == sum(row.error == records.GOOD for row in rows)
