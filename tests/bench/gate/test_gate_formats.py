from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml

from bench.report.blocks import Details, Text
from bench.report.gate_benchmark import gate_benchmark_json
from bench.report.gate_junit import clean, gate_junit
from bench.report.markdown import blocks_markdown, escaped, without_mentions
from bench.report.sections import gate as section
from bench.report.terminal import blocks_text
from bench.results.gate import Gate
from tests.bench.fixtures import gate_documents as made

EVERY = pytest.mark.parametrize("doc", [make() for make in made.ALL.values()], ids=list(made.ALL))
# Whatever JSON can hold: no lone surrogates, for no document on disk has them.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def terminal(doc: dict[str, Any]) -> str:
    return blocks_text(section.gate_blocks(Gate.model_validate(doc)), width=130)


def markdown(doc: dict[str, Any]) -> str:
    return section.gate_markdown(Gate.model_validate(doc))


def junit(doc: dict[str, Any]) -> str:
    return gate_junit(Gate.model_validate(doc))


def benchmark(doc: dict[str, Any], lane: Literal["base", "head"] = "head") -> dict[str, Any]:
    return gate_benchmark_json(Gate.model_validate(doc), lane)


def besides(doc: dict[str, Any]) -> list[str]:
    return section.besides(Gate.model_validate(doc))


def flat(text: str) -> str:
    """Text without what breaks its lines."""
    return " ".join(text.replace("\\", "").split())


@EVERY
def test_the_model_holds_the_whole_document(doc: dict[str, Any]) -> None:
    assert Gate.model_validate(doc).json_values() == doc
    changed = doc | {"migration": {"losses": ["a"], "told": [], "warnings": []}}
    assert Gate.model_validate(changed).json_values() == changed


def first_line(text: str) -> str:
    return text.splitlines()[0].replace("\\", "").strip("* ")


@EVERY
def test_the_first_line_is_the_verdict_everywhere(doc: dict[str, Any]) -> None:
    assert doc["verdict"] in first_line(terminal(doc)).replace("not a pass", "")
    assert first_line(markdown(doc)) == first_line(terminal(doc))


@EVERY
def test_every_reason_and_message_is_told(doc: dict[str, Any]) -> None:
    shown = [flat(terminal(doc)), flat(markdown(doc))]
    told = [*besides(doc), *doc["notes"]]
    told += [entry["message"] for entry in doc["operations"] if entry["message"]]
    told += [entry["cause"] for entry in doc["operations"] if entry["cause"]]
    for sentence in told:
        assert all(flat(sentence) in text for text in shown)
    for entry in doc["operations"]:
        assert all(entry["name"] in text for text in shown)


@EVERY
def test_a_reason_of_one_operation_is_not_told_twice(doc: dict[str, Any]) -> None:
    for text in (terminal(doc), markdown(doc)):
        for entry in doc["operations"]:
            if entry["cause"]:
                assert flat(text).count(flat(entry["cause"])) == 1
    whole = {reason for reason in doc["reasons"] if reason not in besides(doc)}
    names = [entry["name"] for entry in doc["operations"]]
    assert {reason.split(":")[0] for reason in whole} <= set(names)


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        (made.passed(), "Gate: regression in what the migration takes away or breaks."),
        (
            made.by_counters(),
            "Gate: regression in 1 of 3 operations: product_detail, and in what the migration "
            "takes away or breaks.",
        ),
    ],
    ids=["alone", "beside-an-operation"],
)
def test_what_a_migration_loses_stands_in_the_first_line(doc: dict[str, Any], said: str) -> None:
    lost = {"losses": ["The migration loses 3 rows of a."], "told": [], "warnings": []}
    doc |= {"verdict": "regression", "migration": lost}
    assert first_line(terminal(doc)) == said


def test_only_what_changed_stands_above_the_fold() -> None:
    above = markdown(made.by_counters()).split("<details>")[0]
    assert "`product_detail`" in above
    assert "`events_recent`" in above
    assert "`order_detail`" not in above


def test_the_first_rows_that_differ_are_shown_everywhere_and_escaped() -> None:
    doc = made.by_counters()
    rows = [{"row": 2, "base": "name '</details>\nx'", "head": None}]
    shown = {"kind": "values", "told": "", "rows": rows, "parameters": "size = 'M'"}
    worst = next(one for one in doc["operations"] if one["verdict"] == "regression")
    worst["difference"] = shown
    for text in (terminal(doc), markdown(doc), junit(doc)):
        plain = text.replace("&lt;", "<").replace("&gt;", ">")
        assert "the first that differ, for size = 'M':" in plain
        assert "row 2, base: name '</details> x'" in plain
        assert "row 2, head: no such row" in plain
    assert "\n      row 2" in markdown(doc)


def test_what_needs_a_hand_comes_first() -> None:
    found = section.ordered(Gate.model_validate(made.by_counters()))
    assert [one.name for one in found] == ["product_detail", "events_recent", "order_detail"]


def test_a_pass_has_no_table_of_changes() -> None:
    assert "|" not in markdown(made.passed()).split("<details>")[0]


