"""Capacity from end to end: build each size, search each arm's highest rate, describe it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import scratch
from bench.judge.capacity_points import (
    LIMITS,
    claim_verdicts,
    needed_per_second,
    point_of,
    point_words,
    wants_needed,
)
from bench.judge.capacity_search import Bounds, bounds_of, next_rate
from bench.judge.format import duration, significant
from bench.load import capacity_probe, servers
from bench.load.ab_test import ArmFile
from bench.load.capacity_probe import ProbeResult, Stage
from bench.load.job import arm_file, check_disk, source_of, unanswerable
from bench.load.rewind import INVARIANTS
from bench.load.workspace import Workspace
from bench.measure import arms as building
from bench.measure import disk, environment, page_cache
from bench.measure.files import ArmFiles
from bench.resale import user_profiles
from bench.resale.hooks import dataset_of
from bench.results.capacity import Capacity, CapacityPlan, Point, Probe, ServiceLevel
from bench.results.load import Invariants, Placement
from bench.study import Study, StudyError
from seeds.manifest import Manifest, read_manifest
from seeds.plan import DEFAULT_SEED, Plan

Say = Callable[[str], None]
Probing = Callable[[float, float, int], ProbeResult]
"""Offers a rate for so many seconds, for the n-th time."""


@dataclass(frozen=True, slots=True)
class CapacityOptions:
    """What is searched; `scales` are those of seeds.plan, each a size of the shop.

    With a `database` its size alone is searched, and `scales` are not used.
    """

    study: Study
    arms: tuple[str, ...] = ("before", "after")
    scales: tuple[float, ...] = (0.01, 0.1, 1.0)
    seed: int = DEFAULT_SEED
    level: ServiceLevel = field(default_factory=ServiceLevel)
    seconds: float = 8.0
    ceiling: float = 3000.0
    database: Path | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """A size that is built already: its arms' files, and what the data is."""

    files: ArmFiles
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Searched:
    """The points of one size, its data, and sentences about rules of the shop that were broken."""

    dataset: Mapping[str, Any]
    points: tuple[Point, ...]
    violations: tuple[str, ...]
    probes: int


def check(options: CapacityOptions) -> tuple[Bounds, dict[str, float]]:
    """Refuse what cannot be searched before anything is built; the bounds, and the mix's shares.

    Raises:
        StudyError: no arm, an unknown one, or one twice.
        BenchError: the rates or the probes' length are no use.
        BadScale, BadSeed: no shop can be made of these.
        BenchError, ManifestMissing: the database is not as it was seeded.
    """
    study = options.study
    if not options.arms or len(set(options.arms)) < len(options.arms):
        raise StudyError("Name each arm to search once, like before,after.")
    chosen = [study.arm(name) for name in options.arms]
    bounds = bounds_of(options.level, options.seconds, options.ceiling)
    if options.database is not None:
        building.check_source(options.database, _narrowed(options))
        read_manifest(options.database)
    elif not options.scales:
        raise StudyError("Name a size to search, like 0.01.")
    for scale in options.scales:
        Plan(scale, options.seed)
    return bounds, dict(user_profiles.shares(without=unanswerable(study, chosen)))


def _narrowed(options: CapacityOptions) -> Study:
    """The study with the arms that are searched, and the base that they are built from."""
    wanted = {options.study.base, *options.arms}
    kept = tuple(arm for arm in options.study.arms if arm.name in wanted)
    return replace(options.study, arms=kept, judged=options.arms[-1])


def run_capacity(
    options: CapacityOptions,
    work: Path,
    *,
    say: Say,
    progress: Say,
    ready: Sequence[Size] = (),
    keep: Path | None = None,
) -> Capacity:
    """Search every arm at every size, one size after the other.

    Databases are built in `work` and removed. A scale that is among the `ready` ones is taken
    from there, and those files are afterwards what they were; `work` must be on their disk.
    Raw records of every probe are written into `keep`, where it is given.

    Raises:
        As `check` and `search_size` do; BenchError, SeedError: a size cannot be built.
    """
    bounds, shares = check(options)
    scales = _scales(options)
    built = {size.manifest.scale: size for size in ready}
    for scale in scales:
        if scale not in built:
            check_disk(_narrowed(options), _place(options, scale, work), say)
    found = []
    for scale in sorted(scales):
        with scratch(work) as folder, disk.spilling_into(folder):
            size = built.get(scale) or _built(options, scale, folder, progress)
            found.append(
                search_size(
                    options, bounds, shares, size, folder, say=say, progress=progress, keep=keep
                )
            )
    return _document(options, bounds, shares, found)


