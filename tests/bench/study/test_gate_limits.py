from __future__ import annotations

from pathlib import Path

import pytest

from bench.study import StudyError, load_study
from bench.study.files import check_limits, limits_beside, load_limits
from bench.study.gate_limits import GateLimits, Limits, ProjectLimits


def read(folder: Path, text: str) -> GateLimits | None:
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return limits_beside(folder / "queries.sql")


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_limits_of_one_operation_rest_on_those_of_all(tmp_path: Path) -> None:
    text = "[gate]\ntime = 0.1\nseconds = 5\n[gate.operations.op]\nsorts = 1\n"
    found = read(tmp_path, text)
    assert found == GateLimits(time=0.1, seconds=5, operations={"op": Limits(time=0.1, sorts=1)})
    assert found.of("op") == Limits(time=0.1, sorts=1)
    assert found.of("other").time == 0.1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("tyme = 0.1", "study.toml: the gate has the unknown entry `tyme`; did you mean `time`?"),
        ('time = "5%"', "the gate needs `time` to be a share above 0, as no two times"),
        ("time = 0", "`time` to be a share above 0"),
        ("vm_steps = -1", "`vm_steps` to be a share of 0 or more, not -1"),
        ("time_ns = nan", "`time_ns` to be a number of nanoseconds"),
        ("sorts = 0.5", "`sorts` to be a whole number of 0 or more, not 0.5"),
        ("answers = 1", "`answers` to be true or false"),
        ("seconds = 0", "`seconds` to be a number of seconds above 0"),
        ("operations = 3", r"begin it with a line \[gate.operations.NAME\]"),
        ("operations.op.tyme = 3", "gate's operation op has the unknown entry `tyme`"),
        ("operations.op.seconds = 3", "the unknown entry `seconds`; it may have time, time_ns"),
        ("operations.op.sorts = true", "the gate's operation op needs `sorts`"),
        ("operations.op = 3", "the gate's operation op has to be a table"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        read(tmp_path, f"[gate]\n{table}\n")


def test_a_wrong_limit_of_all_is_not_told_of_one_operation(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="the gate has the unknown entry `tyme`"):
        read(tmp_path, "[gate]\ntyme = 1\noperations.op.sorts = 1\n")


def test_limits_of_an_operation_nobody_has_are_refused_unless_it_may_go() -> None:
    gone = GateLimits(operations={"gone": Limits(removed=True)})
    check_limits(gone, ["orders"])
    said = r"^pyproject.toml: \[tool.resale-bench.gate.operations.order\] .*did you mean `orders`"
    with pytest.raises(StudyError, match=said):
        check_limits(ProjectLimits(operations={"order": Limits()}), ["orders"])


def test_without_a_study_they_stand_in_pyproject(tmp_path: Path) -> None:
    assert limits_beside(tmp_path / "queries.sql") is None
    assert load_limits(None, tmp_path) == ProjectLimits()
    found = load_limits(None, project(tmp_path, "[tool.resale-bench.gate]\ntime = 0.1\n"))
    assert found == ProjectLimits(time=0.1)
    assert found.heading("op") == "[tool.resale-bench.gate.operations.op]"
    own = read(tmp_path, "[study]\n[gate]\ntime = 0.2\n")
    with pytest.raises(StudyError, match="keep the study's, and remove the others"):
        load_limits(own, tmp_path)
    assert load_limits(own, project(tmp_path, "[project]\n")) == own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.resale-bench]\ngate = 3\n", r"begin it with a line \[tool.resale-bench.gate\]"),
        ("[tool]\nresale-bench = 3\n", r"begin it with a line \[tool.resale-bench.gate\]"),
        ("[tool.resale-bench.gate]\ntyme = 3\n", "pyproject.toml: the gate has the unknown entry"),
        ("[tool", "not valid TOML"),
    ],
)
def test_a_pyproject_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        load_limits(None, project(tmp_path, text))


def test_the_built_in_study_has_limits_for_operations_that_there_are() -> None:
    study = load_study()
    assert study.gate == GateLimits()
    check_limits(study.gate, [operation.name for operation in study.operations])
