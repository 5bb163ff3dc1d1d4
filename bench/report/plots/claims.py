"""Claims on one axis of speedups: the promised band and what was measured."""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import Board, Style, board, fit, log_axis, wrap
from bench.report.plots.hover import tip
from bench.report.plots.marks import Mark, promised_band, whisker
from bench.report.provenance import at
from bench.report.run_report import Report
from bench.report.sections.claims import measured_text, promised_text
from bench.report.sections.operations import source_of
from bench.report.units import span, times
from bench.results.claims import KEPT, JudgedClaim

_OTHER = Mark("o", 4.4, palette.PAPER, palette.CONTROL, "")
_DECIDING = Mark("D", 6, palette.BEFORE, palette.BEFORE, "")


def claims_chart(report: Report, *, narrow: bool = False) -> Figure | None:
    """Each claim on speed: promised band, every operation's interval, the deciding one marked.

    None where no claim promises a speedup.
    """
    claims = [claim for claim in report.claims.claims if claim.kind == "speedup" and claim.expected]
    if not claims:
        return None
    row = 62.0 if narrow else 40.0
    left, right = (12.0, 12.0) if narrow else (180.0, 130.0)
    kept = sum(1 for claim in claims if claim.verdict in KEPT)
    canvas = board(
        narrow=narrow,
        title=f"{kept} of {len(claims)} promised speedups hold for every query they name",
        note="Band: what was promised. Bar: 95 % interval of the query that decides, the worst."
        " Small marks: the other queries. Left of 1× is slower.",
        height=row * len(claims) + 8,
        left=left,
        right=right,
    )
    values = [1.0]
    for claim in claims:
        values += claim.expected or ()
        for part in claim.operations:
            values += [value for value in (part.speedup, *(part.ci95 or ())) if value]

    def label(value: float) -> str:
        return f"{value / 1000:g}k×" if narrow and value >= 1000 else times(value)

    log_axis(canvas.axes, min(values), max(values), label)
    canvas.axes.set_ylim(row * len(claims) + 8, 0)
    for position, claim in enumerate(claims):
        _claim(report, canvas, claim, position * row + 4, row)
    return canvas.figure


def _claim(report: Report, canvas: Board, claim: JudgedClaim, top: float, row: float) -> None:
    narrow, axes, titles = canvas.sheet.narrow, canvas.axes, report.comparison.titles
    source, name = at("claims", "claims", report.claims.claims.index(claim)), _name(claim)
    track = top + (48 if narrow else row / 2)
    half = 13 if narrow else row / 2
    no_change: Style = {"color": palette.INK, "linewidth": 1.4, "zorder": 1.5}
    axes.plot([1, 1], [track - half, track + half], **no_change)
    tip_text = f"{name}\npromised {promised_text(claim)}"
    promised_band(canvas, claim.expected or (1.0, 1.0), track, 10, tip_text)
    for part in claim.operations:
        if part.speedup:
            dot = _OTHER.plot(axes, part.speedup, track, mew=1.1, zorder=2)
            known = part.name in titles
            title = f" {source_of(report.comparison, part.name)}/title" if known else ""
            words, interval = measured_text(claim, part.speedup, part.ci95)
            speedup = f"{words} ({interval})" if interval else words
            tip(dot, f"{titles.get(part.name, part.name)}\n{speedup}", f"{source}{title}")
    if claim.ci95 and claim.measured:
        bar = whisker(
            axes, claim.ci95, [track, track], palette.BEFORE, size=11, width=2.2, layer=3,
            mew=1.6, solid_capstyle="butt",
        )  # fmt: skip
        dot = _DECIDING.plot(axes, claim.measured, track, zorder=4)
        words, interval = measured_text(claim, claim.measured, claim.ci95)
        tip([*bar, *dot], f"{name}\n{words} ({interval}), {claim.verdict}", source)
    _texts(canvas, claim, top, track)


def _name(claim: JudgedClaim) -> str:
    return claim.quote.partition(":")[0]


def _texts(canvas: Board, claim: JudgedClaim, top: float, track: float) -> None:
    shown = palette.verdict(claim.verdict)
    tone = palette.SLOWER if shown.tone == "bad" else palette.INK
    verdict = f"{shown.shape} {shown.word}"
    words, interval = measured_text(claim, claim.measured, claim.ci95)
    name = _name(claim)
    promised = f"promised {span(*(claim.expected or (1.0, 1.0)))}×"
    if canvas.sheet.narrow:
        canvas.edge_text("left", top + 8, fit(name, canvas.sheet.text, 220), bold=True)
        canvas.edge_text("left", top + 22, f"{promised}, {words}", color=palette.MUTED)
        canvas.edge_text("right", top + 22, verdict, color=tone, bold=True)
        return
    lines = wrap(name, canvas.sheet.text, 168)[:2]
    for position, line in enumerate([*lines, promised]):
        tint = palette.INK if position < len(lines) else palette.MUTED
        canvas.edge_text("left", track + (position - len(lines) / 2) * 12, line, color=tint)
    canvas.edge_text("right", track - 12, verdict, color=tone, bold=True)
    canvas.edge_text("right", track, words)
    canvas.edge_text("right", track + 12, interval, color=palette.MUTED, small=True)
