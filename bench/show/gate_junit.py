"""The gate's verdict as JUnit XML: one test case for each operation, and one for the gate.

Room show: values of gate.json in, text out.

What becomes what, and why:

- A regression is a `failure`: the thing tested is worse than allowed.
- `inconclusive` is an `error`, not `skipped`. An error says that a test could not be carried
  out, and GitLab, Jenkins and the reporters for GitHub show it red; a skipped case leaves a
  build green, and what could not be decided is never a pass.
- An operation that is new or missing is `skipped` with its reason: there is no second
  side to test it against. Whether the gate lets that through stands in the case `gate`.
- The case `gate` fails where no operation's case does, so that each regression counts once, and two
  incomparable sides, which have no operation in common, do not leave an empty suite behind, which
  every reader takes for green.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from bench.show import gate_words as words

SUITE = "resale-bench gate"
_CLASS = "resale-bench.gate"
# What XML 1.0 cannot hold, however it is escaped (https://www.w3.org/TR/xml/#charsets).
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(value: str) -> str:
    """Text as XML can hold it: what it cannot is replaced by the sign for that."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)


def gate_junit(doc: Mapping[str, Any]) -> str:
    """gate.json as JUnit XML. A case's time is head's median, in seconds."""
    suite = TestSuite(SUITE)
    for name in ("base", "head"):
        suite.add_property(name, clean(words.side_text(name, doc[name])))
    suite.add_testcase(_whole(doc))
    for entry in doc["operations"]:
        suite.add_testcase(_case(entry))
    xml: Any = JUnitXml(SUITE)
    xml.add_testsuite(suite)
    # The counts of failures and errors that readers go by.
    xml.update_statistics()
    return str(xml.tostring().decode("utf-8"))


def _whole(doc: Mapping[str, Any]) -> TestCase:
    case = TestCase("gate", classname=_CLASS)
    told = "\n".join([*doc["reasons"], *doc["notes"]])
    red = any(entry["verdict"] == doc["verdict"] for entry in doc["operations"])
    if doc["verdict"] != "pass" and red:
        case.system_out = clean(f"{words.headline(doc)}\n{told}")
    elif doc["verdict"] == "regression":
        case.result = [_result(Failure, words.headline(doc), doc["verdict"], told)]
    elif doc["verdict"] != "pass":
        case.result = [_result(Error, words.headline(doc), doc["verdict"], told)]
    elif told:
        case.system_out = clean(told)
    return case


def _case(entry: Mapping[str, Any]) -> TestCase:
    head_ns = None if entry["time"] is None else entry["time"]["head_median_ns"]
    case = TestCase(
        clean(entry["name"]), classname=_CLASS, time=None if head_ns is None else head_ns / 1e9
    )
    message, verdict = entry["message"] or entry["title"], entry["verdict"]
    details = "\n".join(_details(entry))
    if verdict == "regression":
        case.result = [_result(Failure, message, entry["layer"] or verdict, details)]
    elif verdict == "inconclusive":
        case.result = [_result(Error, message, verdict, details)]
    elif verdict in {"new", "missing"}:
        case.result = [_result(Skipped, message, verdict, details)]
    elif entry["message"]:
        case.system_out = clean(f"{message}\n{details}")
    return case


def _result(
    kind: type[Failure] | type[Error] | type[Skipped], message: str, type_: str, details: str
) -> Failure | Error | Skipped:
    result = kind(clean(message), clean(type_))
    if details:
        result.text = clean(details)
    return result


def _details(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["cause"]:
        yield entry["cause"]
    if words.changes_text(entry):
        yield words.changes_text(entry)
    yield from words.rows_that_differ(entry)
    yield from words.plans_of_parameters(entry)
    if entry["time"] is not None:
        yield f"{words.time_text(entry)}, head / base {words.ratio_text(entry)}"
    if entry["exact"] is not None and entry["exact"]["plan_changed"]:
        for side in ("base", "head"):
            if entry["exact"][side] is not None:
                yield f"plan of {side}:"
                yield from (f"  {line}" for line in entry["exact"][side]["plan"])
