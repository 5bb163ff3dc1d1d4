from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cli import cli
from bench.study.files import limits_beside
from bench.study.gate_limits import GateLimits

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"
ACTION = ROOT / ".github" / "actions" / "gate" / "action.yml"
PAGE = ROOT / "docs" / "the-gate.md"
# Major versions that exist; looked up, not guessed.
VERSIONS = {
    "actions/checkout": "v7",
    "actions/setup-python": "v7",
    "actions/upload-artifact": "v7",
}
# A stand-in that writes down how it was called, and leaves what the gate would.
FAKE = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$RUNNER_TEMP/called"
while [ "$1" != --out ]; do shift; done
if [ -n "$VERDICT" ]; then
  mkdir -p "$2"
  echo "{\\"verdict\\": \\"$VERDICT\\"}" > "$2/gate.json"
  echo "**Gate: $VERDICT**" > "$2/gate.md"
fi
exit "$EXIT"
"""


def read(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps() -> list[dict[str, Any]]:
    jobs = read(WORKFLOW)["jobs"].values()
    return [step for job in jobs for step in job["steps"]] + read(ACTION)["runs"]["steps"]


def known_options() -> set[str]:
    return {option for parameter in cli.commands["gate"].params for option in parameter.opts}


def script() -> str:
    [step] = [step for step in read(ACTION)["runs"]["steps"] if step.get("id") == "gate"]
    return str(step["run"])


def test_every_action_used_is_of_a_version_that_exists() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    for name in used:
        if name.startswith("./"):
            assert (ROOT / name / "action.yml").is_file()
        else:
            action, _, version = name.partition("@")
            assert version == VERSIONS[action]


def test_the_workflow_gives_the_base_and_only_inputs_that_the_action_has() -> None:
    [step] = [step for step in steps() if step.get("uses", "").startswith("./")]
    inputs = read(ACTION)["inputs"]
    assert set(step["with"]) <= set(inputs)
    required = {name for name, entry in inputs.items() if entry.get("required")}
    assert required <= set(step["with"])
    [checkout] = [step for step in steps() if step.get("uses", "").startswith("actions/checkout")]
    assert checkout["with"]["fetch-depth"] == 0


def test_the_workflow_runs_at_pull_requests_and_may_only_read() -> None:
    workflow = read(WORKFLOW)
    # YAML 1.1 reads the key `on` as true.
    assert "pull_request" in workflow[True]
    assert workflow["permissions"] == {"contents": "read"}


def test_every_option_that_the_action_passes_exists() -> None:
    passed = set(re.findall(r"(?<=[( ])--[a-z][a-z-]*", script()))
    assert {"--base", "--out", "--operation"} <= passed
    assert passed <= known_options()


def test_every_input_reaches_a_step_and_every_output_is_set() -> None:
    action = read(ACTION)
    text = ACTION.read_text(encoding="utf-8")
    for name in action["inputs"]:
        assert f"inputs.{name}" in text
    for name, entry in action["outputs"].items():
        assert entry["value"] == f"${{{{ steps.gate.outputs.{name} }}}}"
        assert f'echo "{name}=' in script()


def test_no_expression_is_pasted_into_a_script() -> None:
    for step in steps():
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("step", [step for step in steps() if "run" in step], ids=str)
def test_the_shell_can_read_every_script(step: dict[str, Any]) -> None:
    assert step["shell"] == "bash"
    subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def act(tmp_path: Path, verdict: str, code: int, **inputs: str) -> tuple[int, list[str], str, str]:
    """Run the action's script as a runner does; its exit code, the call, outputs and summary."""
    temp = tmp_path / "temp"
    bin_folder = temp / "resale-bench" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "resale-bench").write_text(FAKE)
    (bin_folder / "resale-bench").chmod(0o755)
    (bin_folder / "python").symlink_to(sys.executable)
    outputs, summary = tmp_path / "outputs", tmp_path / "summary"
    names = ["BASE", "HEAD", "MIGRATION", "ARM", "SCALE", "OPERATIONS", "BUDGET_SECONDS"]
    given = (
        dict.fromkeys(names, "")
        | {"OUT": "gate", "HEAD": ".", "FAIL_ON_INCONCLUSIVE": "true"}
        | inputs
    )
    environment = {
        **given,
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "VERDICT": verdict,
        "EXIT": str(code),
    }
    # The flags with which a runner starts `shell: bash`.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    called = (temp / "called").read_text().splitlines()
    return (
        done.returncode,
        called,
        outputs.read_text(),
        summary.read_text() if summary.exists() else "",
    )


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("pass", 0), ("regression", 1), ("inconclusive", 3), ("incomparable", 4)],
)
def test_the_step_ends_as_the_gate_does_and_tells_the_verdict(
    tmp_path: Path, verdict: str, code: int
) -> None:
    ended, called, outputs, summary = act(tmp_path, verdict, code, BASE="origin/main")
    assert ended == code
    assert called == ["gate", "--base", "origin/main", "--head", ".", "--out", "gate"]
    assert outputs.splitlines() == [f"verdict={verdict}", f"exit-code={code}"]
    assert summary == f"**Gate: {verdict}**\n"


