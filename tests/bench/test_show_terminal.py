from __future__ import annotations

from bench.show.terminal import render_claims_table
from tests.bench.fixtures.show_report import make_report


def test_every_claim_has_a_row_with_its_verdict() -> None:
    lines = render_claims_table(make_report(), width=140).splitlines()
    for claim in make_report().claims["claims"]:
        row = next(line for line in lines if claim["quote"][:30] in line)
        assert claim["verdict"] in row


def test_it_keeps_to_the_width_and_without_colour_holds_no_escape() -> None:
    for width in (80, 110, 200):
        text = render_claims_table(make_report(), width=width)
        assert max(len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
    assert "\x1b[" in render_claims_table(make_report(), colour=True)


def test_square_brackets_in_a_quote_are_shown_as_they_are() -> None:
    report = make_report()
    report.claims["claims"][0]["quote"] = "[red]10x[/red] [link]"
    assert "[red]10x[/red] [link]" in render_claims_table(report, width=140)