def test_markup_from_a_document_is_text() -> None:
    doc = made.by_counters()
    evil = "</details><script>alert(1)</script> | [x](http://e) @everyone `a` **b**"
    for entry in doc["operations"]:
        entry.update(name=evil, message=evil, cause=evil)
        entry["exact"]["head"]["plan"] = [evil, "```"]
        entry["exact"]["plan_changed"] = True
    doc["reasons"] = doc["notes"] = [evil]
    doc["base"]["what"] = doc["machine"]["cpu"] = evil
    rendered = markdown(doc)
    # Code spans and indented blocks show what they hold as it is; nowhere else may markup stand.
    outside = re.sub(r"``+ .*? ``+", "", rendered)
    outside = "\n".join(line for line in outside.splitlines() if not line.startswith("    "))
    assert "<script" not in re.sub(r"\\<", "", outside)
    assert not re.search(r"@(?!<!-- -->)", outside)
    assert outside.count("</details>") == outside.count("<details>")
    for line in outside.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6


@given(name=ANY_TEXT, message=ANY_TEXT)
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_table_row(name: str, message: str) -> None:
    doc = made.by_time()
    doc["operations"][0].update(name=name or "x", message=message)
    rendered = markdown(doc)
    rows = [line for line in rendered.split("\n") if line.startswith("|")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 6


def test_a_comment_that_grew_too_long_loses_its_details_and_says_so() -> None:
    doc = made.by_counters()
    doc["operations"] += [made.operation(f"operation_{index}") for index in range(1_200)]
    rendered = markdown(doc)
    assert len(rendered) <= section.MOST_CHARACTERS
    assert "too long for a comment" in rendered
    assert "product_detail" in rendered


def test_a_comment_of_endless_messages_stays_a_comment() -> None:
    doc = made.by_counters()
    worst = doc["operations"][0] | {"verdict": "regression", "message": "x" * 3_000}
    doc["operations"] = [worst | {"name": f"operation_{index}"} for index in range(200)]
    doc["reasons"] = [f"{one['name']}: {one['message']}" for one in doc["operations"]]
    rendered = markdown(doc)
    assert len(rendered) <= section.MOST_CHARACTERS
    assert "And 140 more." in rendered


def test_many_notes_are_folded_and_all_told() -> None:
    doc = made.passed() | {"notes": [f"The head lacks the index i{number}." for number in range(9)]}
    above, _, folded = markdown(doc).partition("<details>")
    assert "lacks" not in above
    assert folded.count("lacks") == 9
    few = markdown(doc | {"notes": doc["notes"][:2]}).split("<details>")[0]
    assert few.count("lacks") == 2


def cases(doc: dict[str, Any]) -> dict[str, Any]:
    xml = JUnitXml.fromstring(junit(doc).encode())
    return {case.name: case for suite in xml for case in suite}


@EVERY
def test_one_test_case_for_each_operation_and_one_for_the_gate(doc: dict[str, Any]) -> None:
    assert set(cases(doc)) == {"gate"} | {entry["name"] for entry in doc["operations"]}


@EVERY
def test_only_a_pass_is_green_for_a_reader_of_xml(doc: dict[str, Any]) -> None:
    suite = ElementTree.fromstring(junit(doc))
    red = sum(int(suite.get(kind, "0")) for kind in ("failures", "errors"))
    assert (red == 0) == (doc["verdict"] == "pass")


def test_a_regression_is_a_failure_that_names_its_cause() -> None:
    [result] = cases(made.by_counters())["product_detail"].result
    assert result._tag == "failure"
    assert result.type == "exact"
    assert "9,120 steps" in result.message
    assert "read from end to end" in result.text
    assert "vm_steps 120 → 9,120" in result.text


def test_what_could_not_be_decided_is_an_error_never_skipped() -> None:
    found = cases(made.inconclusive())
    assert [result._tag for result in found["order_detail"].result] == ["error"]
    assert found["gate"].is_passed
    assert found["order_history"].is_passed


def test_each_regression_counts_once() -> None:
    doc = made.by_counters()
    suite = ElementTree.fromstring(junit(doc))
    red = [entry for entry in doc["operations"] if entry["verdict"] == "regression"]
    assert suite.get("failures") == str(len(red))
    assert suite.get("errors") == "0"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("see https://evil.ie/a", "see https:<!-- -->//evil.ie/a"),
        ("WWW.evil.ie", "WWW<!-- -->.evil.ie"),
        ("mailto:a@b.ie", "mailto:<!-- -->a@<!-- -->b.ie"),
        ("a\x1b[31m", "a\\<U+001B\\>\\[31m"),
        ("a\u202eb\u2066", "a\\<U+202E\\>b\\<U+2066\\>"),
    ],
)
def test_no_text_becomes_a_link_or_acts_on_its_reader(told: str, shown: str) -> None:
    assert without_mentions(escaped(told)) == shown


def test_mentions_within_code_stay_as_they_are() -> None:
    text = "`a@b` and \\`a@b\\` and ``c` @d`` and\n\n    e@f\n"
    marked = "`a@b` and \\`a@<!-- -->b\\` and ``c` @d`` and\n\n    e@f\n"
    assert without_mentions(text) == marked