def _document(
    options: CapacityOptions,
    bounds: Bounds,
    shares: Mapping[str, float],
    found: Sequence[Searched],
) -> Capacity:
    points = tuple(point for one in found for point in one.points)
    violations = tuple(sentence for one in found for sentence in one.violations)
    return Capacity(
        study=options.study.name,
        service_level=options.level,
        arms=options.arms,
        points=points,
        claims=claim_verdicts(options.study, points),
        limits=LIMITS,
        plan=CapacityPlan(
            spacing="poisson",
            seed=options.seed,
            warm_up_seconds=capacity_probe.WARM_UP_S,
            connections=capacity_probe.CONNECTIONS,
            timeout_s=capacity_probe.TIMEOUT_S,
            **asdict(bounds),
            shares=shares,
        ),
        datasets=tuple(one.dataset for one in found),
        environment=environment.environment(options.study),
        placement=Placement(**asdict(servers.placement())),
        invariants=Invariants(
            held=not violations,
            violations=violations,
            checked=sum(one.probes for one in found) * len(INVARIANTS),
        ),
    )


def _scales(options: CapacityOptions) -> tuple[float, ...]:
    if options.database is None:
        return tuple(dict.fromkeys(options.scales))
    return (read_manifest(options.database).scale,)


def _place(options: CapacityOptions, scale: float, work: Path) -> Workspace:
    return Workspace(work, work, scale, options.seed, options.database)


def _built(options: CapacityOptions, scale: float, work: Path, progress: Say) -> Size:
    progress(f"building the arms at scale {scale:g}")
    source = source_of(_place(options, scale, work), work)
    files = building.build(
        source, work, _narrowed(options),
        keep_source=options.database is not None,
        progress=progress,
    )  # fmt: skip
    progress("")
    return Size(files, read_manifest(source))


def search_size(
    options: CapacityOptions,
    bounds: Bounds,
    shares: Mapping[str, float],
    size: Size,
    work: Path,
    *,
    say: Say,
    progress: Say,
    keep: Path | None = None,
) -> Searched:
    """Search each arm at one size that is built.

    Raises:
        NotServed, BenchError, ServerUnfit, GeneratorFailed, NotRewindable: a probe was
            cut short; servers and players are ended then.
    """
    counts = size.manifest.counts
    progress("finding the busiest hour")
    hour = busiest_hour(size.files.arms[options.study.base].path)
    needed = needed_per_second(hour, shares["track_events"], user_profiles.EVENTS_IN_A_BATCH)
    size.files.close()
    page_cache.reload(size.files.arms[name].path for name in options.arms)
    stage = Stage(
        size.manifest.plan(), shares, options.level, options.seed, work, servers.placement(), keep
    )
    points: list[Point] = []
    violations: list[str] = []
    for name in options.arms:
        file = arm_file(size.files, name)
        label = f"{name} at {counts['products']:,} products"

        def play(
            rate: float, seconds: float, nth: int, file: ArmFile = file, label: str = label
        ) -> ProbeResult:
            progress(f"{label}: {rate:g}/s for {seconds:.3g} s")
            probed = capacity_probe.probe(stage, file, rate, seconds, nth)
            progress("")
            say(_line(label, probed.probe, options.level))
            violations.extend(f"{label}, {rate:g}/s: {text}" for text in probed.violations)
            return probed

        probes = list(search(play, bounds, options.level))
        probes += probe_needed(play, probes, needed, bounds, options.level)
        point = point_of(
            name, size.manifest.scale, products=counts["products"],
            events=counts["analytics_events"], needed_per_second=needed, probes=probes,
        )  # fmt: skip
        points.append(point)
        say(point_words(point))
    made = sum(len(point.probes) for point in points)
    return Searched(dataset_of(size.manifest).summary, tuple(points), tuple(violations), made)


def search(play: Probing, bounds: Bounds, level: ServiceLevel) -> Iterator[Probe]:
    """Probe rate after rate until the highest one that holds is known."""
    probes: list[Probe] = []
    while (rate := next_rate(probes, bounds)) is not None:
        nth = sum(probe.rate_per_second == rate for probe in probes)
        probes.append(play(rate, bounds.seconds_at(rate, level), nth).probe)
        yield probes[-1]


def probe_needed(
    play: Probing, probes: Sequence[Probe], needed: float, bounds: Bounds, level: ServiceLevel
) -> list[Probe]:
    """A probe of the rate that the shop needs, if the search does not answer it."""
    if not wants_needed(probes, needed):
        return []
    probed = play(needed, bounds.seconds_at(needed, level), 0).probe
    return [probed.model_copy(update={"apart": True})]


_BUSIEST_HOUR = """
SELECT coalesce(max(events), 0)
FROM (SELECT count(*) AS events FROM analytics_events GROUP BY substr(timestamp, 1, 13))
"""


def busiest_hour(database: Path) -> int:
    """How many events the busiest hour of the year has; some seconds at full size."""
    connection = connect(database, query_only=True)
    try:
        [(events,)] = connection.execute(_BUSIEST_HOUR)
        return int(str(events))
    finally:
        connection.close()


def _line(label: str, probe: Probe, level: ServiceLevel) -> str:
    if probe.invalid_because is not None:
        told = f"invalid: {probe.invalid_because}"
    else:
        told = "held" if probe.held else f"failed by its {probe.because}"
    return (
        f"{label:<28} {significant(probe.rate_per_second):>6}/s  p50 {duration(probe.p50_ns):>8}  "
        f"p{100 * level.quantile:g} {duration(probe.level_ns):>8}  "
        f"errors {significant(100 * probe.error_share)} %  {told}"
    )
