from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bench.errors import BenchError
from bench.judge import compare
from bench.judge.records import ArmSamples
from bench.results.comparison import Comparison, OperationComparison, Pair
from bench.study import StudyError
from tests.bench.fixtures.judged import (
    ARM_FACTS,
    ROUNDS,
    comparison,
    entry_of,
    samples,
    study,
)

ARM_KEYS = {
    "median_ns",
    "ci95_ns",
    "p95_ns",
    "p95_ci95_ns",
    "p99_ns",
    "max_ns",
    "rounds",
    "samples",
    "vm_steps",
    "fullscan_steps",
    "sorts",
    "autoindexes",
    "rows",
    "pages_read",
    "pages_written",
    "log_bytes",
    "plan",
}


def operation(document: Comparison, name: str) -> OperationComparison:
    found = document.operation(name)
    assert found is not None
    return found


def pair(document: Comparison, name: str, base: str, arm: str) -> Pair:
    found = operation(document, name).pair(base, arm)
    assert found is not None
    return found


def flat(name: str, arm: str, *times: int, twin: bool = False) -> ArmSamples:
    return ArmSamples(name, arm, tuple((time,) for time in times), twin)


def only(*entries: ArmSamples, **changes):
    return comparison(samples=list(entries), **changes)


def test_the_document_has_the_keys_that_readers_rely_on() -> None:
    document = comparison()
    values = json.loads(json.dumps(document.json_values()))
    assert Comparison.read(values, name="comparison", command="run") == document
    assert (document.schema_version, document.study) == (2, "small")
    assert (document.base, document.judged) == ("before", "after")
    assert set(values["dataset"]) == {"scale", "seed", "rows", "content_hash"}
    entry = operation(document, "one")
    assert set(entry.arms) == {"before", "after", "recommended"}
    assert all(set(arm) == ARM_KEYS for arm in entry_of(values, "one")["arms"].values())
    arm = entry.arms["before"]
    assert (arm.rounds, arm.samples, arm.rows, arm.vm_steps) == (7, 21, 3, 100)
    assert arm.ci95_ns[0] <= arm.median_ns <= arm.ci95_ns[1]
    assert arm.median_ns <= arm.p95_ns <= arm.max_ns
    assert arm.p99_ns is None
    assert isinstance(arm.median_ns, int)


def test_every_verdict_of_a_comparison_is_reached() -> None:
    document = comparison(
        {
            ("one", "after"): 20_000,
            ("two", "after"): 1_500_000,
            ("control", "recommended"): 1_050_000,
        }
    )
    assert pair(document, "one", "before", "after").verdict == "faster"
    assert pair(document, "one", "before", "after").speedup == pytest.approx(50, rel=0.02)
    assert pair(document, "two", "before", "after").verdict == "slower"
    assert pair(document, "control", "before", "after").verdict == "same"
    assert pair(document, "control", "before", "recommended").verdict == "inconclusive"


def test_the_base_meets_every_arm_and_the_judged_arm_every_later_one() -> None:
    pairs = [(found.base, found.arm) for found in operation(comparison(), "one").comparisons]
    assert pairs == [
        ("before", "after"),
        ("before", "recommended"),
        ("after", "recommended"),
    ]


def test_what_the_base_cannot_answer_is_shown_and_never_held_against_it() -> None:
    entry = operation(comparison(), "later")
    assert set(entry.arms) == {"after", "recommended"}
    assert [(one.base, one.arm) for one in entry.comparisons] == [("after", "recommended")]


def test_only_what_is_slower_has_a_cause() -> None:
    plans = {("one", "before"): ("SCAN t",), ("one", "after"): ("SEARCH t USING INDEX i (a=?)",)}
    document = comparison(
        {("one", "after"): 2_000_000, ("written", "after"): 3_000_000},
        plans=plans,
        arm_facts=ARM_FACTS,
    )
    slower = pair(document, "one", "before", "after")
    assert "takes i (a=?) instead of reading t" in slower.cause
    written = pair(document, "written", "before", "after").cause
    assert "2 more indexes (idx_one, idx_two)" in written
    assert "the table ledger, which is new, and enters it into 1 index (idx_ledger)" in written
    assert pair(document, "control", "before", "after").cause is None


def test_each_pair_of_arms_has_the_cause_of_its_own_indexes_and_statistics() -> None:
    slow = {
        ("written", "after"): 2_000_000,
        ("written", "recommended"): 4_000_000,
        ("two", "recommended"): 1_800_000,
        ("control", "recommended"): 3_000_000,
    }
    document = comparison(slow, arm_facts=ARM_FACTS)
    more = pair(document, "written", "after", "recommended").cause
    assert more == "Each row written is also entered into 1 more index (wide)."
    assert "statistics differ" in pair(document, "two", "after", "recommended").cause
    # No planning takes 2 ms.
    assert "statistics" not in pair(document, "control", "after", "recommended").cause
    unknown = comparison(slow)
    assert "index" not in pair(unknown, "written", "before", "after").cause
    assert "statistics" not in pair(unknown, "two", "after", "recommended").cause


