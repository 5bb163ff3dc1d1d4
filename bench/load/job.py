"""The load comparison from end to end: checks, seeds, builds, plays, judges, stores.

This room only calls the others, in that order; it holds no statistics, no SQL and no
formatting of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.engines.sqlite.connection import connect, tables
from bench.engines.sqlite.files import scratch, temporary
from bench.load import ab_test, documents
from bench.load.ab_test import ArmFile, LoadProfile, lanes_of
from bench.load.arrivals import InvalidSchedule
from bench.load.generator_overhead import own_cost
from bench.load.workspace import Workspace
from bench.measure import arms as building
from bench.measure import disk, environment
from bench.measure.files import ArmFiles
from bench.progress import bars
from bench.resale import user_profiles
from bench.resale.hooks import dataset_of
from bench.results import store
from bench.results.load import Load
from bench.study import Arm, Study, StudyError
from bench.study.hooks import hooks_of
from seeds import checks, load
from seeds.manifest import read_manifest
from seeds.plan import Plan

Say = Callable[[str], None]

# Starting a server, the audit and the rewinding around each block, at full size.
_AROUND_S = 3.0
# Some seconds at less leave too few requests for a p99 of the generator's own cost.
_LEAST_COST_RATE = 100.0


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a comparison under load is asked for; `arms` are two, the base first."""

    study: Study
    arms: tuple[str, ...] = ("before", "after")
    offer: LoadProfile = field(default_factory=LoadProfile)


def check_size(options: LoadOptions, scale: float, seed: int) -> None:
    """Refuse a load that a shop of this size cannot be offered; see `check`."""
    check(options, Plan(scale, seed))


def check(options: LoadOptions, plan: Plan) -> tuple[dict[str, float], list[str]]:
    """Refuse what cannot be played before anything is built; each request's share, and what is out.

    Requests that one of the arms has no table for are left out for both.

    Raises:
        StudyError: not two arms, or an unknown one, or an unknown family.
        InvalidSchedule, ScheduleExhausted: the offer cannot be made of this shop.
    """
    if len(options.arms) != 2:
        raise StudyError(
            f"Two arms are compared, not {len(options.arms)}; name them like before,after."
        )
    chosen = [options.study.arm(name) for name in options.arms]
    known = {task.family for kind in user_profiles.KINDS for task in kind.tasks}
    for family in options.offer.families:
        if family not in known:
            raise StudyError(
                f"There is no family {family!r} of requests; choose of: {', '.join(sorted(known))}."
            )
    asked = user_profiles.shares(families=options.offer.families)
    without = [name for name in unanswerable(options.study, chosen) if name in asked]
    try:
        shares = dict(user_profiles.shares(families=options.offer.families, without=without))
    except ValueError as error:
        raise InvalidSchedule(
            "Neither arm would be asked anything: no request is left of "
            f"{', '.join(options.offer.families)} that both have the tables for; "
            "name another family, or other arms."
        ) from error
    ab_test.tapes(plan, shares, options.offer)
    return shares, without


def unanswerable(study: Study, chosen: Sequence[Arm]) -> list[str]:
    """The operations that one of these arms has no table for.

    What tables an arm has is found out on empty files, so that it is known before one is built.
    """
    have = [_tables(study, arm) for arm in {arm.migrations: arm for arm in chosen}.values()]
    return [
        operation.name
        for operation in study.operations
        if any(not set(operation.needs) <= held for held in have)
    ]


def _tables(study: Study, arm: Arm) -> frozenset[str]:
    with temporary() as folder:
        connection = connect(folder / "empty.db", create=True)
        try:
            hooks_of(study).migrate(connection, arm.migrations, lambda _: None)
            return tables(connection)
        finally:
            connection.close()


def narrowed(options: LoadOptions) -> Study:
    """The study with the arms that are compared, and the base that they are built from."""
    wanted = {options.study.base, *options.arms}
    kept = tuple(arm for arm in options.study.arms if arm.name in wanted)
    judged = options.study.judged if options.study.judged in wanted else options.arms[1]
    return replace(options.study, arms=kept, judged=judged)


