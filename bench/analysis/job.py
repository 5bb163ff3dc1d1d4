"""Its parts strung together on files that are there.

It calls the modules that measure and judge, and holds no statistics or SQL of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench.analysis.ablation import measure_ablation
from bench.analysis.cost import measure_cost
from bench.analysis.growth import SCALES, measure_growth
from bench.analysis.planner_statistics import measure_planner_statistics
from bench.analysis.schema import migration_texts, schemas_of
from bench.engines.base import Capability
from bench.engines.registry import engine_of
from bench.errors import BenchError
from bench.judge.ablation import ablation_document
from bench.judge.ablation_effects import AblationRecord
from bench.judge.cost import cost_document
from bench.judge.cost_records import CostRecord
from bench.judge.growth import GrowthRecord, growth_document
from bench.judge.planner_statistics import StatisticsRecord, statistics_document
from bench.judge.recommended import ARM, ArmSchema, recommended_document
from bench.measure import arms, environment
from bench.measure.files import ArmFiles
from bench.results.ablation import Ablation
from bench.results.comparison import Comparison
from bench.results.documents import Evidence, RunDocuments
from bench.results.model import Document, Measured
from bench.results.statistics import Statistics
from bench.stages import Say, Stages
from bench.study import Study
from bench.study.hooks import Dataset, hooks_of

_Part = TypeVar("_Part", bound=Document)

PARTS = ("ablation", "statistics", "cost", "growth", "recommended")
# What an engine has to be capable of for a part.
NEEDED: Mapping[str, Capability] = {
    "ablation": "hide_index", "statistics": "statistics", "cost": "row_bill",
}  # fmt: skip
WITHOUT_RUN = (
    "Measured without a run: the times of whole arms are not in it; `resale-bench evidence --run` "
    "adds them."
)


@dataclass(frozen=True, slots=True)
class Context:
    """What every part stands on: arms that are built, the data they hold, a scratch folder.

    The judged arm's file belongs to the run: indexes are hidden in it and statistics
    exchanged, and it is afterwards what it was. `scales` are the sizes at which growth is
    measured; none: those that go with the data's own. `traffic` are requests a month by
    operation; None: what the study and its data tell. `times`: growth is timed, not only counted.
    """

    study: Study
    dataset: Dataset
    files: ArmFiles
    work: Path
    seed: int
    command: str
    scales: tuple[float, ...] = ()
    traffic: Mapping[str, float] | None = None
    times: bool = True


def parts_of(study: Study, *, of_run: bool) -> tuple[str, ...]:
    """The parts that a study can have: of what its engine is capable of.

    Growth takes a generator, a recommendation its arm.
    """
    lacking = _beyond_engine(study)
    if hooks_of(study).generator is None:
        lacking.add("growth")
    if not of_run or ARM not in [arm.name for arm in study.arms]:
        lacking.add("recommended")
    return tuple(part for part in PARTS if part not in lacking)


def _beyond_engine(study: Study) -> set[str]:
    capabilities = engine_of(study).capabilities
    return {part for part, capability in NEEDED.items() if capability not in capabilities}


def check_parts(study: Study, parts: Sequence[str], *, of_run: bool) -> None:
    """Refuse parts that cannot be had, and a study whose judged arm has no file of its own.

    `of_run` says whether the evidence is about a run, whose comparison some parts rest on.

    Raises:
        BenchError: says which.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        what = f"no part {unknown[0]!r}" if unknown else "nothing to do"
        raise BenchError(f"There is {what}; choose of: {', '.join(PARTS)}.")
    beyond = [part for part in parts if part in _beyond_engine(study)]
    if beyond:
        raise BenchError(
            f"{' and '.join(beyond)}: not measured on this engine ({study.engine}); leave it out "
            "of --parts."
        )
    judged, base = study.arm(study.judged), study.arm(study.base)
    if judged.migrations == base.migrations:
        raise BenchError(
            f"The arm {judged.name} has the file of {base.name}, which may not be changed; "
            "name a study whose judged arm has migrations of its own."
        )
    if "recommended" in parts and not of_run:
        raise BenchError(
            "The recommended migration is judged by a run's comparison; name a finished run with "
            "--run, or leave this part out with --parts."
        )
    if "recommended" in parts and ARM not in [arm.name for arm in study.arms]:
        raise BenchError(
            f"The study {study.name} has no arm {ARM}; add it, or leave this part out with --parts."
        )


@dataclass(frozen=True, slots=True)
class OnFiles:
    """What the arms' files have told: whole documents, and what others are judged from."""

    ablation: Ablation | None = None
    statistics: Statistics | None = None
    cost: CostRecord | None = None
    schemas: Mapping[str, ArmSchema] | None = None