def test_wrong_use_has_no_verdict(tmp_path: Path) -> None:
    ended, _, outputs, summary = act(tmp_path, "", 2, BASE="nowhere")
    assert ended == 2
    assert outputs.splitlines() == ["verdict=none", "exit-code=2"]
    assert summary == ""


def test_an_undecided_run_may_be_let_through_a_regression_never(tmp_path: Path) -> None:
    for name, verdict, code, expected in (("a", "inconclusive", 3, 0), ("b", "regression", 1, 1)):
        (tmp_path / name).mkdir()
        ended, *_ = act(tmp_path / name, verdict, code, BASE="x", FAIL_ON_INCONCLUSIVE="false")
        assert ended == expected


def test_a_side_that_could_not_be_measured_is_never_let_through(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "gate.json").write_text('{"verdict": "inconclusive"}')
    ended, _, outputs, _ = act(tmp_path, "", 3, BASE="x", FAIL_ON_INCONCLUSIVE="false")
    assert ended == 3
    assert outputs.splitlines() == ["verdict=none", "exit-code=3"]


def test_inputs_arrive_as_they_are_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    evil = 'origin/$(touch pwned)`touch pwned`; touch pwned "'
    _, called, _, _ = act(
        tmp_path,
        "pass",
        0,
        BASE=evil,
        OPERATIONS="events_recent\n  product_*",
        MIGRATION="my index.sql",
        QUERIES="my queries.sql",
        BASE_QUERIES="old queries.sql",
        SCALE="0.1",
        ARM="after",
        BUDGET_SECONDS="30",
        HEAD="a checkout",
    )
    assert called[2] == evil
    assert not list(tmp_path.glob("**/pwned"))
    pairs = list(zip(called[1::2], called[2::2], strict=True))
    assert [value for option, value in pairs if option == "--operation"] == [
        "events_recent",
        "product_*",
    ]
    assert dict(pairs)["--migration"] == "my index.sql"
    assert dict(pairs)["--queries"] == "my queries.sql"
    assert dict(pairs)["--base-queries"] == "old queries.sql"
    assert {option for option, _ in pairs} <= known_options()


def test_the_page_names_only_options_inputs_and_versions_that_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r"resale-bench gate ([^`\n]*(?:\\\n[^`\n]*)*)", page)
    assert commands
    for line in commands:
        assert set(re.findall(r"(?:^|\s)(--[a-z-]+)", line)) <= known_options()
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        for entry in re.findall(r"uses: (actions/[a-z-]+)@(\S+)", block):
            assert VERSIONS[entry[0]] == entry[1]
        for step in found_steps(yaml.safe_load(block)):
            if "actions/gate@" in step.get("uses", ""):
                assert set(step["with"]) <= set(read(ACTION)["inputs"])


def test_the_limits_on_the_page_are_the_defaults_and_can_be_read(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    limits = limits_beside(tmp_path / "queries.sql")
    assert limits is not None
    assert replace(limits, operations={}) == GateLimits()
    assert limits.of("logs_recent").removed


def found_steps(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        own = document.get("steps", [])
        return own + [step for value in document.values() for step in found_steps(value)]
    if isinstance(document, list):
        return [step for value in document for step in found_steps(value)]
    return []
