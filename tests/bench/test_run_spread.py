"""Several runs a side: simulated runs whose true change is known."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge import stats
from bench.judge.compare_runs import ComparedRun
from bench.judge.run_spread import Change, Logs, RunSpeedups, _levels, changes
from bench.results.run import Run
from tests.bench.fixtures.judged import comparison, figures, measured, pair
from tests.bench.fixtures.show_report import make_run
from tests.validation import compare_trials

FIGURES, ROUNDS = 60, 20
# What the parameters of each round make of a speedup, in all runs alike.
PARAMETERS = np.linspace(-1, 1, ROUNDS)
MIRRORED = {"slower": "faster", "faster": "slower"}


def side(
    rng: np.random.Generator, runs: int, between: float, *, within: float = 0.01, first: float = 1.0
) -> list[RunSpeedups]:
    """Runs of FIGURES speedups, the first times `first`.

    `between` is the standard deviation of what a run's mean log has of the run, `within` that of
    what it has of the chance of its rounds.
    """
    made = []
    for _ in range(runs):
        logs = rng.normal(0, between, FIGURES)
        logs[0] += math.log(first)
        made.append([alone(log, rng.normal(0, within * math.sqrt(ROUNDS), ROUNDS)) for log in logs])
    return made


def alone(log: float, rounds: Logs) -> Logs:
    """One speedup of a run whose rounds have a draw each, and parameters of their own."""
    logs: Logs = (log + PARAMETERS + rounds)[:, np.newaxis]
    return logs


def judged(
    base: Sequence[RunSpeedups],
    head: Sequence[RunSpeedups],
    effect: float,
    primary: Collection[int] = (),
    operations: int = FIGURES,
) -> list[Change]:
    return changes(base, head, effect, primary, operations=operations)


def verdicts(found: Sequence[Change]) -> list[str]:
    return [change.verdict for change in found]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.2), st.floats(0.5, 2), st.integers(2, 4))
def test_swapping_the_sides_mirrors_every_verdict(
    seed: int, between: float, first: float, runs: int
) -> None:
    rng = np.random.default_rng(seed)
    base, head = side(rng, runs, between), side(rng, runs, between, first=first)
    there, back = judged(base, head, 0.05), judged(head, base, 0.05)
    assert verdicts(back) == [MIRRORED.get(one, one) for one in verdicts(there)]
    for one, other in zip(there, back, strict=True):
        assert one.ratio * other.ratio == pytest.approx(1)
        assert one.low <= one.ratio <= one.high


@pytest.mark.parametrize("between", [0.0, 0.03, 0.2])
def test_equal_sides_raise_no_alarm_however_runs_differ(between: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(100):
        found = judged(side(rng, 3, between), side(rng, 3, between), 0.05)
        assert not {"slower", "faster"} & set(verdicts(found))


@pytest.mark.parametrize(("slowed", "verdict"), [(1 / 1.2, "slower"), (1.2, "faster")])
def test_a_fifth_is_found_where_runs_differ_by_two_per_cent(slowed: float, verdict: str) -> None:
    rng = np.random.default_rng(8)
    found = [judged(side(rng, 3, 0.02), side(rng, 3, 0.02, first=slowed), 0.05) for _ in range(100)]
    assert sum(one[0].verdict == verdict for one in found) >= 90
    assert not {"slower", "faster"} & {one for run in found for one in verdicts(run[1:])}


def test_what_the_study_asks_for_is_found_sooner_and_all_together_keep_the_level() -> None:
    rng = np.random.default_rng(5)
    sides = [(side(rng, 3, 0.02), side(rng, 3, 0.02, first=1 / 1.08)) for _ in range(60)]
    alike, asked = (
        sum(judged(*both, 0.05, primary)[0].verdict == "slower" for both in sides)
        for primary in ((), [0])
    )
    assert asked >= alike + 10
    for primary in ((), range(FIGURES), [0], range(20)):
        assert _levels(np.full(FIGURES, True), primary).sum() == pytest.approx(stats.FALSE_ALARMS)


def test_what_is_certain_but_below_the_minimum_effect_is_no_change() -> None:
    rng = np.random.default_rng(9)
    found = judged(side(rng, 3, 0, within=0.001), side(rng, 3, 0, within=0.001, first=0.97), 0.05)
    assert set(verdicts(found)) == {"same"}


def test_runs_that_agree_by_chance_are_trusted_no_further_than_their_rounds() -> None:
    noise = np.tile([0.5, -0.5], ROUNDS // 2)
    turned = (noise, -noise)
    base = [[alone(0.0, turned[run % 2])] for run in range(3)]
    [change] = judged(base, [[alone(-0.2, turned[run % 2])] for run in range(3)], 0.05)
    assert change.ratio == pytest.approx(math.exp(-0.2))
    assert change.verdict == "inconclusive"


def test_runs_count_with_the_rounds_and_draws_that_all_have() -> None:
    rng = np.random.default_rng(4)
    base, head = side(rng, 3, 0.01), side(rng, 3, 0.01)
    there = judged(base, head, 0.05)
    for run in head:
        run[0] = np.vstack([np.hstack([run[0], run[0] + 9]), np.full((2, 2), 9)])
    assert judged(base, head, 0.05) == there


def test_speedups_that_are_the_same_in_every_run_take_nothing_from_the_others() -> None:
    rng = np.random.default_rng(6)
    base, head = side(rng, 3, 0.02), side(rng, 3, 0.02, first=1 / 1.2)
    there = judged(base, head, 0.05)
    for run in (*base, *head):
        run += [np.zeros((ROUNDS, 1))] * 7
    found = judged(base, head, 0.05)
    assert found[:FIGURES] == there
    assert set(verdicts(found[FIGURES:])) == {"same"}


@pytest.mark.parametrize("count", [1, 5])
def test_few_speedups_tell_nothing_of_what_is_usual(count: int) -> None:
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(300):
        base, head = ([run[:count] for run in side(rng, 3, 0.04)] for _ in range(2))
        found = judged(base, head, 0.05, operations=count)
        alarms += bool({"slower", "faster"} & set(verdicts(found)))
    # One in a thousand is promised; four of 300 are beyond chance at one in a thousand.
    assert alarms < 4


def test_rounds_that_share_a_state_with_their_neighbours_are_no_independent_rounds() -> None:
    """In a third of the operations the machine's state moves every few rounds, in others not."""
    rng = np.random.default_rng(9)

    def moving_side() -> list[RunSpeedups]:
        runs = side(rng, 3, 0.0)
        for run in runs:
            for logs in run[::3]:
                logs += np.repeat(rng.normal(0, 0.15, 5), ROUNDS // 5)[:, np.newaxis]
        return runs

    alarms = 0
    for _ in range(100):
        found = judged(moving_side(), moving_side(), 0.05)
        alarms += bool({"slower", "faster"} & set(verdicts(found)))
    assert alarms < 5


def test_one_run_has_no_spread_and_no_figure_no_change() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(stats.NoSamples, match="2 runs a side"):
        judged(side(rng, 1, 0.01), side(rng, 2, 0.01), 0.05)
    assert judged([[], []], [[], []], 0.05) == []


def compared(count: int) -> list[ComparedRun]:
    rng = np.random.default_rng(3)
    made = []
    for place, run in enumerate(side(rng, count, 0.01)):
        operations = tuple(
            measured(f"operation{figure}", {"after": figures(vm_steps=10)}, pair(1.0, 0.9, 1.1))
            for figure in range(FIGURES)
        )
        own = {"operations": operations, "dataset": {"run": place}}
        samples = {
            f"operation{figure}": {
                "before": 1e6 * np.exp(logs)[:, :, np.newaxis],
                "after": np.full((ROUNDS, 1, 1), 1e6),
            }
            for figure, logs in enumerate(run)
        }  # fmt: skip
        made.append(
            ComparedRun(
                Run.model_validate(make_run() | {"name": f"run{place}"}),
                comparison().model_copy(update=own),
                samples,
            )
        )
    return made


def test_trials_find_what_is_slowed_and_nothing_else() -> None:
    result = compare_trials.play(compared(8), side=3, trials=20, share=0.2, seed=1)
    assert (result.false_alarms, result.found, result.others_told) == ((), 20, 0)
    with pytest.raises(ValueError, match="need 6 runs, not 5"):
        compare_trials.play(compared(5), side=3, trials=1, share=0.2, seed=1)