def on_files(context: Context, parts: Collection[str], stages: Stages) -> OnFiles:
    """Measure what needs the arms' files, as far as it is asked for.

    Has to come before anything writes to them.

    Raises:
        BenchError: an operation cannot run or be judged.
    """
    ablation, statistics, counted, schemas = None, None, None, None
    if "ablation" in parts:
        ablation = _part(
            context, stages, "ablation of the indexes",
            lambda: ablation_document(_ablation(context, stages.progress)),
        )  # fmt: skip
    if "statistics" in parts:
        statistics = _part(
            context, stages, "matrix of statistics",
            lambda: statistics_document(_statistics(context, stages.progress)),
        )  # fmt: skip
    if "cost" in parts:
        with stages.stage("rows read and written"):
            counted = _cost(context, stages.progress)
    if "recommended" in parts:
        schemas = schemas_of(context.files, (context.study.base, context.study.judged, ARM))
    return OnFiles(ablation, statistics, counted, schemas)


def _part(context: Context, stages: Stages, title: str, make: Callable[[], _Part]) -> _Part:
    """Make one document in a stage of its own, and say in it when and by what it was measured."""
    started, begun = datetime.now(UTC), time.perf_counter_ns()
    with stages.stage(title):
        document = make()
    measured = Measured(
        started_at=f"{started:%Y-%m-%d %H:%M:%S}",
        duration_ns=time.perf_counter_ns() - begun,
        command=context.command,
        commit=environment.commit(Path(__file__).parent),
    )
    return document.model_copy(update={"measured": measured})


def complete(
    context: Context,
    parts: Collection[str],
    measured: OnFiles,
    run: RunDocuments | None,
    stages: Stages,
) -> Evidence:
    """All parts asked for: those that the files told, and what follows from them.

    `run` is the one that the evidence is about; without one, times of whole arms are missing
    from what follows, which its limits say.

    Raises:
        StudyError, BenchError: a part cannot be measured or judged.
    """
    study = context.study
    comparison = None if run is None else run.comparison
    data = context.dataset.summary if comparison is None else comparison.dataset
    operations = () if comparison is None else comparison.operations
    record, schemas = measured.cost, measured.schemas
    ablation = measured.ablation
    if ablation is None and run is not None:
        ablation = run.ablation
    cost, growth, recommended = None, None, None
    if record is not None:
        migrations = arms.migration_arms(context.files) if run is None else run.migration.arms
        cost = _part(
            context, stages, "cost",
            lambda: cost_document(
                study, record, data, operations, migrations, ablation, context.traffic
            ),
        )  # fmt: skip
        missing = () if comparison else (WITHOUT_RUN,)
        cost = cost.model_copy(update={"limits": (*cost.limits, *missing)})
    if "growth" in parts:
        growth = _part(
            context, stages, "growth",
            lambda: growth_document(_growth(context, comparison, stages.progress)),
        )  # fmt: skip
    if schemas is not None:
        recommended = _part(
            context, stages, "recommended migration",
            lambda: recommended_document(
                study, data, operations, schemas, migration_texts(study, ARM), ablation
            ),
        )  # fmt: skip
    return Evidence(
        ablation=measured.ablation, statistics=measured.statistics,
        cost=cost, growth=growth, recommended=recommended,
    )  # fmt: skip


def growth_scales(scale: float) -> tuple[float, ...]:
    """The sizes at which growth is measured beside data of this scale: up to it, and at least four.

    Fewer leave an exponent's interval too wide to tell anything.
    """
    return tuple(size for size in SCALES if size <= scale or size in SCALES[:4])


def _growth(context: Context, comparison: Comparison | None, progress: Say) -> GrowthRecord:
    return measure_growth(
        context.study, context.scales or growth_scales(context.dataset.scale or 0), context.work,
        seed=context.seed, times=context.times, full=comparison, progress=progress,
    )  # fmt: skip


def _cost(context: Context, progress: Say) -> CostRecord:
    return measure_cost(
        context.study, context.files, context.dataset.sample_parameters,
        seed=context.seed, migrations=arms.migration_arms(context.files), progress=progress,
    )  # fmt: skip


def _judged_file(context: Context) -> Path:
    """The judged arm's file in that arm's state, with nobody at it."""
    arm = context.files.switch(context.study.judged)
    context.files.close()
    return arm.path


def _ablation(context: Context, progress: Say) -> AblationRecord:
    connection = context.files.open(context.study.base)
    try:
        known = [index.name for index in context.files.engine.indexes(connection)]
    finally:
        connection.close()
    return measure_ablation(
        context.study, _judged_file(context), known, context.dataset.sample_parameters,
        seed=context.seed, dataset=context.dataset.summary, progress=progress,
    )  # fmt: skip


def _statistics(context: Context, progress: Say) -> StatisticsRecord:
    return measure_planner_statistics(
        _judged_file(context), context.study, context.dataset.sample_parameters,
        context.dataset.summary, seed=context.seed, progress=progress,
    )  # fmt: skip
