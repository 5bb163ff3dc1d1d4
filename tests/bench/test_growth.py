"""A power law is found again, a word says what its interval says, shops of sizes are measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.growth import from_run, measure_growth
from bench.judge.growth import Fit, Grown, GrowthRecord, fit, growth_document, word
from bench.judge.stats import NoSamples
from bench.results.growth import Size
from bench.study import StudyError, load_study
from tests.bench.fixtures import judged

SIZES = (1e4, 3e4, 1e5, 3e5, 1e6, 1e7)


@given(exponent=st.floats(-1, 3), constant=st.floats(0.5, 1e6))
def test_a_power_law_is_found_again(exponent: float, constant: float) -> None:
    found = fit(SIZES, [constant * size**exponent for size in SIZES])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.exponent == pytest.approx(exponent, abs=1e-6)
    assert found.high - found.low < 1e-4


@given(exponent=st.sampled_from([0.0, 0.5, 1.0, 1.5]), seed=st.integers(0, 10_000))
def test_with_noise_it_is_found_within_its_noise(exponent: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = [size**exponent * float(np.exp(rng.normal(0, 0.05))) for size in SIZES]
    found = fit(SIZES, values)
    assert found is not None
    # Five standard errors of the slope: 0.05 over the spread of the logarithms of the sizes.
    reach = 5 * 0.05 / float(np.sqrt(np.sum((np.log(SIZES) - np.mean(np.log(SIZES))) ** 2)))
    assert abs(found.exponent - exponent) < reach


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(2000):
        found = fit(SIZES, [size * float(np.exp(rng.normal(0, 0.1))) for size in SIZES])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1 <= found.high
    # 95 % of 2000, give or take four standard deviations.
    assert abs(held / 2000 - 0.95) < 0.02


@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 1000))
def test_the_unit_of_a_value_changes_no_exponent(factor: float, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(size=len(SIZES))
    plain, scaled = fit(SIZES, list(values)), fit(SIZES, list(values * factor))
    assert plain is not None
    assert scaled is not None
    assert plain.exponent == pytest.approx(scaled.exponent, abs=1e-9)


def test_few_sizes_give_no_interval() -> None:
    assert fit([], []) is None
    assert fit([5.0], [2.0]) is None
    assert fit([5.0, 5.0], [2.0, 3.0]) is None
    found = fit([1.0, 10.0], [1.0, 100.0])
    assert found is not None
    assert found.exponent == pytest.approx(2)
    assert (found.low, found.high) == (None, None)
    assert word(found) == "undecided"


def test_what_has_no_logarithm_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        fit([1.0, 2.0], [0.0, 1.0])
    with pytest.raises(NoSamples):
        fit([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.3, 0.1, "flat"),
        (0.0, 0.0, "flat"),
        (0.0, 0.11, "below linear"),
        (0.4, 0.6, "below linear"),
        (0.9, 1.1, "linear"),
        (0.89, 1.0, "undecided"),
        (1.0, 1.2, "undecided"),
        (1.11, 2.0, "above linear"),
        (-3.0, 3.0, "undecided"),
    ],
)
def test_a_word_says_what_the_whole_interval_says(low: float, high: float, said: str) -> None:
    assert word(Fit((low + high) / 2, low, high)) == said


def test_the_document_takes_medians_and_joins_a_run() -> None:
    study = load_study()
    sizes = tuple(
        Size(scale=scale, rows={"products": int(scale * 1e5), "analytics_events": int(scale * 1e7)})
        for scale in (0.001, 0.01, 0.1)
    )
    points = tuple(
        Grown("events_recent", "before", size.scale, (events, events, 1), (7,) * 7)
        for size in sizes
        for events in (size.rows["analytics_events"],)
    )
    document = growth_document(GrowthRecord(study, ("before",), sizes, points, judged.DATASET))
    json.dumps(document.json_values(), allow_nan=False)
    [operation] = document.operations
    arm = operation.arms["before"]
    assert arm.word == "linear"
    assert arm.steps_exponent == pytest.approx(1)
    assert [point.vm_steps for point in arm.points] == [
        size.rows["analytics_events"] for size in sizes
    ]
    assert arm.points[0].median_ci95_ns == (7, 7)
    assert arm.time_exponent == pytest.approx(0)


def test_counters_of_three_sizes_tell_a_scan_from_a_search(tmp_path: Path) -> None:
    study = load_study()
    record = measure_growth(study, (0.003, 0.001, 0.002), tmp_path, times=False, samples=2)
    assert list(tmp_path.iterdir()) == []
    document = growth_document(record)
    assert [point.scale for point in document.points] == [0.001, 0.002, 0.003]
    by_name = {entry.name: entry.arms for entry in document.operations}
    assert by_name["events_recent"]["before"].word == "linear"
    assert by_name["events_recent"]["after"].word == "flat"
    assert by_name["events_recent"]["before"].time_exponent is None
    # A write costs the same at each size, and more with more indexes.
    tracked = by_name["track_events"]
    assert tracked["before"].word == tracked["after"].word == "flat"
    assert tracked["after"].points[0].vm_steps > tracked["before"].points[0].vm_steps
    assert set(tracked) <= set(study.arms_of("growth"))


def test_a_run_gives_the_largest_point() -> None:
    study = load_study()
    seen = judged.figures(vm_steps=5, median_ns=9, ci95_ns=(8, 11))
    operations = (
        judged.measured("events_recent", {"before": seen, "odd": seen}),
        judged.measured("write_log", {"before": seen}, kind="write"),
    )
    run = judged.comparison().model_copy(update={"operations": operations})
    size, points = from_run(study, run, 1.0)
    assert size == Size(scale=1.0, rows=judged.ROWS)
    assert points == [
        Grown("events_recent", "before", 1.0, (5,), (9,), (8, 11)),
        Grown("write_log", "before", 1.0, (5,)),
    ]


def test_wrong_use_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    study = load_study()
    with pytest.raises(StudyError, match="Name a size"):
        measure_growth(study, (), tmp_path)
    with pytest.raises(StudyError, match="once"):
        measure_growth(study, (0.001, 0.001), tmp_path)
    with pytest.raises(StudyError, match="one of the study 'small'"):
        measure_growth(study, (0.001,), tmp_path, full=judged.comparison())
    assert list(tmp_path.iterdir()) == []
