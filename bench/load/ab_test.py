"""Two arms under the same load, in turns: which schedule is sent to which server when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.rewind import Rewound, log_bytes
from bench.load import invariants, servers
from bench.load.arrivals import InvalidSchedule, Spacing, Step, arrival_times
from bench.load.generator import GeneratorFailed, GeneratorResult, run_open
from bench.load.invariants import Checked
from bench.load.records import UNSENT
from bench.load.schedule import RequestMix, Schedule, draw_schedule
from bench.load.servers import Counters, Placement, Server
from bench.measure import page_cache

Say = Callable[[str], None]

ORDER: tuple[Literal[0, 1], ...] = (0, 1, 1, 0)
"""Which series has each place of a group: what drifts steadily falls on both alike."""


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """What is offered to each arm: so many requests a second, for so long, so often.

    The warm-up comes before the counted `seconds` of each block.
    """

    rate_per_second: float = 12.0
    seconds: float = 10.0
    warm_up_seconds: float = 2.0
    groups: int = 3
    spacing: Spacing = "poisson"
    seed: int = 1
    families: tuple[str, ...] = ()
    connections: int = 1024
    timeout_s: float = 40.0


@dataclass(frozen=True, slots=True)
class ArmFile:
    """The database of one series; `prepare` brings the file into the arm's state before a block.

    `control` is the same made a second time, which is served in the later half of each group: so
    blocks of one series also differ by what two files of one content differ by.
    """

    arm: str
    path: Path
    prepare: Callable[[], object] = field(default=lambda: None)
    control: Path | None = None

    def of_block(self, place: int) -> Path:
        """The file that is served in this place of a group."""
        return self.control if self.control and place >= len(ORDER) // 2 else self.path


@dataclass(frozen=True)
class Block:
    """One schedule sent to one series: what came back, what it cost, which rules it broke.

    `begun_at_ns` is of a monotonic clock, of which only differences mean anything;
    `log_bytes` is what the server wrote.
    """

    series: str
    group: int
    place: int
    begun_at_ns: int
    result: GeneratorResult
    server_cpu_s: float
    counters: Counters
    log_bytes: int
    invariants: Checked


@dataclass(frozen=True)
class LoadOutcome:
    """Everything that the blocks leave; `series` are base and arm, `schedules` one a group."""

    series: tuple[str, str]
    profile: LoadProfile
    shares: Mapping[str, float]
    schedules: tuple[Schedule, ...]
    blocks: tuple[Block, ...]
    placement: Placement
    warm: bool


class RunGenerator(Protocol):
    """Sends a schedule to a server, as bench.load.generator.run_open does."""

    def __call__(
        self,
        schedule: Schedule,
        url: str,
        work: Path,
        *,
        connections: int,
        timeout_s: float,
        core: int | None,
        on_second: Callable[..., object] | None,
    ) -> GeneratorResult:
        """Send all of it; what came of each request."""
        ...


def schedules(mix: RequestMix, profile: LoadProfile) -> tuple[Schedule, ...]:
    """One schedule for each group; equal mixes and profiles make equal schedules.

    Raises:
        InvalidSchedule: the profile is no load.
        ScheduleExhausted: the dataset has too few rows for so many writes.
    """
    if profile.groups < 1 or profile.connections < 1 or profile.timeout_s <= 0:
        raise InvalidSchedule("A load needs a group, a connection and time for an answer at least.")
    if profile.warm_up_seconds < 0:
        raise InvalidSchedule("A warm-up cannot be shorter than nothing; give 0 for none.")
    made = []
    for group in range(profile.groups):
        sequence = np.random.SeedSequence([profile.seed, group])
        warm_up = [Step(profile.rate_per_second, profile.warm_up_seconds)]
        steps = [
            *(warm_up if profile.warm_up_seconds else ()),
            Step(profile.rate_per_second, profile.seconds),
        ]
        due_ns = arrival_times(steps, profile.spacing, np.random.default_rng(sequence))
        if not len(due_ns):
            raise InvalidSchedule(
                f"{profile.rate_per_second:g} requests a second for {profile.seconds:g} s are "
                "none; give a higher rate or more time."
            )
        made.append(draw_schedule(mix, due_ns, int(sequence.generate_state(1)[0])))
    return tuple(made)


def run_blocks(
    arms: Mapping[str, ArmFile],
    mix: RequestMix,
    profile: LoadProfile,
    work: Path,
    *,
    say: Say,
    progress: Say,
    generate: RunGenerator = run_open,
) -> LoadOutcome:
    """Send the same schedules to two series, in ABBA order, each block from the same state.

    `arms` are by series, the base first; both may be one file. `work` is a folder on the disk of
    the files.

    Raises:
        InvalidSchedule, ScheduleExhausted: see `schedules`.
        NotServed, BenchError, ServerUnfit, NotRewindable, GeneratorFailed: the load was
            cut short; servers and generators are ended then.
    """
    drawn = schedules(mix, profile)
    base, arm = arms
    where = servers.placement()
    progress("reading the files once")
    warm = page_cache.reload(
        path for file in arms.values() for path in (file.path, file.control) if path
    )
    if not warm:
        say("the files do not fit in the memory that is free: they were not read beforehand")
    runner = _BlockRunner(arms, mix, profile, work, where, generate, progress)
    blocks: list[Block] = []
    for group, schedule in enumerate(drawn):
        for place, which in enumerate(ORDER):
            # The whole file is read through once for each series, in the last group.
            whole = group == profile.groups - 1 and place >= len(ORDER) // 2
            blocks.append(runner.run((base, arm)[which], schedule, group, place, whole=whole))
            progress("")
            say(_line(blocks[-1], profile))
    return LoadOutcome((base, arm), profile, mix.shares, drawn, tuple(blocks), where, warm)


@dataclass(frozen=True)
class _BlockRunner:
    arms: Mapping[str, ArmFile]
    mix: RequestMix
    profile: LoadProfile
    work: Path
    where: Placement
    generate: RunGenerator
    progress: Say

    def run(self, series: str, schedule: Schedule, group: int, place: int, *, whole: bool) -> Block:
        """Serve the file as it is at rest, send, count, check, and forget what was written."""
        file, service = self.arms[series], self.mix.service
        label = f"group {group + 1} of {self.profile.groups}, block {place + 1} of {len(ORDER)}"
        self.progress(f"{label}: starting the server of {series}")
        file.prepare()
        path = file.of_block(place)
        with (
            Rewound(path, service.side_files(path)),
            servers.serving(
                path, self.mix, service.environment(counters=True, checkpoints=False),
                name=series, cores=self.where.server_cores,
            ) as server,
        ):  # fmt: skip
            since = newest_rowids(path)
            self.progress(f"{label}: {series}")
            server.reset_counters()
            spent_s = server.cpu_s()
            begun_at_ns = time.monotonic_ns()
            result = self._generated(server, schedule)
            server_cpu_s = server.cpu_s() - spent_s
            server.require_disk(result, self.work, "offer less load")
            self.progress(f"{label}: checking {series}")
            findings = (
                *service.audit(path, whole=whole),
                invariants.parents(path, since),
                *invariants.writes(path, since, service.written, result.answers),
            )
            return Block(
                series, group, place, begun_at_ns, result, server_cpu_s,
                server.counters(), log_bytes(path), invariants.checked(findings),
            )  # fmt: skip

    def _generated(self, server: Server, schedule: Schedule) -> GeneratorResult:
        def watch(*_: object) -> None:
            server.require_alive()

        try:
            return self.generate(
                schedule, server.url, self.work,
                connections=self.profile.connections, timeout_s=self.profile.timeout_s,
                core=self.where.player_core, on_second=watch,
            )  # fmt: skip
        except GeneratorFailed:
            # A generator without a server has nothing to say; why the server ended has.
            server.require_alive()
            raise


def _line(block: Block, profile: LoadProfile) -> str:
    answers = block.result.answers
    bad = int((~answers.good).sum())
    missed = int((answers.error == UNSENT).sum())
    return (
        f"group {block.group + 1} of {profile.groups}  {block.series:<16} "
        f"{len(answers) - bad:>6,} answered, {bad:,} errors, {block.result.late:,} late, "
        f"{missed:,} not sent, {block.result.seconds:.1f} s"
    )


def series_of(arms: Sequence[str]) -> tuple[str, str]:
    """The names of both series; an arm that is compared with itself comes again."""
    base, arm = arms
    return base, f"{arm} (again)" if arm == base else arm
