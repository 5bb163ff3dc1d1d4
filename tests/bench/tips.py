"""What the marks of a picture say when they are pointed at."""

from __future__ import annotations

import re
from html import unescape


def texts(svg: str) -> list[str]:
    """The labels that `bench.report.plots.hover` wrote, in the order of drawing."""
    groups = re.findall(r'<g class="tip".*?</g></g>', svg, flags=re.DOTALL)
    return [
        "\n".join(unescape(line) for line in re.findall(r"<tspan[^>]*>(.*?)</tspan>", group))
        for group in groups
    ]
