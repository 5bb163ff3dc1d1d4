"""From measurements to the documents of a run and its report: judge, describe, show."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.judge.claims import judge_claims
from bench.judge.compare import comparison_document
from bench.judge.records import ArmFacts, ArmSamples
from bench.judge.records import Counters as JudgedCounters
from bench.judge.summary import headline
from bench.measure import environment
from bench.measure.reads import PARAMETER_SCHEME
from bench.measure.series import AA_CONTROL, Measured
from bench.measure.timing import sample_medians
from bench.report.arms import Arms
from bench.report.contents import render_html, render_markdown
from bench.report.plots import make_figures, to_png, to_svg
from bench.report.run_report import Report
from bench.results.claims import Claims
from bench.results.comparison import Comparison
from bench.results.documents import RunDocuments
from bench.results.growth import Growth
from bench.results.migration import Migration
from bench.results.run import Run, RunArm
from bench.study import Study
from bench.study.hooks import Dataset, hooks_of

LIMITS = (
    "One process, one connection at a time, a warm operating system cache: no concurrency and "
    "no network are in these times.",
    "Each drawn request of a read that takes less than 8 ms runs once untimed and then up to 9 "
    "times: its times are those of a warm cache.",
    "Times come from this machine; ratios travel better than times, and counters best.",
    "Write operations commit in WAL mode with synchronous=NORMAL, so no commit waits for the disk.",
)
FILLED = (
    "Rows of new tables were filled in by the data's generator after the migration, outside its "
    "time."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a measurement leaves behind before it is judged."""

    measured: Mapping[str, Measured]
    migration: Migration
    pragmas: Mapping[str, object]
    arm_facts: Mapping[str, ArmFacts]


def judge(study: Study, dataset: Dataset, outcome: Outcome, seed: int) -> Comparison:
    """Turn measurements into the comparison of the arms.

    Raises:
        BenchError: they cannot be judged.
    """
    samples: list[ArmSamples] = []
    counters: dict[tuple[str, str], JudgedCounters] = {}
    plans: dict[tuple[str, str], Sequence[str]] = {}
    for entry in outcome.measured.values():
        samples.extend(_samples(entry))
        for arm, seen in entry.observations.items():
            pages = seen.pages or {}
            counters[entry.operation, arm] = JudgedCounters(
                **seen.counters.by_name(), rows=seen.rows, **pages
            )
            plans[entry.operation, arm] = seen.plan
    return comparison_document(
        study, dataset.summary, samples, counters, plans,
        {name: entry.answers_equal for name, entry in outcome.measured.items()},
        np.random.default_rng(seed),
        not_measured={
            name: dict(entry.not_measured)
            for name, entry in outcome.measured.items()
            if entry.not_measured
        },
        arm_facts=outcome.arm_facts,
    )  # fmt: skip


def claims_of(
    study: Study, comparison: Comparison, migration: Migration, growth: Growth | None = None
) -> Claims:
    """The study's claims, judged, with the headline of the run."""
    judged = judge_claims(study, comparison, migration.facts, growth)
    summary = headline(comparison, judged, migration.arms)
    return Claims(study=study.name, claims=judged, headline=summary)


def _samples(entry: Measured) -> Iterator[ArmSamples]:
    for series, latencies_ns in entry.latencies_ns.items():
        rounds = tuple(tuple(samples) for samples in sample_medians(latencies_ns))
        control = series == AA_CONTROL
        yield ArmSamples(
            entry.operation,
            entry.controlled_arm if control else series,
            rounds,
            control=control,
            executions_ns=tuple(latencies_ns.reshape(-1).tolist()),
        )


def run_document(
    study: Study,
    dataset: Dataset,
    outcome: Outcome,
    *,
    name: str,
    started: datetime,
    command: str,
) -> Run:
    """What was run, but for its stages and the memory, which come last."""
    filled = () if hooks_of(study).generator is None else (FILLED,)
    return Run(
        name=name,
        study=study.name,
        title=study.title,
        scale=dataset.scale,
        seed=dataset.seed,
        commit=environment.commit(Path(__file__).parent),
        started_at=started.strftime("%Y-%m-%d %H:%M:%S"),
        dataset=dataset.summary,
        environment=environment.environment(study),
        pragmas=outcome.pragmas,
        arms=tuple(RunArm(**asdict(arm)) for arm in study.arms),
        rounds=study.rounds,
        quick_rounds=study.quick_rounds,
        parameter_scheme=PARAMETER_SCHEME,
        minimum_effect=study.minimum_effect,
        commands=(command,),
        limits=(*LIMITS, *filled, *_not_measured(study, outcome), *_shared(outcome)),
        stages=(),
    )


def _not_measured(study: Study, outcome: Outcome) -> Iterator[str]:
    """One sentence for each reason and the arms that it holds for, naming the operations."""
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for entry in outcome.measured.values():
        for reason in dict.fromkeys(entry.not_measured.values()):
            arms = tuple(arm for arm, why in entry.not_measured.items() if why == reason)
            names.setdefault((reason, arms), []).append(entry.operation)
    for (reason, arms), operations in names.items():
        where = "" if len(arms) == len(study.arms) else f" on {', '.join(arms)}"
        yield f"Not measured{where}, because {reason}: {', '.join(operations)}."


def _shared(outcome: Outcome) -> Iterator[str]:
    """One sentence for each pair of arms that were timed as one, naming the operations."""
    names: dict[tuple[str, str], list[str]] = {}
    for entry in outcome.measured.values():
        for arm, other in entry.shared.items():
            names.setdefault((arm, other), []).append(entry.operation)
    for (arm, other), operations in names.items():
        yield (
            f"Timed once for {other} and {arm}, because they are one file and the statistics "
            f"change nothing in the program: {', '.join(operations)}."
        )


def peak_rss_bytes() -> int:
    """The most memory that this process has had resident."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes (getrusage(2) of each).
    return peak if sys.platform == "darwin" else peak * 1024


def write_report(study: Study, documents: RunDocuments, folder: Path) -> Report:
    """Write report.html, report.md and the plots of a run into its folder."""
    report = report_of(study, documents)
    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    for name, figure in make_figures(report).items():
        (plots / f"{name}.png").write_bytes(to_png(figure))
        (plots / f"{name}.svg").write_text(to_svg(figure), encoding="utf-8")
    (folder / "report.html").write_text(render_html(report), encoding="utf-8")
    (folder / "report.md").write_text(render_markdown(report), encoding="utf-8")
    return report


def report_of(study: Study, documents: RunDocuments) -> Report:
    """Put a run's documents together for showing."""
    held: dict[str, Any] = {**documents.by_name()}
    return Report(title=study.title, arms=Arms.of(study), families=study.families, **held)
