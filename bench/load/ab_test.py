"""Two arms under the same load, in turns: which schedule is sent to which server when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from bench.load import servers
from bench.load.arrivals import InvalidSchedule, Spacing, Step, arrival_times
from bench.load.generator import run_open
from bench.load.schedule import RequestMix, Schedule, sample_schedule
from bench.load.sending import RunGenerator, Sender, Sent
from bench.load.servers import Placement
from bench.load.workspace import Say
from bench.measure import page_cache
from bench.measure.paired import paired_rounds

BLOCKS = 4
"""Blocks of a group, base, arm, arm, base: what drifts steadily falls on both alike."""


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

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file, and its control's."""
        return (self.path,) if self.control is None else (self.path, self.control)

    def of_block(self, position: int) -> Path:
        """The file that is served in this place of a group."""
        return self.control if self.control and position >= BLOCKS // 2 else self.path


@dataclass(frozen=True)
class Block:
    """One schedule sent to one series."""

    series: str
    group: int
    position: int
    sent: Sent


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
        made.append(sample_schedule(mix, due_ns, int(sequence.generate_state(1)[0])))
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
    every = schedules(mix, profile)
    base, arm = arms
    where = servers.placement()
    progress("reading the files once")
    warm = page_cache.reload(path for file in arms.values() for path in file.paths)
    if not warm:
        say("the files do not fit in the memory that is free: they were not read beforehand")
    sender = Sender(
        mix, work, where, profile.connections, profile.timeout_s, "offer less load", generate,
        counters=True, written=mix.service.written, progress=progress,
    )  # fmt: skip
    blocks: list[Block] = []

    def send_block(series: str, schedule: Schedule) -> None:
        group, position = divmod(len(blocks), BLOCKS)
        label = f"group {group + 1} of {profile.groups}, block {position + 1} of {BLOCKS}"
        # The whole file is read through once for each series, in the last group.
        whole = group == profile.groups - 1 and position >= BLOCKS // 2
        arms[series].prepare()
        path = arms[series].of_block(position)
        sent = sender.send(schedule, path, series, label=label, whole=whole)
        blocks.append(Block(series, group, position, sent))
        progress("")
        say(_line(blocks[-1], profile))

    send = {series: partial(send_block, series) for series in arms}
    there_and_back = cycle(((base, arm), (arm, base)))
    groups = [[schedule, schedule] for schedule in every]
    list(paired_rounds(groups, lambda: nullcontext(send), there_and_back))
    return LoadOutcome((base, arm), profile, mix.shares, every, tuple(blocks), where, warm)


def _line(block: Block, profile: LoadProfile) -> str:
    answers = block.sent.result.answers
    bad = int((~answers.good).sum())
    return (
        f"group {block.group + 1} of {profile.groups}  {block.series:<16} "
        f"{len(answers) - bad:>6,} answered, {bad:,} errors, {block.sent.result.late:,} late, "
        f"{block.sent.result.missed:,} not sent, {block.sent.result.seconds:.1f} s"
    )


def series_of(arms: Sequence[str]) -> tuple[str, str]:
    """The names of both series; an arm that is compared with itself comes again."""
    base, arm = arms
    return base, f"{arm} (again)" if arm == base else arm
