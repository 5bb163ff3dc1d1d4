"""The report's pictures: values in, matplotlib Figures out.

Computes no statistic and opens no file; whoever calls saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from bench.report.plots.ablation import ablation
from bench.report.plots.canvas import to_png, to_svg
from bench.report.plots.capacity import capacity
from bench.report.plots.claims import claims_chart
from bench.report.plots.cost import write_tax
from bench.report.plots.dumbbell import operations_dumbbell
from bench.report.plots.growth import growth
from bench.report.plots.indexes import index_cost
from bench.report.plots.latency import latency, latency_operations
from bench.report.plots.live import live
from bench.report.plots.matrix import statistics
from bench.report.plots.timeline import timeline
from bench.report.run_report import Report

DRAWINGS: Mapping[str, Callable[..., Figure | None]] = {
    "operations": operations_dumbbell,
    "claims": claims_chart,
    "indexes": index_cost,
    "writes": write_tax,
    "latency": latency,
    "latency-requests": latency_operations,
    "timeline": timeline,
    "capacity": capacity,
    "live": live,
    "ablation": ablation,
    "statistics": statistics,
    "growth": growth,
}


def figures(report: Report, *, narrow: bool = False) -> dict[str, Figure]:
    """Every picture that the report has values for, by name.

    `narrow` draws for the width of a telephone.
    """
    drawn = {name: draw(report, narrow=narrow) for name, draw in DRAWINGS.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


__all__ = [
    "DRAWINGS",
    "claims_chart",
    "figures",
    "index_cost",
    "operations_dumbbell",
    "to_png",
    "to_svg",
    "write_tax",
]
