"""The report's pictures: values in, matplotlib Figures out.

Computes no statistic and opens no file; whoever calls saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from bench.report.plots import (
    ablation,
    capacity,
    claims,
    cost,
    dumbbell,
    growth,
    indexes,
    latency,
    live,
    matrix,
    timeline,
)
from bench.report.plots.canvas import to_png as to_png
from bench.report.plots.canvas import to_svg as to_svg
from bench.report.run_report import Report

DRAWINGS: Mapping[str, Callable[..., Figure | None]] = {
    "operations": dumbbell.operations_dumbbell,
    "claims": claims.claims_chart,
    "indexes": indexes.index_cost,
    "writes": cost.write_tax,
    "latency": latency.latency,
    "latency-requests": latency.latency_operations,
    "timeline": timeline.timeline,
    "capacity": capacity.capacity,
    "live": live.live,
    "ablation": ablation.ablation,
    "statistics": matrix.statistics,
    "growth": growth.growth,
}


def figures(report: Report, *, narrow: bool = False) -> dict[str, Figure]:
    """Every picture that the report has values for, by name.

    `narrow` draws for the width of a telephone.
    """
    drawn = {name: draw(report, narrow=narrow) for name, draw in DRAWINGS.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}
