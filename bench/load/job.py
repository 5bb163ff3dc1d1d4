"""The load comparison from end to end: checks, generates, builds, sends, judges, stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.engines.sqlite.connection import connect, tables
from bench.load import ab_test, documents
from bench.load.ab_test import ArmFile, LoadProfile, series_of
from bench.load.arrivals import InvalidSchedule
from bench.load.generator_overhead import generator_overhead
from bench.load.schedule import RequestMix
from bench.load.workspace import Say, Workspace
from bench.measure import arms as building
from bench.measure import disk, environment
from bench.measure.files import ArmFiles
from bench.measure.scratch import scratch, temporary
from bench.results import store
from bench.results.load import Load
from bench.study import Arm, Study, StudyError
from bench.study.hooks import Dataset, generator_of, hooks_of, service_of

# Starting a server, the checks and the rewinding around each block, at full size.
_AROUND_S = 3.0
# Some seconds at less leave too few requests for a p99 of the generator's own cost.
_LEAST_COST_RATE = 100.0


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """A comparison under load; `arms` are two, the base first."""

    study: Study
    arms: tuple[str, ...]
    profile: LoadProfile = field(default_factory=LoadProfile)


def check_size(options: LoadOptions, scale: float, seed: int) -> None:
    """Refuse a load that a dataset of this size cannot be offered; see `check`."""
    check(options, generator_of(options.study).planned(scale, seed))


def check(options: LoadOptions, dataset: Dataset) -> tuple[RequestMix, list[str]]:
    """Refuse what cannot be offered before anything is built; the requests, and what is left out.

    Requests that one of the arms has no table for are left out for both.

    Raises:
        StudyError: not two arms, or an unknown one, or an unknown family.
        InvalidSchedule, ScheduleExhausted: the load cannot be made of this dataset.
    """
    if len(options.arms) != 2:
        raise StudyError(
            f"Two arms are compared, not {len(options.arms)}; name them like "
            f"{options.study.base},{options.study.judged}."
        )
    chosen = [options.study.arm(name) for name in options.arms]
    service, families = service_of(options.study), options.profile.families
    for family in families:
        if family not in service.families:
            known = ", ".join(sorted(service.families))
            raise StudyError(f"There is no family {family!r} of requests; choose of: {known}.")
    wanted = service.shares(families=families)
    without = [name for name in unanswerable(options.study, chosen) if name in wanted]
    try:
        shares = service.shares(families=families, without=without)
    except ValueError as error:
        raise InvalidSchedule(
            "Neither arm would get a request: no request is left of "
            f"{', '.join(families)} that both have the tables for; "
            "name another family, or other arms."
        ) from error
    mix = RequestMix(service, dataset, dict(shares))
    ab_test.schedules(mix, options.profile)
    return mix, without


def unanswerable(study: Study, chosen: Sequence[Arm]) -> list[str]:
    """The operations that one of these arms has no table for.

    What tables an arm has is found out on empty files, so that it is known before one is built.
    """
    needs = {entry.name: set(entry.needs) for entry in study.operations if entry.needs}
    if not needs:
        return []
    have = [_tables(study, arm) for arm in {arm.migrations: arm for arm in chosen}.values()]
    return [name for name, needed in needs.items() if any(not needed <= held for held in have)]


def _tables(study: Study, arm: Arm) -> frozenset[str]:
    with temporary() as folder:
        connection = connect(folder / "empty.db", create=True)
        try:
            hooks_of(study).migrate(connection, arm.migrations, lambda _: None)
            return tables(connection)
        finally:
            connection.close()


def compare(options: LoadOptions, workspace: Workspace, *, say: Say, progress: Say) -> Load:
    """Do the whole comparison; load.json and the raw records are in `workspace.out` then.

    Raises:
        As `check`, `run_load`, bench.results.store.new_run and bench.measure.arms.build do:
        each says what to do; nothing is left behind then.
    """
    out = workspace.out.absolute()
    store.check_name(out.parent, out.name)
    workspace = workspace.with_arms(options.arms)
    check(options, workspace.dataset())
    workspace.check_disk(say)
    with (
        store.new_run(out.parent, out.name) as folder,
        scratch(workspace.work) as work,
        disk.spilling_into(work),
    ):
        source = workspace.source(work)
        progress("building the arms")
        files = building.build(
            source, work, workspace.study,
            keep_source=workspace.database is not None,
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
    """Send, judge and describe: raw records are written into `folder`, load.json is returned.

    `files` hold the arms of the options, built from `source`; `work` is a folder on the disk of
    those files. Every file is afterwards what it was, but for the planner's statistics of arms
    that share one.

    Raises:
        StudyError, InvalidSchedule, ScheduleExhausted: see `check`.
        NotServed, BenchError, ServerUnfit, NotRewindable, GeneratorFailed: the load was
            cut short.
    """
    mix, without = check(options, hooks_of(options.study).dataset(source))
    if without:
        say(f"not requested, for want of a table on one arm: {', '.join(without)}")
    files.close()
    profile = options.profile
    blocks, seconds = 4 * profile.groups, profile.warm_up_seconds + profile.seconds
    say(f"{blocks} blocks of {seconds:g} s: about {blocks * (seconds + _AROUND_S) / 60:.1f} min")
    progress("measuring the generator's own cost")
    overhead = generator_overhead(max(profile.rate_per_second, _LEAST_COST_RATE), work)
    series = zip(series_of(options.arms), options.arms, strict=True)
    outcome = ab_test.run_blocks(
        {name: arm_file(files, arm) for name, arm in series}, mix, profile, work,
        say=say, progress=progress,
    )  # fmt: skip
    documents.write_records(folder, outcome)
    progress("judging")
    document = documents.load_document(
        outcome, options.study,
        limits=mix.service.load_limits, without=without, dataset=mix.dataset.summary,
        environment=environment.environment(options.study), own_cost=overhead,
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
