"""The report's pictures: values in, matplotlib Figures out.

Computes no statistic and opens no file; whoever calls saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from bench.report.plots import (
    ablation,
    claims,
    cost,
    dumbbell,
    live,
    load,
    planner_statistics,
    sizes,
)
from bench.report.plots.canvas import to_png as to_png
from bench.report.plots.canvas import to_svg as to_svg
from bench.report.run_report import Report

DRAWINGS: Mapping[str, Callable[..., Figure | None]] = {
    "operations": dumbbell.operations_dumbbell,
    "claims": claims.claims_chart,
    "indexes": cost.index_cost,
    "writes": cost.write_tax,
    "latency": load.latency,
    "latency-requests": load.latency_operations,
    "timeline": load.timeline,
    "capacity": sizes.capacity,
    "live": live.live,
    "ablation": ablation.ablation,
    "statistics": planner_statistics.statistics,
    "growth": sizes.growth,
}


def make_figures(report: Report, *, narrow: bool = False) -> dict[str, Figure]:
    """Every picture that the report has values for, by name.

    `narrow` draws for the width of a telephone.
    """
    figures_made = {name: make(report, narrow=narrow) for name, make in DRAWINGS.items()}
    return {name: figure for name, figure in figures_made.items() if figure is not None}