def test_an_operation_that_could_not_be_measured_stays_with_its_reason() -> None:
    reason = "this scale has only 3 rows that can be used up"
    document = only(
        samples("one", "before"),
        samples("one", "before", twin=True),
        answers_equal={"one": True, "two": True},
        not_measured={"two": {"before": reason, "after": reason}, "one": {"after": "no file"}},
    )
    entry = operation(document, "two")
    assert entry.arms == {}
    assert entry.not_measured == {"before": reason, "after": reason}
    found = pair(document, "two", "before", "after")
    assert (found.verdict, found.cause, found.ci95) == ("inconclusive", reason, None)
    assert operation(document, "one").not_measured == {"after": "no file"}


def test_answers_that_differ_before_any_timing_are_not_left_out() -> None:
    document = only(
        samples("one", "before"),
        samples("one", "before", twin=True),
        answers_equal={"one": True, "two": False},
    )
    found = pair(document, "two", "before", "after")
    assert (found.verdict, found.cause) == ("inconclusive", "answers differ")


def test_tails_come_from_every_execution_and_medians_from_the_draws() -> None:
    # 7 rounds of 20 repetitions, each with 2 slow ones, which the medians of draws hide.
    executions = tuple(9_000 if turn % 10 == 0 else 1_000 for turn in range(140))
    entry = replace(flat("one", "before", *[1_000] * 7), executions_ns=executions)
    document = only(entry, samples("two", "before"), samples("two", "before", twin=True))
    arm = operation(document, "one").arms["before"]
    assert (arm.median_ns, arm.ci95_ns) == (1_000, (1_000, 1_000))
    assert (arm.p95_ns, arm.p99_ns, arm.max_ns) == (9_000, 9_000, 9_000)
    assert arm.samples == 140


@pytest.mark.parametrize(
    ("each", "has_p95", "has_p99"), [(2, False, False), (3, True, False), (15, True, True)]
)
def test_too_few_executions_have_no_tail(each: int, has_p95: bool, has_p99: bool) -> None:
    entry = replace(flat("one", "before", *[7] * 7), executions_ns=tuple(range(1, 7 * each + 1)))
    document = only(entry, samples("two", "before"), samples("two", "before", twin=True))
    arm = operation(document, "one").arms["before"]
    assert (arm.p95_ns is not None, arm.p99_ns is not None) == (has_p95, has_p99)
    assert (arm.p95_ci95_ns is not None) == has_p95
    assert (arm.max_ns, arm.samples) == (7 * each, 7 * each)


def test_executions_that_no_round_can_own_are_refused() -> None:
    entry = replace(flat("one", "before", *[7] * 7), executions_ns=(1, 2, 3))
    with pytest.raises(BenchError, match="3 executions in 7 rounds"):
        only(entry, samples("two", "before"), samples("two", "before", twin=True))


def test_unlike_answers_leave_no_time_to_count() -> None:
    document = comparison(
        {("one", "after"): 1_000},
        answers_equal={"one": False, "two": True, "control": True, "later": True, "written": True},
    )
    found = pair(document, "one", "before", "after")
    assert found.verdict == "inconclusive"
    assert found.cause == "answers differ"
    assert found.speedup is None
    assert found.ci95 is None
    assert operation(document, "one").answers_equal is False


def test_no_word_on_the_answers_is_refused() -> None:
    with pytest.raises(BenchError, match="answer one alike"):
        comparison(answers_equal={"two": True})


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        (flat("one", "after", *[5] * 6), "not measured on the same rounds"),
        (flat("one", "after", *[5] * 6, 0), "time of 0 ns"),
        (ArmSamples("one", "after", ()), "not measured on the same rounds"),
    ],
)
def test_what_cannot_be_judged_is_inconclusive_and_says_why(arm: ArmSamples, words: str) -> None:
    document = only(
        flat("one", "before", *[5] * 7), flat("one", "before", *[5] * 7, twin=True), arm
    )
    found = pair(document, "one", "before", "after")
    assert found.verdict == "inconclusive"
    assert words in found.cause
    assert found.speedup is None


def test_too_few_rounds_are_shown_but_not_judged() -> None:
    document = only(
        flat("one", "before", 9, 9, 9),
        flat("one", "after", 1, 1, 1),
        samples("two", "before"),
        samples("two", "before", twin=True),
    )
    found = pair(document, "one", "before", "after")
    assert found.verdict == "inconclusive"
    assert "at least 6 rounds, not 3" in found.cause
    assert operation(document, "one").arms["after"].median_ns == 1
    assert operation(document, "one").arms["after"].ci95_ns is None


