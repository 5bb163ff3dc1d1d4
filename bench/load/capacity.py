"""Capacity from end to end: build each size, search each arm's highest rate, describe it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.judge.capacity_points import (
    LIMITS,
    claim_verdicts,
    point_of,
    point_words,
    wants_needed,
)
from bench.judge.capacity_search import Bounds, bounds_of, next_rate
from bench.judge.format import duration, significant
from bench.judge.sizes import short_size_text
from bench.load import capacity_probe, servers
from bench.load.capacity_probe import ProbeContext, ProbeResult
from bench.load.job import arm_file, unanswerable
from bench.load.schedule import RequestMix
from bench.load.workspace import Say, Workspace
from bench.measure import arms as building
from bench.measure import disk, environment, page_cache
from bench.measure.claimable import require_claimable
from bench.measure.files import ArmFiles
from bench.measure.scratch import scratch
from bench.results.capacity import Capacity, CapacityPlan, Point, Probe, ServiceLevel
from bench.results.load import Invariants, Placement
from bench.study import Study, StudyError
from bench.study.hooks import PARAMETER_SEED, Dataset, generator_of, hooks_of, service_of

RunProbe = Callable[[float, float, int], ProbeResult]
"""Offers a rate for so many seconds, for the n-th time."""


@dataclass(frozen=True, slots=True)
class CapacityOptions:
    """What is searched: `arms`, at `scales`, which are sizes that the study's generator makes.

    With a `database` its size alone is searched, and `scales` are not used. Raw records of every
    probe are written into `keep`, where it is given.
    """

    study: Study
    arms: tuple[str, ...]
    scales: tuple[float, ...] = (0.01, 0.1, 1.0)
    seed: int = PARAMETER_SEED
    level: ServiceLevel = field(default_factory=ServiceLevel)
    seconds: float = 8.0
    ceiling: float = 3000.0
    database: Path | None = None
    keep: Path | None = None

    def workspace(self, scale: float, work: Path) -> Workspace:
        """The workspace of one size."""
        whole = Workspace(self.study, work, work, scale, self.seed, self.database)
        return whole.with_arms(self.arms)


def check(options: CapacityOptions) -> tuple[Bounds, dict[str, float]]:
    """Refuse what cannot be searched before anything is built; the bounds, and the mix's shares.

    Raises:
        StudyError: no arm, an unknown one, or one twice.
        BenchError: the rates or the probes' length are no use, or the database is not in the
            state of the base arm.
    """
    study = options.study
    if not options.arms or len(set(options.arms)) < len(options.arms):
        raise StudyError(f"Name each arm to search once, like {study.base},{study.judged}.")
    chosen = [study.arm(name) for name in options.arms]
    bounds = bounds_of(options.level, options.seconds, options.ceiling)
    if options.database is not None:
        datasets = [options.workspace(1.0, Path()).dataset()]
    elif not options.scales:
        raise StudyError("Name a size to search, like 0.01.")
    else:
        datasets = [generator_of(study).planned(scale, options.seed) for scale in options.scales]
    for dataset in datasets:
        require_claimable(study, dataset.rows)
    return bounds, dict(service_of(study).shares(without=unanswerable(study, chosen)))


def run_capacity(options: CapacityOptions, work: Path, *, say: Say, progress: Say) -> Capacity:
    """Search every arm at every size, one size after the other; databases are built in `work`.

    Raises:
        As `check` does; and if a size cannot be built.
        NotServed, BenchError, ServerUnfit, GeneratorFailed, NotRewindable: a probe was
            cut short; servers and generators are ended then.
    """
    bounds, shares = check(options)
    scales = _scales(options)
    for scale in scales:
        options.workspace(scale, work).check_disk(say)
    sizes = []
    for scale in sorted(scales):
        with scratch(work) as folder, disk.spilling_into(folder):
            files, dataset = _built(options.workspace(scale, folder), progress)
            context = ProbeContext(
                RequestMix(service_of(options.study), dataset, shares),
                options.level, options.seed, folder, servers.placement(), options.keep,
            )  # fmt: skip
            sizes.append(_SizeSearch(options, bounds, context, files, say, progress))
            sizes[-1].run()
    return _document(options, bounds, shares, sizes)


def _document(
    options: CapacityOptions,
    bounds: Bounds,
    shares: Mapping[str, float],
    sizes: Sequence[_SizeSearch],
) -> Capacity:
    points = tuple(point for size in sizes for point in size.points)
    violations = tuple(sentence for size in sizes for sentence in size.violations)
    return Capacity(
        study=options.study.name,
        service_level=options.level,
        arms=options.arms,
        points=points,
        claims=claim_verdicts(options.study, points),
        limits=(*LIMITS, *service_of(options.study).capacity_limits),
        plan=CapacityPlan(
            spacing="poisson",
            seed=options.seed,
            warm_up_seconds=capacity_probe.WARM_UP_S,
            connections=capacity_probe.CONNECTIONS,
            timeout_s=capacity_probe.TIMEOUT_S,
            **asdict(bounds),
            shares=shares,
        ),
        datasets=tuple(size.context.mix.dataset.summary for size in sizes),
        environment=environment.environment(options.study),
        placement=Placement(**asdict(servers.placement())),
        invariants=Invariants(
            held=not violations, violations=violations, checked=sum(size.checks for size in sizes)
        ),
    )


def _scales(options: CapacityOptions) -> tuple[float, ...]:
    if options.database is None:
        return tuple(dict.fromkeys(options.scales))
    return (hooks_of(options.study).dataset(options.database).scale or 1.0,)


def _built(workspace: Workspace, progress: Say) -> tuple[ArmFiles, Dataset]:
    progress(f"building the arms at scale {workspace.scale:g}")
    source = workspace.source(workspace.work)
    files = building.build(
        source, workspace.work, workspace.study,
        keep_source=workspace.database is not None,
        progress=progress,
    )  # fmt: skip
    progress("")
    return files, hooks_of(workspace.study).dataset(source)


@dataclass
class _SizeSearch:
    """Searches each arm at one size that is built; keeps the points and the rules that broke."""

    options: CapacityOptions
    bounds: Bounds
    context: ProbeContext
    files: ArmFiles
    say: Say
    progress: Say
    points: list[Point] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    checks: int = 0

    def run(self) -> None:
        options, files, mix = self.options, self.files, self.context.mix
        self.progress("finding the rate that is needed")
        needed = mix.service.needed_rate(files.arms[options.study.base].path, mix.shares)
        files.close()
        page_cache.reload(files.arms[name].path for name in options.arms)
        self.points += [self._point(name, needed) for name in options.arms]

    def _point(self, arm: str, needed: float) -> Point:
        dataset, level = self.context.mix.dataset, self.options.level
        file, nouns = arm_file(self.files, arm), self.options.study.size
        label = f"{arm} at {short_size_text(nouns, dataset.rows)}"

        def run(rate: float, seconds: float, nth: int) -> ProbeResult:
            self.progress(f"{label}: {rate:g}/s for {seconds:.3g} s")
            result = capacity_probe.probe(self.context, file, rate, seconds, nth)
            self.progress("")
            self.say(_line(label, result.probe, level))
            self.checks += len(result.invariants.rules)
            broken = result.invariants.violations
            self.violations += [f"{label}, {rate:g}/s: {text}" for text in broken]
            return result

        probes = list(search(run, self.bounds, level))
        probes += probe_needed(run, probes, needed, self.bounds, level)
        point = point_of(
            arm, dataset.scale or 1.0, rows=dataset.rows, needed_per_second=needed, probes=probes
        )
        self.say(point_words(nouns, point))
        return point


def search(run: RunProbe, bounds: Bounds, level: ServiceLevel) -> Iterator[Probe]:
    """Probe rate after rate until the highest one that holds is known."""
    probes: list[Probe] = []
    while (rate := next_rate(probes, bounds)) is not None:
        nth = sum(probe.rate_per_second == rate for probe in probes)
        probes.append(run(rate, bounds.seconds_at(rate, level), nth).probe)
        yield probes[-1]


def probe_needed(
    run: RunProbe, probes: Sequence[Probe], needed: float, bounds: Bounds, level: ServiceLevel
) -> list[Probe]:
    """A probe of the rate that is needed, if the search does not answer it."""
    if not wants_needed(probes, needed):
        return []
    probe = run(needed, bounds.seconds_at(needed, level), 0).probe
    return [probe.model_copy(update={"apart": True})]


def _line(label: str, probe: Probe, level: ServiceLevel) -> str:
    if probe.invalid_because is not None:
        outcome = f"invalid: {probe.invalid_because}"
    else:
        outcome = "held" if probe.held else f"failed by its {probe.because}"
    return (
        f"{label:<28} {significant(probe.rate_per_second):>6}/s  p50 {duration(probe.p50_ns):>8}  "
        f"p{100 * level.quantile:g} {duration(probe.level_ns):>8}  "
        f"errors {significant(100 * probe.error_share)} %  {outcome}"
    )
