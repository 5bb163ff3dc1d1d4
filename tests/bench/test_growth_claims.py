"""Claims on growth: the exponent of an operation's steps against a promised range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.judge import claims
from bench.results.claims import JudgedClaim
from bench.results.growth import ArmGrowth, Growth, OperationGrowth
from bench.study import Claim, StudyError, load_study, with_claims
from tests.bench.fixtures.judged import DATASET, comparison

CLAIM = Claim(
    "flat", "It stays fast", "growth", "after", expected=(0.0, 0.2), operations=("events_recent",)
)


def grown(**operations: tuple[float, float, float] | None) -> Growth:
    return Growth(
        study="resale", dataset=DATASET, points=(), limits=(),
        operations=tuple(
            OperationGrowth(
                name=name, title=name, kind="read",
                arms={
                    "after": ArmGrowth(
                        points=(),
                        steps_exponent=None if told is None else told[0],
                        steps_ci95=None if told is None else told[1:],
                        time_exponent=None, time_ci95=None, word="undecided",
                    )
                },
            )
            for name, told in operations.items()
        ),
    )  # fmt: skip


def judged(claim: Claim, document: Growth | None) -> JudgedClaim:
    study = replace(load_study(), claims=(claim,))
    [found] = claims.judge_claims(study, comparison(), {}, document)
    return found


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.01, -0.1, 0.1), "confirmed"),
        ((0.1, 0.0, 0.2), "confirmed"),
        ((0.1, 0.0, 0.21), "inconclusive"),
        ((1.0, 0.2, 1.2), "inconclusive"),
        ((1.0, 0.9, 1.1), "refuted"),
    ],
)
def test_the_interval_of_the_exponent_decides(
    interval: tuple[float, float, float], verdict: str
) -> None:
    found = judged(CLAIM, grown(events_recent=interval))
    assert found.verdict == verdict
    assert (found.measured, found.ci95) == (interval[0], interval[1:])
    assert "events_recent grow with the exponent" in found.reason
    assert found.unit == "exponent"


def test_a_claim_is_as_good_as_its_worst_operation() -> None:
    both = replace(CLAIM, operations=("events_recent", "logs_recent"))
    found = judged(both, grown(events_recent=(0.0, -0.1, 0.1), logs_recent=(1.0, 0.9, 1.1)))
    assert found.verdict == "refuted"
    assert found.measured == 1.0
    assert [part.verdict for part in found.operations] == ["confirmed", "refuted"]


def test_growth_that_was_not_measured_decides_nothing() -> None:
    without = judged(CLAIM, None)
    assert without.verdict == "inconclusive"
    assert "resale-bench evidence" in without.reason
    assert judged(CLAIM, grown(events_recent=None)).verdict == "inconclusive"
    assert "was not measured" in judged(CLAIM, grown()).reason


def test_such_a_claim_needs_a_range_and_operations(tmp_path: Any) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('[[claims]]\nid = "g"\nquote = "q"\nkind = "growth"\narm = "after"\n')
    with pytest.raises(StudyError, match="lacks `expected` and `operations`"):
        with_claims(load_study(), path)
    path.write_text('[[claims]]\nid = "g"\nquote = "q"\nkind = "grwth"\narm = "after"\n')
    with pytest.raises(StudyError, match="`kind` to be speedup, limit, fact or growth"):
        with_claims(load_study(), path)
