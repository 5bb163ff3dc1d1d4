from __future__ import annotations

from typing import Any

from bench.judge import compare_runs
from bench.report.run_report import Report
from bench.report.sections.claims import claims_text
from bench.report.tables import render_change_table, render_comparison_table
from tests.bench.fixtures.show_report import make_report, unmeasure
from tests.bench.test_show_html import without_pages


def compared(report: Report) -> compare_runs.ComparedRun:
    """A run as it is compared with one other."""
    return compare_runs.ComparedRun(report.run, report.comparison, {})


def test_every_claim_has_a_row_with_its_verdict() -> None:
    claims = make_report().claims
    lines = claims_text(claims, width=140).splitlines()
    assert lines[0] == "The migration keeps 6 of 15 promises; 3 queries and 4 writes got slower."
    for claim in claims.claims:
        row = next(line for line in lines if claim.quote[:30] in line)
        assert claim.verdict in row


def test_a_quote_breaks_so_that_figures_and_verdicts_stay_whole() -> None:
    claims = make_report().claims
    text = claims_text(claims)
    assert "…" not in text
    for claim in claims.claims:
        assert f" {claim.verdict} " in text
    assert " 10 to 100× faster " in text


def test_it_keeps_to_the_width_and_without_colour_holds_no_escape() -> None:
    claims = make_report().claims
    for width in (80, 110, 200):
        text = claims_text(claims, width=width)
        assert max(len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
    assert "\x1b[" in claims_text(claims, colour=True)


def test_square_brackets_in_a_quote_are_shown_as_they_are() -> None:
    def change(values: dict[str, Any]) -> None:
        values["claims"]["claims"][0]["quote"] = "[red]10x[/red] [link]"

    assert "[red]10x[/red] [link]" in claims_text(make_report(change).claims, width=140)


def test_every_operation_has_a_line_and_what_could_not_be_judged_its_reason() -> None:
    report = make_report(lambda values: unmeasure(values, "respond_to_offer", "only 3 open offers"))
    text = render_comparison_table(report.comparison, width=200)
    for entry in report.comparison.operations:
        assert f" {entry.name} " in text
    assert "\nrespond_to_offer could not be judged: only 3 open offers\n" in text


def test_two_runs_side_by_side_name_both_arms_and_what_only_one_run_has() -> None:
    def change_head(values: dict[str, Any]) -> None:
        del values["comparison"]["operations"][0]
        unmeasure(values, "respond_to_offer", "only 3 open offers")

    base, head = make_report(), make_report(change_head)
    change = compare_runs.between([compared(base)], [compared(head)])
    text = render_change_table(change, width=200)
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in text.splitlines()]
    assert ["events_recent", "before → after"] in rows
    assert ["events_recent", "after → recommended"] in rows
    name = base.comparison.operations[0].name
    assert f"missing: {name} (after → after_analyzed)" in text
    assert any("respond_to_offer" in name for name in change.inconclusive)


def test_the_exact_counters_of_writes_stand_below_their_times() -> None:
    report = make_report()
    text = render_comparison_table(report.comparison)
    rows = text.partition("exact counters of one write")[2].splitlines()
    for entry in report.comparison.operations:
        assert any(entry.name in row for row in rows) == (entry.kind == "write")
    assert " 9 pages read " in text
    assert " 16 written " in text
    assert " 65.9\N{NO-BREAK SPACE}kB of log " in text
    older = make_report(without_pages)
    assert "exact counters" not in render_comparison_table(older.comparison)


def test_the_change_table_keeps_every_column_at_its_default_width() -> None:
    run = compared(make_report())
    change = compare_runs.between([run], [run])
    long = change.changes[0].model_copy(
        update={
            "operation": "events_count_by_type_since", "base": "after", "arm": "after_analyzed",
            "speedup": (1234.0, 1231.0), "ratio": 1.2, "ci95": (1.0004, 1.44), "verdict": "slower",
            "counters": (
                {"vm_steps": 10_512, "pages_read": 9, "pages_written": 5, "log_bytes": 2_060_400},
                {"vm_steps": 10_514, "pages_read": 9, "pages_written": 12, "log_bytes": 2_061_400},
            ),
        }
    )  # fmt: skip
    change = change.model_copy(update={"changes": (long, *change.changes[1:])})
    text = render_change_table(change).replace("\N{NO-BREAK SPACE}", " ")
    assert "…" not in text
    header = next(line for line in text.splitlines() if "operation" in line)
    assert [cell.strip() for cell in header.split("┃")[1:-1]] == [
        "operation", "arms", "speedup", "change", "counters", "plan", "verdict",
    ]  # fmt: skip
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    first = next(n for n, row in enumerate(cells) if "events_count_by_type_since" in row)
    end = next(n for n, row in enumerate(cells) if n > first and row[0])
    assert [" ".join(parts).strip() for parts in zip(*cells[first:end], strict=True)] == [
        "events_count_by_type_since", "after → after_analyzed", "1,230× → 1,230×",
        "1.0004 to 1.44 faster",
        "10.512 k → 10.514 k steps 5 → 12 pages written 2.06 MB → 2.061 MB of log", "same",
        "slower by counters",
    ]  # fmt: skip
