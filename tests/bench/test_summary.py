from __future__ import annotations

import pytest

from bench.judge.summary import headline
from bench.results.claims import JudgedClaim
from bench.results.migration import ArmMigration
from tests.bench.fixtures.judged import comparison

MIGRATION = ArmMigration(
    arm="after",
    statements=(),
    duration_ns=41_500_000_000,
    checkpoint_ns=0,
    statistics_ns=0,
    database_bytes_before=1_000,
    database_bytes_after=1_700,
)


def claims(*verdicts: str) -> list[JudgedClaim]:
    return [JudgedClaim.model_construct(verdict=verdict) for verdict in verdicts]


def test_the_sentence_and_the_four_figures() -> None:
    document = comparison(
        {
            ("one", "after"): 2_000_000,
            ("two", "after"): 4_000_000,
            ("written", "after"): 1_500_000,
            ("control", "recommended"): 9_000_000,
        }
    )
    found = headline(document, claims("confirmed", "exceeded", "short", "refuted"), [MIGRATION])
    assert found.sentence == (
        "The migration keeps 2 of 4 promises; 2 queries and 1 write got slower."
    )
    assert (found.promises_kept, found.promises_total) == (2, 4)
    assert found.slower == ("two", "one", "written")
    assert found.worst is not None
    assert found.worst.operation == "two"
    assert found.worst.speedup == pytest.approx(0.25, rel=0.02)
    assert found.worst.ci95[0] <= found.worst.speedup <= found.worst.ci95[1]
    assert (found.stall_seconds, found.bytes_added) == (41.5, 700)
    assert found.write_tax == pytest.approx(1.5, rel=0.02)


def test_nothing_slower_and_nothing_known_of_the_price() -> None:
    found = headline(comparison(), claims("confirmed"), ())
    assert found.sentence == "The migration keeps 1 of 1 promise; no operation got slower."
    assert (found.slower, found.worst) == ((), None)
    assert (found.stall_seconds, found.bytes_added) == (None, None)


@pytest.mark.parametrize(
    ("slow", "words"),
    [({"one": 3e6}, "1 query got slower."), ({"written": 3e6}, "1 write got slower.")],
)
def test_singular(slow: dict[str, float], words: str) -> None:
    times = {(name, "after"): time for name, time in slow.items()}
    assert headline(comparison(times), claims(), ()).sentence.endswith(words)


def test_writes_that_could_not_be_judged_tax_nothing() -> None:
    names = ("one", "two", "control", "later", "written")
    document = comparison(answers_equal={name: name != "written" for name in names})
    assert headline(document, claims(), ()).write_tax is None