def compare(options: LoadOptions, place: Workspace, *, say: Say, progress: Say) -> Load:
    """Do the whole comparison; load.json and what lies beside it stand in `place.out` then.

    Raises:
        As `check`, `run_load`, bench.results.store.new_run and bench.measure.arms.build do:
        each says what to do; nothing is left behind then.
    """
    out = place.out.absolute()
    store.check_name(out.parent, out.name)
    check(options, Plan(place.scale, place.seed))
    study = narrowed(options)
    if place.database is not None:
        building.check_source(place.database, study)
        read_manifest(place.database)
    check(options, Plan(place.scale, place.seed))
    check_disk(study, place, say)
    with (
        store.new_run(out.parent, out.name) as folder,
        scratch(place.work) as work,
        disk.spilling_into(work),
    ):
        source = source_of(place, work)
        progress("building the arms")
        files = building.build(
            source, work, study,
            keep_source=place.database is not None,
            control=True,
            progress=progress,
        )  # fmt: skip
        progress("")
        document = run_load(options, files, source, folder, work, say=say, progress=progress)
        store.write_json(folder / "load.json", document)
    return document


def run_load(
    options: LoadOptions,
    files: ArmFiles,
    source: Path,
    folder: Path,
    work: Path,
    *,
    say: Say,
    progress: Say,
) -> Load:
    """Play, judge and describe: raw records are written into `folder`, load.json is returned.

    `files` hold the arms asked for, built from `source`; `work` is a folder on the disk of those
    files. Every file is afterwards what it was, but for the planner's statistics of arms that
    share one.

    Raises:
        StudyError, InvalidSchedule, ScheduleExhausted: see `check`.
        NotServed, BenchError, ServerUnfit, NotRewindable, GeneratorFailed: the load was
            cut short.
    """
    manifest = read_manifest(source)
    shares, without = check(options, manifest.plan())
    if without:
        say(f"not asked, for want of a table on one arm: {', '.join(without)}")
    files.close()
    offer = options.offer
    blocks, seconds = 4 * offer.groups, offer.warm_up_seconds + offer.seconds
    say(f"{blocks} blocks of {seconds:g} s: about {blocks * (seconds + _AROUND_S) / 60:.1f} min")
    progress("measuring the generator's own cost")
    cost = own_cost(max(options.offer.rate_per_second, _LEAST_COST_RATE), work)
    lanes = zip(lanes_of(options.arms), options.arms, strict=True)
    outcome = ab_test.duel(
        {lane: arm_file(files, name) for lane, name in lanes},
        manifest.plan(), shares, options.offer, work, say=say, progress=progress,
    )  # fmt: skip
    documents.write_records(folder, outcome)
    progress("judging")
    document = documents.load_document(
        outcome, options.study,
        without=without, dataset=dataset_of(manifest).summary,
        environment=environment.environment(options.study), own_cost=cost,
    )  # fmt: skip
    progress("")
    return document


def arm_file(files: ArmFiles, name: str) -> ArmFile:
    """One arm's file, and what brings it into that arm's state before it is served."""
    arm = files.arms[name]
    kinds = {other.statistics for other in files.arms.values() if other.path == arm.path}

    def switch() -> None:
        files.switch(name)
        # What stays open would keep the file's log, which a server must find absent.
        files.close()

    # A file with one arm's statistics only needs no switching, and is never written to.
    shared = len(kinds) > 1 or not arm.statistics.empty
    control = files.control.path if files.control and files.control.name == name else None
    prepare = switch if shared else lambda: None
    return ArmFile(name, arm.path, prepare, control)


def check_disk(study: Study, place: Workspace, say: Say) -> None:
    """Say and check what the files need of disk at their peak.

    Raises:
        BenchError: that much is not free.
    """
    copies = building.files_needed(study)
    if place.database is None:
        source_bytes = checks.size_estimate(Plan(place.scale, place.seed))
        needed = disk.need(source_bytes, copies=copies, plain=1).total_bytes
    else:
        source_bytes = place.database.stat().st_size
        needed = disk.need(source_bytes, copies=copies, plain=2).total_bytes - source_bytes
    say(f"disk needed at the peak: {disk.amount(needed)} in {place.work}")
    disk.demand(place.work, needed, sized=place.database is None)


def source_of(place: Workspace, work: Path) -> Path:
    """The database that arms are built from: as given, or seeded into `work`."""
    if place.database is not None:
        return place.database
    seeded = work / "source.db"
    with bars() as bar:
        load.seed(seeded, scale=place.scale, seed=place.seed, progress=bar)
    return seeded
