"""The gate's verdict as JUnit XML: one test case for each operation, and one for the gate.

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
from collections.abc import Iterator
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from bench.report.sections import gate as words
from bench.results.gate import Gate, GatedOperation

SUITE = "resale-bench gate"
_CLASS = "resale-bench.gate"
# What XML 1.0 cannot hold, however it is escaped (https://www.w3.org/TR/xml/#charsets).
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(value: str) -> str:
    """Text as XML can hold it: what it cannot is replaced by the sign for that."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)


def gate_junit(gate: Gate) -> str:
    """The gate as JUnit XML. A case's time is head's median, in seconds."""
    suite = TestSuite(SUITE)
    for name, side in (("base", gate.base), ("head", gate.head)):
        suite.add_property(name, clean(words.side_text(name, side)))
    suite.add_testcase(_whole(gate))
    for operation in gate.operations:
        suite.add_testcase(_case(operation))
    xml: Any = JUnitXml(SUITE)
    xml.add_testsuite(suite)
    # The counts of failures and errors that readers go by.
    xml.update_statistics()
    return str(xml.tostring().decode("utf-8"))


def _whole(gate: Gate) -> TestCase:
    case = TestCase("gate", classname=_CLASS)
    headline, details = words.headline(gate), "\n".join([*gate.reasons, *gate.notes])
    red = any(operation.verdict == gate.verdict for operation in gate.operations)
    if gate.verdict != "pass" and red:
        case.system_out = clean(f"{headline}\n{details}")
    elif gate.verdict == "regression":
        case.result = [_result(Failure, headline, gate.verdict, details)]
    elif gate.verdict != "pass":
        case.result = [_result(Error, headline, gate.verdict, details)]
    elif details:
        case.system_out = clean(details)
    return case


def _case(operation: GatedOperation) -> TestCase:
    seconds = None if operation.time is None else operation.time.head_median_ns / 1e9
    case = TestCase(clean(operation.name), classname=_CLASS, time=seconds)
    message, verdict = operation.message or operation.title, operation.verdict
    details = "\n".join(_details(operation))
    if verdict == "regression":
        case.result = [_result(Failure, message, operation.layer or verdict, details)]
    elif verdict == "inconclusive":
        case.result = [_result(Error, message, verdict, details)]
    elif verdict in {"new", "missing"}:
        case.result = [_result(Skipped, message, verdict, details)]
    elif operation.message:
        case.system_out = clean(f"{message}\n{details}")
    return case


def _result(
    kind: type[Failure] | type[Error] | type[Skipped], message: str, type_: str, details: str
) -> Failure | Error | Skipped:
    result = kind(clean(message), clean(type_))
    if details:
        result.text = clean(details)
    return result


def _details(operation: GatedOperation) -> Iterator[str]:
    if operation.cause:
        yield operation.cause
    if changes := words.changes_text(operation):
        yield changes
    yield from words.rows_that_differ(operation)
    yield from words.plans_of_parameters(operation)
    if operation.time is not None:
        yield f"{words.time_text(operation)}, head / base {words.ratio_text(operation)}"
    exact = operation.exact
    if exact is not None and exact.plan_changed:
        for side, plan in (("base", exact.base.plan), ("head", exact.head.plan)):
            yield f"plan of {side}:"
            yield from (f"  {line}" for line in plan)