def test_an_arm_without_a_sample_has_no_figures() -> None:
    document = only(
        ArmSamples("one", "before", ()),
        samples("two", "before"),
        samples("two", "before", twin=True),
    )
    assert operation(document, "one").arms["before"].median_ns is None


def test_a_run_without_a_pair_of_like_arms_is_refused() -> None:
    with pytest.raises(compare.MissingNoiseFloor, match="measure one arm twice"):
        only(samples("one", "before"), samples("one", "after"))


def test_an_unusable_pair_is_named_and_the_others_still_count() -> None:
    document = only(
        flat("one", "before", *[0] * 7),
        flat("one", "before", *[0] * 7, twin=True),
        samples("two", "before"),
        samples("two", "before", twin=True),
    )
    assert list(document.noise_floor.operations) == ["two"]
    assert "0 ns" in document.noise_floor.unusable["one"]


def test_a_twin_alone_and_an_arm_given_twice_are_refused() -> None:
    twin = samples("one", "before", twin=True)
    with pytest.raises(BenchError, match="measure both"):
        only(twin)
    with pytest.raises(BenchError, match="given twice"):
        only(samples("one", "before"), samples("one", "before"), twin)


def test_what_the_study_does_not_name_is_refused() -> None:
    with pytest.raises(StudyError, match="no operation 'three'"):
        only(samples("three", "before"))
    with pytest.raises(StudyError, match="no arm 'during'"):
        only(samples("one", "during"))


def test_the_noise_floor_names_its_worst_operation() -> None:
    entries = [samples(name, "before", twin=twin) for name in ("one", "two") for twin in (0, 1)]
    loud = [samples("control", "before", noise=0.3, twin=twin) for twin in (False, True)]
    document = only(*entries, *loud)
    floor = document.noise_floor
    assert floor.worst_operation == "control"
    assert floor.worst_floor == floor.operations["control"].floor > 0.05
    assert floor.operations["one"].floor < 0.05
    assert floor.ci95[0] < 1 < floor.ci95[1]
    assert floor.ci95[0] * floor.ci95[1] == pytest.approx(1)
    assert len(floor.operations["one"].rounds) == ROUNDS


def test_a_noisy_pair_widens_the_band_of_its_own_operation() -> None:
    shaken = tuple((1_000_000 + 400_000 * (turn % 2),) for turn in range(7))
    document = comparison(
        samples=[
            replace(samples("one", "before"), rounds=((1_000_000,),) * 7),
            replace(samples("one", "before", twin=True), rounds=shaken),
            replace(samples("one", "after"), rounds=((1_200_000,),) * 7),
            *(samples(name, "before", twin=twin) for name in ("two", "control") for twin in (0, 1)),
            samples("two", "after", 1_200_000),
        ]
    )
    noisy = pair(document, "one", "before", "after")
    assert noisy.band == pytest.approx(0.4)
    assert noisy.verdict == "inconclusive"
    quiet = pair(document, "two", "before", "after")
    assert quiet.band == 0.05
    assert quiet.verdict == "slower"


def test_an_operation_without_a_pair_takes_the_floor_of_the_run() -> None:
    document = only(
        flat("two", "before", *[1000] * 7),
        flat("two", "before", *[1100] * 7, twin=True),
        flat("one", "before", *[1000] * 7),
        flat("one", "after", *[1200] * 7),
    )
    found = pair(document, "one", "before", "after")
    assert found.band == document.noise_floor.floor > 0.2
    assert found.verdict == "inconclusive"


def test_operations_stand_in_the_order_of_the_study_and_unmeasured_ones_are_left_out() -> None:
    document = only(
        samples("control", "before"),
        samples("one", "before"),
        samples("one", "before", twin=True),
    )
    assert [entry.name for entry in document.operations] == ["one", "control"]


def test_the_same_generator_gives_the_same_document() -> None:
    assert comparison(rng=np.random.default_rng(4)) == comparison(rng=np.random.default_rng(4))


def test_like_databases_are_never_called_different_in_twenty_runs() -> None:
    names = [one.name for one in study().operations]
    for run in range(20):
        rng = np.random.default_rng(run)
        entries = [
            ArmSamples(
                name,
                arm,
                tuple(
                    tuple(int(t) for t in 50_000 * rng.lognormal(0, 0.08, 5)) for _ in range(ROUNDS)
                ),
                twin,
            )
            for name in names
            for arm, twin in (
                ("before", False),
                ("before", True),
                ("after", False),
                ("recommended", False),
            )
        ]
        document = comparison(samples=entries)
        verdicts = {found.verdict for entry in document.operations for found in entry.comparisons}
        assert verdicts <= {"same", "inconclusive"}
