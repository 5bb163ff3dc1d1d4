"""Two series in turns: the same schedule, the same state before each block, nothing left."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import exit_codes
from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.rewind import NotRewindable, Rewound
from bench.errors import BenchError
from bench.load import ab_test, blocks, generator, invariants, records, servers
from bench.load.ab_test import ArmFile, LoadProfile, series_of
from bench.load.arrivals import InvalidSchedule
from bench.load.generator import GeneratorFailed, GeneratorResult
from bench.load.records import Answer, columns
from bench.load.schedule import RequestMix, Schedule, ScheduleExhausted, sample_schedule
from bench.load.server_process import NotServed
from bench.load.servers import Server, ServerUnfit
from bench.resale import migrating, user_profiles
from bench.resale.hooks import HOOKS
from bench.resale.http_requests import BESIDES, CALLS
from bench.study import load_study
from reference_app.database import connect
from seeds import ledger
from tests.bench.load.fake_server import fake_serving
from tests.bench.processes import is_alive, who_runs

PROFILE = LoadProfile(rate_per_second=60, seconds=0.5, warm_up_seconds=0.2, groups=1, timeout_s=20)
WITHOUT = ("stock_history", "stock_of_order", "rollup_range", "rollup_of_type")
SHARES = user_profiles.shares(without=WITHOUT)


def quiet(_: str) -> None:
    pass


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def mix(seeded: Path) -> RequestMix:
    return RequestMix(HOOKS.service, HOOKS.dataset(seeded), SHARES)


def serving(
    path: Path, mix: RequestMix, *, counters: bool = True, checkpoints: bool = False
) -> AbstractContextManager[Server]:
    environment = HOOKS.service.environment(counters=counters, checkpoints=checkpoints)
    return servers.serving(path, mix, environment, name="before")


@pytest.fixture(scope="module")
def after(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("after")
    for path in seeded.parent.glob("shop.db*"):
        shutil.copy(path, folder)
    path = folder / "shop.db"
    migrating.bring_to(path, load_study().arm("after"), fill=ledger.fill_after_tables)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def load(
    arms: dict[str, ArmFile], mix: RequestMix, work: Path, **changed: Any
) -> ab_test.LoadOutcome:
    given: dict[str, Any] = {"profile": PROFILE, "generate": generator.run_open, **changed}
    return ab_test.run_blocks(
        arms, mix, given["profile"], work, say=quiet, progress=quiet, generate=given["generate"]
    )


def same(path: Path) -> dict[str, ArmFile]:
    return {series: ArmFile("before", path) for series in series_of(("before", "before"))}


class Recording:
    """A generator that sends nothing and notes what it was given."""

    def __init__(self, status: int = 200) -> None:
        self.schedules: list[Schedule] = []
        self.urls: list[str] = []
        self._status = status

    def __call__(self, schedule: Schedule, url: str, work: Path, **_: object) -> GeneratorResult:
        self.schedules.append(schedule)
        self.urls.append(url)
        error = records.GOOD if self._status == 200 else f"status {self._status}"
        answers = columns(
            Answer(
                "events_recent",
                scheduled.due_ns,
                scheduled.due_ns,
                scheduled.due_ns + 1,
                self._status,
                error,
            )
            for scheduled in schedule.requests
        )
        return GeneratorResult(answers, 1.0, 0.1, 0.1, 1, 0, 0)


def test_a_group_plays_one_tape_there_and_back(
    seeded: Path, mix: RequestMix, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "serving", fake_serving)
    player, prepared = Recording(), list[str]()
    arms = {
        name: ArmFile(name, seeded, lambda name=name: prepared.append(name))  # type: ignore[misc]
        for name in ("a", "b")
    }
    found = load(arms, mix, work, generate=player, profile=LoadProfile(50, 1, 0, 2))
    assert [block.series for block in found.blocks] == ["a", "b", "b", "a"] * 2
    assert prepared == ["a", "b", "b", "a"] * 2
    assert [(block.group, block.position) for block in found.blocks] == [
        (group, place) for group in range(2) for place in range(4)
    ]
    digests = [schedule.digest for schedule in player.schedules]
    assert len(set(digests[:4])) == len(set(digests[4:])) == 1
    assert digests[0] != digests[4]
    assert [schedule.digest for schedule in found.schedules] == [digests[0], digests[4]]
    # A server of its own for each block, and the whole file is checked once for each series.
    assert len(set(player.urls)) == 8
    asked = [len(block.sent.invariants.rules) for block in found.blocks]
    assert [count - min(asked) for count in asked] == [0] * 6 + [1, 1]


def test_tapes_come_again_for_a_seed(mix: RequestMix) -> None:
    def digests(seed: int) -> list[str]:
        return [
            schedule.digest
            for schedule in ab_test.schedules(mix, LoadProfile(20, 1, 1, 2, seed=seed))
        ]

    assert digests(1) == digests(1)
    assert not set(digests(1)) & set(digests(2))
    [schedule] = ab_test.schedules(mix, LoadProfile(20, 3, 1, 1))
    assert len(schedule.requests) == 80
    assert sum(scheduled.due_ns < 1_000_000_000 for scheduled in schedule.requests) == 20


@pytest.mark.parametrize(
    "profile",
    [
        LoadProfile(rate_per_second=0), LoadProfile(seconds=-1),
        LoadProfile(warm_up_seconds=-1), LoadProfile(groups=0),
        LoadProfile(rate_per_second=0.01), LoadProfile(connections=0), LoadProfile(timeout_s=0),
    ],
)  # fmt: skip
def test_no_load_is_refused(mix: RequestMix, profile: LoadProfile) -> None:
    with pytest.raises(InvalidSchedule):
        ab_test.schedules(mix, profile)


def test_more_writes_than_the_shop_has_rows_are_refused(mix: RequestMix) -> None:
    with pytest.raises(ScheduleExhausted, match="seed a larger one"):
        ab_test.schedules(mix.only({"respond_to_offer": 1.0}), LoadProfile(rate_per_second=1000))


def test_the_later_half_of_a_group_is_served_from_the_control() -> None:
    one, two = Path("one.db"), Path("two.db")
    assert [ArmFile("x", one).of_block(place) for place in range(4)] == [one] * 4
    served = [ArmFile("x", one, control=two).of_block(place) for place in range(4)]
    assert served == [one, one, two, two]


def test_both_arms_are_what_they_were_though_much_was_written(
    seeded: Path, after: Path, mix: RequestMix, work: Path
) -> None:
    before = digest(seeded), digest(after)
    shares = user_profiles.shares(families=("write-cost", "control"))
    control = work.parent / "control.db"
    shutil.copyfile(seeded, control)
    found = load(
        {
            "before": ArmFile("before", seeded, control=control),
            "after": ArmFile("after", after),
        },
        mix.only(shares), work,
    )  # fmt: skip
    assert (digest(seeded), digest(after)) == before
    assert digest(control) == before[0]
    assert all(block.sent.log_bytes > 0 for block in found.blocks)
    assert [block.sent.invariants.violations for block in found.blocks] == [()] * 4
    assert all(block.sent.server_cpu_s > 0 for block in found.blocks)
    assert list(work.glob("*")) == []
    assert {path.name for path in after.parent.iterdir()} == {
        "shop.db", "shop.db.manifest.json", "shop.db.rollup.parquet"
    }  # fmt: skip
    assert who_runs("bench.") == []
    # The same requests were answered on both, and each refused as often: both begin alike.
    outcomes = [
        sorted(zip(block.sent.result.answers.name, block.sent.result.answers.status, strict=True))
        for block in found.blocks
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]


def test_every_operation_finds_its_own_counters(seeded: Path, mix: RequestMix, work: Path) -> None:
    names = [name for name in (*CALLS, *BESIDES) if name not in WITHOUT]
    drawn = [
        sample_schedule(mix.only({name: 1.0}), np.array([n * 10_000_000]), seed=n).requests[0]
        for n, name in enumerate(names)
    ]
    schedule = Schedule(tuple(drawn))
    with Rewound(seeded, HOOKS.service.side_files(seeded)), serving(seeded, mix) as server:
        server.reset_counters()
        generator.run_open(schedule, server.url, work)
        counted = server.counters()
    found = blocks.by_operation(counted, schedule)
    assert found.keys() == set(names)
    assert {name: entry["requests"] for name, entry in found.items()} == dict.fromkeys(names, 1)


def test_a_server_that_folds_its_log_into_the_file_is_found_out(
    shop: Path, mix: RequestMix, work: Path
) -> None:
    schedule = sample_schedule(mix.only({"track_events": 1.0}), np.arange(3) * 10_000_000, seed=1)

    def folded() -> None:
        with Rewound(shop), serving(shop, mix, checkpoints=True) as server:
            generator.run_open(schedule, server.url, work)
            connection = connect(shop)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.close()

    with pytest.raises(NotRewindable, match="written to"):
        folded()


def test_a_file_that_is_in_use_is_refused(shop: Path, work: Path) -> None:
    connection = connect(shop)
    connection.execute("SELECT count(*) FROM users").fetchall()
    try:
        with pytest.raises(NotRewindable, match="open elsewhere"), Rewound(shop):
            pass
    finally:
        connection.close()
    assert list(work.glob("*")) == []


def ended(
    seeded: Path,
    mix: RequestMix,
    work: Path,
    player: Callable[..., GeneratorResult],
    error: type[BaseException],
) -> BaseException:
    """The error with which a load ends that must leave nothing behind."""
    before = digest(seeded)
    with pytest.raises(error) as raised:
        load(same(seeded), mix, work, generate=player)
    assert who_runs("bench.") == []
    assert list(work.glob("*")) == []
    assert digest(seeded) == before
    assert [path.name for path in seeded.parent.glob("shop.db-*")] == []
    return raised.value


def kill_server() -> None:
    for child in who_runs("bench.resale.shop_process"):
        child.kill()
        # Waiting for it here would take its exit code from who started it.
        while is_alive(child):
            os.sched_yield()


def test_a_server_that_is_killed_in_the_middle(seeded: Path, mix: RequestMix, work: Path) -> None:
    def player(*words: Any, on_second: Callable[..., object], **given: Any) -> GeneratorResult:
        def kill(*second: object) -> None:
            kill_server()
            on_second(*second)

        return generator.run_open(*words, on_second=kill, **given)

    error = ended(seeded, mix, work, player, BenchError)
    assert "The server of before was ended by signal 9 under load" in str(error)
    assert isinstance(error, BenchError)
    assert error.exit_code == exit_codes.INVALID


def test_a_server_that_is_gone_before_the_first_request(
    seeded: Path, mix: RequestMix, work: Path
) -> None:
    def player(*words: Any, **given: Any) -> GeneratorResult:
        kill_server()
        return generator.run_open(*words, **given)

    assert "signal 9" in str(ended(seeded, mix, work, player, BenchError))


def test_a_wrong_host(seeded: Path, mix: RequestMix, work: Path) -> None:
    def player(schedule: Schedule, url: str, *words: Any, **given: Any) -> GeneratorResult:
        return generator.run_open(schedule, "http://127.0.0.1:9", *words, **given)

    assert "127.0.0.1" in str(ended(seeded, mix, work, player, GeneratorFailed))


def test_an_interruption(seeded: Path, mix: RequestMix, work: Path) -> None:
    def player(*words: Any, on_second: Callable[..., object], **given: Any) -> GeneratorResult:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        return generator.run_open(*words, on_second=interrupt, **given)

    ended(seeded, mix, work, player, KeyboardInterrupt)


def test_a_shop_that_finds_no_room(seeded: Path, mix: RequestMix, work: Path) -> None:
    assert "became full" in str(ended(seeded, mix, work, Recording(status=507), BenchError))


def test_a_database_that_cannot_be_served(tmp_path: Path, mix: RequestMix, work: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    with (
        pytest.raises(NotServed, match="is empty"),
        serving(empty, mix),
    ):
        pass


def test_a_server_that_does_not_count_is_unfit(seeded: Path, mix: RequestMix, work: Path) -> None:
    with (
        Rewound(seeded, HOOKS.service.side_files(seeded)),
        serving(seeded, mix, counters=False) as server,
        pytest.raises(ServerUnfit, match="with 404"),
    ):
        server.reset_counters()


def test_what_was_acknowledged_must_be_there(seeded: Path, mix: RequestMix, work: Path) -> None:
    schedule = sample_schedule(mix.only({"track_events": 1.0}), np.arange(2) * 10_000_000, seed=1)
    since, written = newest_rowids(seeded), HOOKS.service.written
    with Rewound(seeded, HOOKS.service.side_files(seeded)), serving(seeded, mix) as server:
        answers = generator.run_open(schedule, server.url, work).answers

        def violations(*, one_more: Answer | None = None) -> tuple[str, ...]:
            seen = records.merged([answers, columns([one_more] if one_more else [])])
            findings = invariants.writes(seeded, since, written, seen)
            return invariants.checked(findings).violations

        assert invariants.checked(HOOKS.service.audit(seeded, whole=True)).violations == ()
        assert violations() == ()
        [sentence] = violations(one_more=Answer("track_events", 0, 1, 2, 202))
        # Nobody was told how that one ended.
        assert violations(one_more=Answer("track_events", 0, 1, 2, 0, records.TIMED_OUT)) == ()
    assert "analytics_events grew by 20 rows, but 30 were acknowledged" in sentence


def test_the_player_has_a_core_of_its_own_where_there_are_two() -> None:
    where, cores = servers.placement(), os.sched_getaffinity(0)
    if len(cores) == 1:
        assert where == servers.Placement(None, None)
    else:
        assert where.server_cores is not None
        assert where.player_core == max(cores)
        assert {where.player_core, *where.server_cores} == cores
        assert where.player_core not in where.server_cores


def test_an_arm_against_itself_has_two_lanes() -> None:
    assert series_of(("before", "after")) == ("before", "after")
    assert series_of(("before", "before")) == ("before", "before (again)")
