from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure.claimable import require_claimable
from bench.study import Claim, Study, StudyError, load_study
from bench.study.hooks import generator_of

LIBRARY = load_study(Path(__file__).parent / "studies" / "library")
TABLES = ("books", "loans", "members")
QUICK = Claim("quick", "quick", "limit", "after", limit_ns=1)
GROWTH = Claim("lasts", "lasts", "growth", "after", expected=(0, 1), operations=("book",))


def fact(name: str) -> Claim:
    return Claim("told", "told", "fact", "after", fact=name, expected=(1, 1))


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (replace(LIBRARY, size={"book": "books"}), "'book' in `size`.* nearest is 'books'"),
        (
            replace(LIBRARY, claims=(replace(QUICK, at_rows={"laons": 5}),)),
            "'laons' in `at_rows` of the claim quick.* nearest is 'loans'",
        ),
        (
            replace(LIBRARY, claims=(replace(QUICK, promise="beyond", crash_at_rows={"x": 5}),)),
            "'x' in `crash_at_rows` of the claim quick.* there are books, loans, members",
        ),
        (replace(LIBRARY, claims=(fact("indices"),)), "'indices', which nothing.* 'indexes'"),
        (replace(LIBRARY, claims=(GROWTH,)), "lasts is on growth.* leave the claim out"),
    ],
)
def test_what_no_run_could_judge_is_refused(study: Study, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        require_claimable(study, TABLES)


def test_what_can_be_judged_is_not() -> None:
    sized = replace(QUICK, at_rows={"loans": 5})
    require_claimable(replace(LIBRARY, claims=(sized, fact("indexes"))), TABLES)
    require_claimable(replace(LIBRARY, claims=(fact("kept"),)), TABLES, facts=("kept",))
    shop = load_study()
    require_claimable(shop, generator_of(shop).planned(0.001, 1).rows)