def test_details_are_folded_by_markdown_and_shown_by_a_terminal() -> None:
    blocks = [
        Details("a", [Text("of pages")]),
        Details("b", [Text("of pages and Markdown")], folded=True),
        Details("c", [Text("of all")], elsewhere=True, folded=True),
        Details("d", [Text("of all, plainly")], elsewhere=True),
    ]
    folded = blocks_markdown(blocks)
    assert re.findall(r"^of .*", folded, re.M) == [
        "of pages and Markdown", "of all", "of all, plainly"
    ]  # fmt: skip
    assert folded.count("<details>") == folded.count("</details>") == 2
    assert "<summary>b</summary>\n\nof pages and Markdown\n\n</details>" in folded
    assert blocks_text(blocks, width=80) == "c:\n  of all\nof all, plainly\n"


def test_a_terminal_names_what_passes_and_what_was_compared() -> None:
    shown = terminal(made.by_counters())
    assert "Operations that pass (1):" in shown
    assert shown.index("✖ regression") < shown.index("✔ pass") < shown.index("base: origin/main")
    assert "USE TEMP B-TREE" not in shown


@pytest.mark.parametrize("sign", ["\x1b[2J", "\u202e", "\x9b31m"])
def test_no_control_reaches_a_terminal_or_a_comment(sign: str) -> None:
    doc = made.by_counters()
    doc["operations"][1].update(name=f"a{sign}", message=f"b{sign}", cause=f"c{sign}")
    doc["operations"][1]["exact"]["head"]["plan"] = [f"SCAN {sign}"]
    doc["notes"] = [f"d{sign}"]
    for shown in (terminal(doc), markdown(doc)):
        assert sign[0] not in shown
        assert f"U+{ord(sign[0]):04X}" in shown


def test_new_and_missing_operations_are_skipped_with_their_reason() -> None:
    found = cases(made.changed_list())
    for name in ("logs_recent", "rollup_range"):
        [result] = found[name].result
        assert result._tag == "skipped"
        assert result.message


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@settings(max_examples=60, deadline=None)
def test_any_text_gives_xml_that_can_be_read_and_holds_it(
    name: str, message: str, cause: str
) -> None:
    doc = made.by_counters()
    doc["operations"][1].update(name=name, message=message, cause=cause)
    root = ElementTree.fromstring(junit(doc))
    # The case `gate` comes first, then the operations in their order.
    found = list(root.iter("testcase"))[2]
    assert found.get("name") == clean(name)
    inner = found.find("failure")
    assert inner is not None
    assert inner.get("message") == clean(message or doc["operations"][1]["title"])


def of_github_action_benchmark(doc: dict[str, Any]) -> list[tuple[str, float, str, str]]:
    """What github-action-benchmark reads of a file of pytest-benchmark's."""
    return [
        (
            bench["fullname"],
            bench["stats"]["ops"],
            f"stddev: {bench['stats']['stddev']}",
            f"mean: {bench['stats']['mean']}\nrounds: {bench['stats']['rounds']}",
        )
        for bench in doc["benchmarks"]
    ]


def test_github_action_benchmark_finds_its_fields() -> None:
    [first, _] = of_github_action_benchmark(benchmark(made.by_time()))
    name, value, spread, extra = first
    assert name == "gate::order_detail"
    assert value == pytest.approx(1 / 0.00115)
    assert re.fullmatch(r"stddev: [\d.e-]+", spread)
    assert extra.endswith("rounds: 9")


def test_bencher_finds_its_fields() -> None:
    read = json.loads(json.dumps(benchmark(made.by_time(), "base")))
    assert isinstance(read["machine_info"], dict)
    assert isinstance(read["commit_info"], dict)
    for bench in read["benchmarks"]:
        assert 0 < len(bench["fullname"]) <= 1024
        for field in ("median", "iqr"):
            assert isinstance(bench["stats"][field], (int, float))
    assert read["benchmarks"][0]["stats"]["median"] == pytest.approx(0.001)


def test_names_are_the_same_on_both_sides() -> None:
    doc = made.by_counters()
    sides = [benchmark(doc, lane)["benchmarks"] for lane in ("base", "head")]
    base, head = ([bench["fullname"] for bench in side] for side in sides)
    assert base == head
    assert sides[0][1]["stats"]["median"] != sides[1][1]["stats"]["median"]


def test_operations_without_a_time_are_left_out() -> None:
    found = benchmark(made.changed_list())["benchmarks"]
    assert [bench["name"] for bench in found] == ["order_detail"]
    assert benchmark(made.incomparable())["benchmarks"] == []


def test_pytest_benchmark_itself_compares_the_two_sides(tmp_path: Path) -> None:
    doc = made.by_time()
    for number, lane in enumerate(("base", "head"), 1):
        path = tmp_path / f"{number:04}_{lane}.json"
        path.write_text(json.dumps(benchmark(doc, lane)))
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest_benchmark",
            "compare",
            *sorted(map(str, tmp_path.iterdir())),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert said.stdout.count("order_detail") == 2
    assert said.stdout.count("order_history") == 2
