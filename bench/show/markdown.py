"""The report as Markdown; its first line names what got slower.

Room show: values in, text out. Everything that comes from a document is escaped.
"""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.report import palette, units
from bench.report.markdown import section_markdown
from bench.report.sections.user_latency import user_latency_section
from bench.show import evidence, facts, view, wording
from bench.show.report import Report

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")


def text(value: object) -> str:
    """A value as Markdown text on one line: markup, links and table bars lose their meaning."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split())).replace("&", "&amp;")


def code(value: object) -> str:
    """A value as a code span that no backtick inside can end."""
    flat = " ".join(str(value).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if "`" in flat else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(lines: list[str]) -> str:
    """Lines as an indented code block, which no content can end."""
    return "\n".join("    " + " ".join(line.split()) for line in lines)


def environment() -> Environment:
    """Templates without HTML's escaping; an unknown name is an error, not a blank."""
    found = Environment(
        loader=PackageLoader("bench.show", "templates"),
        # HTML's escaping is the wrong one here: every value passes `t`, `code` or `block`.
        autoescape=False,
        finalize=lambda value: "" if value is None else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "block": block,
        "code": code,
        "band": wording.band_text,
        "compared": wording.comparison_text,
        "duration": units.duration,
        "interval": wording.interval_text,
        "t": text,
        "unmeasured": wording.not_measured_text,
        "verdict": palette.verdict,
    }
    return found


def render_markdown(report: Report) -> str:
    """The report as Markdown.

    Raises:
        BenchError: a document lacks what the report shows.
    """
    slower = view.slower_operations(report)
    rendered = (
        environment()
        .get_template("report.md.j2")
        .render(
            report=report,
            arms=[(name, view.arm_label(report, name)) for name in view.arm_names(report)],
            slower_line=wording.slower_line(report),
            figures=wording.four_figures(report),
            slower=[(o, wording.mending_text(view.mending(report, o))) for o in slower],
            families=view.families(report),
            claims=wording.claim_rows(report),
            facts=facts,
            felt=user_latency_section(report),
            proof=evidence.evidence(report),
            section=section_markdown,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", rendered).strip() + "\n"
