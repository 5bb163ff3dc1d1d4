"""bench.judge.gate_times: intervals, noise and verdicts, on made-up and simulated rounds."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bench.gate.timing_plan import planned_rounds
from bench.judge import stats
from bench.judge.gate_times import (
    FALSE_ALARMS_OF_RUN,
    MOST_ANALYSES,
    UNDERRATED,
    WRONG_PASSES,
    Timed,
    alarm_tail,
    between,
    noise_of,
    standard_error,
    time_document,
    verdict_of,
    verdicts_of,
)
from bench.judge.noise import Controls
from bench.judge.stats import interval_at
from tests.bench.fixtures.gate_rounds import QUIET, around, timed

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
    assert alarm_tail(26) * 26 * MOST_ANALYSES == pytest.approx(FALSE_ALARMS_OF_RUN)


def simulated_run(rng: np.random.Generator, *, effect: float, operations: int = 8) -> list[str]:
    """Final verdicts of a run that looks again at what is undecided, with per-process luck.

    Rounds scatter by 4 % with heavy tails, and each process is off by 1 % as long as it lives.
    """
    rounds = (32, 32, 64, 128, 256, 512)
    known: list[tuple[list[Any], list[Any]]] = [([], []) for _ in range(operations)]
    verdicts = ["inconclusive"] * operations
    for look in range(MOST_ANALYSES):
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
        last = look == MOST_ANALYSES - 1
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
    noisy = Controls(0.01, {"op": stats.speedup_of(around(1.0, spread=0.3))})
    one = timed(around(1.0), around(1.0))
    assert noisy.own_floor("op") is not None
    assert verdict_of(one, 0.05, noisy, 26) == "inconclusive"
    assert verdict_of(one, 0.05, Controls(0.0, {}), 26) == "inconclusive"


def test_a_regression_has_to_exceed_what_the_pairs_of_the_run_show() -> None:
    one = timed(around(1.10), around(1.10))
    assert verdict_of(one, 0.05, replace(QUIET, floor=0.12), 26) == "inconclusive"


def test_the_document_of_times_tells_ratio_and_both_intervals() -> None:
    told = time_document(timed(around(1.10), around(1.10)), 0.05, QUIET, 26, "regression")
    assert told.ratio == pytest.approx(1.10)
    assert told.alarm is not None
    assert told.ci95 is not None
    assert told.alarm[0] <= told.ci95[0] <= told.ratio <= told.ci95[1]
    assert told.rounds == len(told.ratio_rounds) == 64
    assert told.verdict == "regression"
    few = time_document(timed([0.0, 0.0]), 0.05, QUIET, 26, "inconclusive")
    assert (few.ci95, few.alarm, few.verdict) == (None, None, "inconclusive")


def test_no_pass_where_the_noise_of_the_run_exceeds_the_limit() -> None:
    restless = Controls(0.06, QUIET.pairs)
    assert verdict_of(timed(around(1.0)), 0.05, restless, 1) == "inconclusive"
    assert verdict_of(timed(around(1.0)), 0.05, QUIET, 1) == "pass"


def test_what_is_far_faster_needs_no_quiet_machine() -> None:
    restless = Controls(0.26, QUIET.pairs)
    assert verdict_of(timed(around(0.0042, spread=0.3)), 0.05, restless, 2) == "pass"
    assert verdict_of(timed(around(0.7)), 0.05, restless, 2) == "pass"
    assert verdict_of(timed(around(0.84)), 0.05, restless, 2) == "inconclusive"


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
    close = replace(timed(around(1.035)), name="close", controls=(tuple(around(1.0)),))
    # Its later generations differ from one another by 3 %, which says nothing of `close`.
    slow = [around(1.05, spread=0.05), *[around(1.05)] * 5]
    pairs = [around(1.0), *[around(1 + sign * 0.03) for sign in (1, -1, 1, -1, 1)]]
    other = replace(timed(*slow), name="other", controls=tuple(map(tuple, pairs)))
    assert verdict_of(close, 0.05, noise_of([close, other]), 2) == "inconclusive"
    assert verdicts_of([close, other], lambda _: 0.05)["close"] == "pass"
    wild = replace(other, controls=tuple(map(tuple, [around(1.0), *[around(1.12)] * 5])))
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
            seen = tuple(chain.from_iterable(known[place][0]))
            suspect = bool(seen) and statistics.median(seen) > math.log(1.05)
            count = planned_rounds(look, suspect=suspect)
            noise = rng.standard_t(3, (3, count)) * rounds / math.sqrt(6)
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
