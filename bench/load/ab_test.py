"""Two arms under the same load, in turns: room load, who plays which tape to which server when."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from bench.errors import BenchError
from bench.load import servers
from bench.load.arrivals import InvalidSchedule, Spacing, Step, schedule
from bench.load.generator import GeneratorFailed, GeneratorResult, play
from bench.load.records import UNSENT
from bench.load.rewind import Rewound
from bench.load.schedule import Schedule, record
from bench.load.servers import Counters, Placement
from bench.measure import page_cache
from bench.resale.http_requests import Keys
from seeds.plan import Plan, staff

Say = Callable[[str], None]

ORDER: tuple[Literal[0, 1], ...] = (0, 1, 1, 0)
"""Which lane is played in each place of a group: what drifts steadily falls on both alike."""

_FULL = 507


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """What is asked of each arm: so many requests a second, for so long, so often.

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
    """One lane's database; `prepare` brings the file into the arm's state before a block.

    `control` is the same made a second time, which is served in the later half of each group: so
    blocks of one lane also differ by what two files of one content differ by.
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
    """One tape played to one lane: what came back, what it cost, which rules it broke.

    `begun_at_ns` is of a monotonic clock, of which only differences mean anything;
    `log_bytes` is what the server wrote.
    """

    lane: str
    group: int
    place: int
    begun_at_ns: int
    played: GeneratorResult
    server_cpu_s: float
    counters: Counters
    log_bytes: int
    rules_asked: int
    violations: tuple[str, ...]


@dataclass(frozen=True)
class LoadOutcome:
    """Everything that a duel leaves; `lanes` are base and arm, `tapes` one for each group."""

    lanes: tuple[str, str]
    offer: LoadProfile
    shares: Mapping[str, float]
    tapes: tuple[Schedule, ...]
    blocks: tuple[Block, ...]
    placement: Placement
    warm: bool


class Player(Protocol):
    """Plays a tape to a server; bench.load.generator.play is the one."""

    def __call__(
        self,
        tape: Schedule,
        url: str,
        work: Path,
        *,
        connections: int,
        timeout_s: float,
        core: int | None,
        on_second: Callable[..., object] | None,
    ) -> GeneratorResult:
        """Play all of it; what came of each slot."""
        ...


def tapes(plan: Plan, shares: Mapping[str, float], offer: LoadProfile) -> tuple[Schedule, ...]:
    """One tape for each group; equal plans, shares and offers make equal tapes.

    Raises:
        InvalidSchedule: the offer is no load.
        ScheduleExhausted: the seeded shop has too few rows for so many writes.
    """
    if offer.groups < 1 or offer.connections < 1 or offer.timeout_s <= 0:
        raise InvalidSchedule("A load needs a group, a connection and time for an answer at least.")
    if offer.warm_up_seconds < 0:
        raise InvalidSchedule("A warm-up cannot be shorter than nothing; give 0 for none.")
    found = []
    for group in range(offer.groups):
        own = np.random.SeedSequence([offer.seed, group])
        warm_up = [Step(offer.rate_per_second, offer.warm_up_seconds)]
        steps = [
            *(warm_up if offer.warm_up_seconds else ()),
            Step(offer.rate_per_second, offer.seconds),
        ]
        due_ns = schedule(steps, offer.spacing, np.random.default_rng(own))
        if not len(due_ns):
            raise InvalidSchedule(
                f"{offer.rate_per_second:g} requests a second for {offer.seconds:g} s are none; "
                "give a higher rate or more time."
            )
        found.append(record(plan, shares, due_ns, int(own.generate_state(1)[0])))
    return tuple(found)


def duel(
    arms: Mapping[str, ArmFile],
    plan: Plan,
    shares: Mapping[str, float],
    offer: LoadProfile,
    work: Path,
    *,
    say: Say,
    progress: Say,
    player: Player = play,
) -> LoadOutcome:
    """Play the same tapes to two lanes, in ABBA order, each block from the same state.

    `arms` are by lane, the base first; both may be one file. `shares` are those of
    bench.resale.user_profiles, `work` a folder on the disk of the files.

    Raises:
        InvalidSchedule, ScheduleExhausted: see `tapes`.
        NotServed, BenchError, ServerUnfit, NotRewindable, GeneratorFailed: the load was
            cut short; servers and players are ended then.
    """
    recorded = tapes(plan, shares, offer)
    base, arm = arms
    where = servers.placement()
    progress("reading the files once")
    warm = page_cache.reload(
        path for file in arms.values() for path in (file.path, file.control) if path
    )
    if not warm:
        say("the files do not fit in the memory that is free: they were not read beforehand")
    stage = _Stage(arms, plan, offer, work, where, player, progress)
    blocks: list[Block] = []
    for group, tape in enumerate(recorded):
        for place, which in enumerate(ORDER):
            # The whole file is read through once for each lane, in the last group.
            whole = group == offer.groups - 1 and place >= len(ORDER) // 2
            blocks.append(stage.block((base, arm)[which], tape, group, place, whole=whole))
            progress("")
            say(_line(blocks[-1], offer))
    return LoadOutcome((base, arm), offer, shares, recorded, tuple(blocks), where, warm)


@dataclass(frozen=True)
class _Stage:
    arms: Mapping[str, ArmFile]
    plan: Plan
    offer: LoadProfile
    work: Path
    where: Placement
    player: Player
    progress: Say

    def block(self, lane: str, tape: Schedule, group: int, place: int, *, whole: bool) -> Block:
        """Serve the lane's file as it is at rest, play, count, audit, and forget what came."""
        file = self.arms[lane]
        label = f"group {group + 1} of {self.offer.groups}, block {place + 1} of {len(ORDER)}"
        self.progress(f"{label}: starting the server of {lane}")
        file.prepare()
        path = file.of_block(place)
        asking = Keys(self.plan, staff_id=staff(self.plan)[0]).of_staff()
        with (
            Rewound(path),
            servers.serving(path, asking, name=lane, cores=self.where.server_cores) as server,
        ):
            self.progress(f"{label}: {lane}")

            def watch(*_: object) -> None:
                server.refuse_dead()

            server.reset_statements()
            spent_s = server.cpu_s()
            begun_at_ns = time.monotonic_ns()
            try:
                played = self.player(
                    tape, server.url, self.work,
                    connections=self.offer.connections, timeout_s=self.offer.timeout_s,
                    core=self.where.player_core, on_second=watch,
                )  # fmt: skip
            except GeneratorFailed:
                # A player without a server has nothing to say; why the server ended has.
                server.refuse_dead()
                raise
            server_cpu_s = server.cpu_s() - spent_s
            _refuse_full(played, self.work)
            self.progress(f"{label}: auditing {lane}")
            return Block(
                lane, group, place, begun_at_ns, played, server_cpu_s,
                server.statements(), servers.written_bytes(path),
                servers.rules_asked(whole=whole),
                servers.broken_rules(path, _acknowledged(played), whole=whole),
            )  # fmt: skip


def _acknowledged(played: GeneratorResult) -> Counter[str]:
    return Counter(played.answers.name[played.answers.good].tolist())


def _refuse_full(played: GeneratorResult, work: Path) -> None:
    if (played.answers.status == _FULL).any():
        raise BenchError(
            f"The disk of {work} became full under load, so that the shop refused writes; free "
            "some of it, name another --work, or offer less load."
        )


def _line(block: Block, offer: LoadProfile) -> str:
    answers = block.played.answers
    bad = int((~answers.good).sum())
    missed = int((answers.error == UNSENT).sum())
    return (
        f"group {block.group + 1} of {offer.groups}  {block.lane:<16} "
        f"{len(answers) - bad:>6,} answered, {bad:,} errors, {block.played.late:,} late, "
        f"{missed:,} not sent, {block.played.seconds:.1f} s"
    )


def lanes_of(arms: Sequence[str]) -> tuple[str, str]:
    """The names of both lanes; an arm that is compared with itself comes again."""
    base, arm = arms
    return base, f"{arm} (again)" if arm == base else arm
