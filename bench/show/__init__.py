"""What people read: values in, text or figures out.

This room computes nothing: no statistics, no verdicts, no database, no clock,
no file but its own templates. It selects, orders and words what
`bench.judge` decided, so that page, Markdown, terminal and pictures say the same.
"""

from __future__ import annotations

from bench.errors import BenchError
from bench.show.html import render_html
from bench.show.markdown import render_markdown
from bench.show.plots import figures, to_png, to_svg
from bench.show.report import HeadlineLike, Report
from bench.show.terminal import render_claims_table

__all__ = [
    "BenchError",
    "HeadlineLike",
    "Report",
    "figures",
    "render_claims_table",
    "render_html",
    "render_markdown",
    "to_png",
    "to_svg",
]
