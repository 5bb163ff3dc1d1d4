"""`resale-bench claims`: a finished run held against the study's claims, or somebody's own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.errors import BenchError
from bench.study import StudyError

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
OWN = """
[[claims]]
id = "newest"
quote = "Newest"
kind = "speedup"
arm = "after"
expected = [{low}, {high}]
operations = ["events_recent"]
required = {required}
"""


def own(folder: Path, **values: object) -> str:
    path = folder / "ours.toml"
    path.write_text(OWN.format(**{"low": 100, "high": 1e9, "required": "true"} | values))
    return str(path)


def invoke(*words: str) -> tuple[int, str, str]:
    runner = CliRunner()
    result = runner.invoke(cli, ["claims", *words], standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.return_value or 0, result.stdout, result.stderr


def test_the_studys_required_claims_hold_in_the_reference_run() -> None:
    code, shown, said = invoke(str(REFERENCE))
    assert (code, said) == (0, "")
    assert "Total Indexes in" in shown
    assert "required" in shown


def test_nothing_is_written(tmp_path: Path) -> None:
    shutil.copytree(REFERENCE, tmp_path / "run", ignore=shutil.ignore_patterns("load", "plots"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    invoke(str(tmp_path / "run"), "--claims", own(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, 0),
        # Measured at some 100,000 times: short of a promise beyond that.
        ({"low": 1e8, "high": 1e9}, 1),
        ({"low": 1e8, "high": 1e9, "required": "false"}, 0),
    ],
)
def test_a_required_claim_that_does_not_hold_fails(
    tmp_path: Path, values: dict[str, object], wanted: int
) -> None:
    code, shown, said = invoke(str(REFERENCE), "--claims", own(tmp_path, **values))
    assert code == wanted
    assert "Newest" in shown
    assert ("required and not kept" in said) is (wanted == 1)


def test_what_the_interval_does_not_decide_is_neither_kept_nor_broken(tmp_path: Path) -> None:
    found = json.loads((REFERENCE / "comparison.json").read_text())
    entry = next(one for one in found["operations"] if one["name"] == "events_recent")
    low, high = next(one["ci95"] for one in entry["comparisons"] if one["arm"] == "after")
    middle = (low + high) / 2
    code, _, said = invoke(str(REFERENCE), "--claims", own(tmp_path, low=middle, high=2 * high))
    assert code == 3
    assert "does not decide" in said


def test_json_holds_every_claim_with_its_evidence() -> None:
    _, shown, _ = invoke(str(REFERENCE), "--json")
    found = json.loads(shown)["claims"]
    assert len(found) == 15
    assert {claim["id"] for claim in found if claim["required"]} == {
        "foreign-keys", "indexes-55", "both-tables",
    }  # fmt: skip
    assert all("verdict" in claim and "evidence" in claim for claim in found)


def test_claims_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(StudyError, match="no \\[\\[claims\\]\\] entry"):
        invoke(str(REFERENCE), "--claims", str(empty))
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(OWN.format(low=1, high=2, required="true").replace("_recent", "_unheard_of"))
    with pytest.raises(StudyError, match="no operation 'events_unheard_of'"):
        invoke(str(REFERENCE), "--claims", str(wrong))
    misspelt = tmp_path / "misspelt.toml"
    misspelt.write_text(OWN.format(low=1, high=2, required="true").replace("quote", "qoute"))
    with pytest.raises(StudyError, match="unknown entry `qoute`; did you mean `quote`"):
        invoke(str(REFERENCE), "--claims", str(misspelt))
    for text, told in (
        ("expected = 3", "needs `expected` to be .low, high."),
        ('expected = ["a", "b"]', "needs `expected` to be .low, high."),
        ("expected = [true, 2]", "needs `expected` to be .low, high."),
    ):
        wrong.write_text(
            OWN.format(low=1, high=2, required="true").replace("expected = [1, 2]", text)
        )
        with pytest.raises(StudyError, match=told):
            invoke(str(REFERENCE), "--claims", str(wrong))
    wrong.write_text('[[claims]]\nid = "mine"\nquote = "x"\n')
    with pytest.raises(StudyError, match="claim mine lacks `kind` and `arm`"):
        invoke(str(REFERENCE), "--claims", str(wrong))


def test_the_example_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    text = (REFERENCE.parents[1] / "docs" / "getting-started.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(\[\[claims.*?)```", text, re.DOTALL)
    path = tmp_path / "ours.toml"
    path.write_text(example)
    _, shown, _ = invoke(str(REFERENCE), "--claims", str(path), "--json")
    found = {claim["id"]: claim for claim in json.loads(shown)["claims"]}
    assert found["newest-quick"]["evidence"] == ["events_recent"]
    assert {claim["verdict"] for claim in found.values()} == {"confirmed"}
    path.write_text(example.replace("10_000_000", "10"))
    code, _, said = invoke(str(REFERENCE), "--claims", str(path))
    assert code == 1
    assert "Beyond 10\N{NO-BREAK SPACE}ns" in said
    assert len(found) == 2


@pytest.mark.parametrize(
    ("kind", "held", "broken"),
    [
        ("limit", "limit_ns = 10_000_000", "limit_ns = 10"),
        ("speedup", "expected = [10, 1_000_000]", "expected = [10_000_000, 20_000_000]"),
        ("growth", "expected = [0, 0.5]", "expected = [-2, -1]"),
        ("fact", "expected = [55, 55]", "expected = [54, 54]"),
    ],
)
def test_a_required_claim_of_each_kind_can_hold_and_can_fail(
    tmp_path: Path, kind: str, held: str, broken: str
) -> None:
    on = 'fact = "indexes"' if kind == "fact" else 'operations = ["events_recent"]'
    path = tmp_path / "ours.toml"
    for entry, wanted in ((held, 0), (broken, 1)):
        path.write_text(
            f'[[claims]]\nid = "c"\nquote = "q"\nkind = "{kind}"\narm = "after"\n'
            f"required = true\n{on}\n{entry}\n"
        )
        code, _, said = invoke(str(REFERENCE), "--claims", str(path))
        assert (code, "required and not kept" in said) == (wanted, wanted == 1)


def test_a_run_of_another_study_is_refused(tmp_path: Path) -> None:
    shutil.copytree(REFERENCE, tmp_path / "run", ignore=shutil.ignore_patterns("load", "plots"))
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"study": "bookshop"}))
    with pytest.raises(BenchError, match="of the study 'bookshop'"):
        invoke(str(tmp_path / "run"))
