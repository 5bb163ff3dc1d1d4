"""Two lanes in turns: the same tape, the same state before each block, and nothing left behind."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import BenchError
from bench.load import ab_test, blocks, generator, records, servers
from bench.load.ab_test import ArmFile, LoadProfile, lanes_of
from bench.load.arrivals import InvalidSchedule
from bench.load.generator import GeneratorFailed, GeneratorResult
from bench.load.records import Answer, columns
from bench.load.rewind import NotRewindable, Rewound
from bench.load.schedule import Schedule, ScheduleExhausted, record
from bench.load.server_process import NotServed
from bench.load.servers import SETTINGS, ServerUnfit
from bench.resale import migrating, user_profiles
from bench.resale.http_requests import BESIDES, CALLS, Keys
from bench.study import load_study
from reference_app.database import connect
from seeds import ledger
from seeds.manifest import read_manifest
from seeds.plan import Plan, staff
from tests.bench.processes import is_alive, who_runs

OFFER = LoadProfile(rate_per_second=30, seconds=1, warm_up_seconds=0.5, groups=1, timeout_s=20)
WITHOUT = ("stock_history", "stock_of_order", "rollup_range", "rollup_of_type")
SHARES = user_profiles.shares(without=WITHOUT)


def quiet(_: str) -> None:
    pass


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def plan(seeded: Path) -> Plan:
    return read_manifest(seeded).plan()


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


def fought(
    lanes: dict[str, ArmFile], plan: Plan, work: Path, **changed: Any
) -> ab_test.LoadOutcome:
    given: dict[str, Any] = {"offer": OFFER, "shares": SHARES, "player": generator.play, **changed}
    return ab_test.duel(
        lanes, plan, given["shares"], given["offer"], work,
        say=quiet, progress=quiet, player=given["player"],
    )  # fmt: skip


def same(path: Path) -> dict[str, ArmFile]:
    return {lane: ArmFile("before", path) for lane in lanes_of(("before", "before"))}


class Recording:
    """A player that sends nothing and notes what it was given."""

    def __init__(self, status: int = 200) -> None:
        self.tapes: list[Schedule] = []
        self.urls: list[str] = []
        self._status = status

    def __call__(self, tape: Schedule, url: str, work: Path, **_: object) -> GeneratorResult:
        self.tapes.append(tape)
        self.urls.append(url)
        error = records.GOOD if self._status == 200 else f"status {self._status}"
        answers = columns(
            Answer("events_recent", slot.due_ns, slot.due_ns, slot.due_ns + 1, self._status, error)
            for slot in tape.slots
        )
        return GeneratorResult(answers, 1.0, 0.1, 0.1, 0, 0, 1, 0, 0, 0)


def test_a_group_plays_one_tape_there_and_back(seeded: Path, plan: Plan, work: Path) -> None:
    player, prepared = Recording(), list[str]()
    lanes = {
        name: ArmFile(name, seeded, lambda name=name: prepared.append(name))  # type: ignore[misc]
        for name in ("a", "b")
    }
    found = fought(lanes, plan, work, player=player, offer=LoadProfile(50, 1, 0, 2))
    assert [block.lane for block in found.blocks] == ["a", "b", "b", "a"] * 2
    assert prepared == ["a", "b", "b", "a"] * 2
    assert [(block.group, block.place) for block in found.blocks] == [
        (group, place) for group in range(2) for place in range(4)
    ]
    digests = [tape.digest for tape in player.tapes]
    assert len(set(digests[:4])) == len(set(digests[4:])) == 1
    assert digests[0] != digests[4]
    assert [tape.digest for tape in found.tapes] == [digests[0], digests[4]]
    # A server of its own for each block, and the whole file is checked once for each lane.
    assert len(set(player.urls)) == 8
    asked = [block.rules_asked for block in found.blocks]
    assert [count - min(asked) for count in asked] == [0] * 6 + [1, 1]


def test_tapes_come_again_for_a_seed(plan: Plan) -> None:
    def digests(seed: int) -> list[str]:
        return [
            tape.digest for tape in ab_test.tapes(plan, SHARES, LoadProfile(20, 1, 1, 2, seed=seed))
        ]

    assert digests(1) == digests(1)
    assert not set(digests(1)) & set(digests(2))
    [tape] = ab_test.tapes(plan, SHARES, LoadProfile(20, 3, 1, 1))
    assert len(tape.slots) == 80
    assert sum(slot.due_ns < 1_000_000_000 for slot in tape.slots) == 20


@pytest.mark.parametrize(
    "offer",
    [
        LoadProfile(rate_per_second=0), LoadProfile(seconds=-1),
        LoadProfile(warm_up_seconds=-1), LoadProfile(groups=0),
        LoadProfile(rate_per_second=0.01), LoadProfile(connections=0), LoadProfile(timeout_s=0),
    ],
)  # fmt: skip
def test_no_load_is_refused(plan: Plan, offer: LoadProfile) -> None:
    with pytest.raises(InvalidSchedule):
        ab_test.tapes(plan, SHARES, offer)


def test_more_writes_than_the_shop_has_rows_are_refused(plan: Plan) -> None:
    with pytest.raises(ScheduleExhausted, match="seed a larger shop"):
        ab_test.tapes(plan, {"respond_to_offer": 1.0}, LoadProfile(rate_per_second=1000))


def test_the_later_half_of_a_group_is_served_from_the_control() -> None:
    one, two = Path("one.db"), Path("two.db")
    assert [ArmFile("x", one).of_block(place) for place in range(4)] == [one] * 4
    served = [ArmFile("x", one, control=two).of_block(place) for place in range(4)]
    assert served == [one, one, two, two]


def test_both_arms_are_what_they_were_though_much_was_written(
    seeded: Path, after: Path, plan: Plan, work: Path
) -> None:
    before = digest(seeded), digest(after)
    shares = user_profiles.shares(families=("write-cost", "control"))
    control = work.parent / "control.db"
    shutil.copyfile(seeded, control)
    found = fought(
        {
            "before": ArmFile("before", seeded, control=control),
            "after": ArmFile("after", after),
        },
        plan, work, shares=shares,
    )  # fmt: skip
    assert (digest(seeded), digest(after)) == before
    assert digest(control) == before[0]
    assert all(block.log_bytes > 0 for block in found.blocks)
    assert [block.violations for block in found.blocks] == [()] * 4
    assert all(block.server_cpu_s > 0 for block in found.blocks)
    assert list(work.glob("*")) == []
    assert {path.name for path in after.parent.iterdir()} == {
        "shop.db", "shop.db.manifest.json", "shop.db.rollup.parquet"
    }  # fmt: skip
    assert who_runs("bench.") == []
    # The same requests were answered on both, and each refused as often: both begin alike.
    outcomes = [
        sorted(zip(block.played.answers.name, block.played.answers.status, strict=True))
        for block in found.blocks
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2] == outcomes[3]


def test_every_operation_finds_its_own_counters(seeded: Path, plan: Plan, work: Path) -> None:
    names = [name for name in (*CALLS, *BESIDES) if name not in WITHOUT]
    drawn = [
        record(plan, {name: 1.0}, np.array([n * 10_000_000]), seed=n).slots[0]
        for n, name in enumerate(names)
    ]
    tape = Schedule(tuple(drawn))
    asking = Keys(plan, staff_id=staff(plan)[0]).of_staff()
    with (
        Rewound(seeded),
        servers.serving(seeded, asking, name="before") as server,
    ):
        server.reset_statements()
        generator.play(tape, server.url, work)
        counted = server.statements()
    found = blocks.by_operation(counted, tape)
    assert found.keys() == set(names)
    assert {name: entry["requests"] for name, entry in found.items()} == dict.fromkeys(names, 1)


def test_a_server_that_folds_its_log_into_the_file_is_found_out(
    shop: Path, plan: Plan, work: Path
) -> None:
    asking = Keys(plan, staff_id=staff(plan)[0]).of_staff()
    tape = record(plan, {"track_events": 1.0}, np.arange(3) * 10_000_000, seed=1)
    settings = {**SETTINGS, "RESALE_CHECKPOINTS": "true"}

    def folded() -> None:
        with (
            Rewound(shop),
            servers.serving(shop, asking, name="shop", settings=settings) as server,
        ):
            generator.play(tape, server.url, work)
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
    plan: Plan,
    work: Path,
    player: Callable[..., GeneratorResult],
    error: type[BaseException],
) -> str:
    """The text with which a duel ends that must leave nothing behind."""
    before = digest(seeded)
    with pytest.raises(error) as raised:
        fought(same(seeded), plan, work, player=player)
    assert who_runs("bench.") == []
    assert list(work.glob("*")) == []
    assert digest(seeded) == before
    assert [path.name for path in seeded.parent.glob("shop.db-*")] == []
    return str(raised.value)


def kill_server() -> None:
    for child in who_runs("bench.resale.shop_process"):
        child.kill()
        # Waiting for it here would take its exit code from who started it.
        while is_alive(child):
            os.sched_yield()


def test_a_server_that_is_killed_in_the_middle(seeded: Path, plan: Plan, work: Path) -> None:
    def player(*words: Any, on_second: Callable[..., object], **given: Any) -> GeneratorResult:
        def kill(*second: object) -> None:
            kill_server()
            on_second(*second)

        return generator.play(*words, on_second=kill, **given)

    text = ended(seeded, plan, work, player, BenchError)
    assert "The server of before was ended by signal 9 under load" in text


def test_a_server_that_is_gone_before_the_first_request(
    seeded: Path, plan: Plan, work: Path
) -> None:
    def player(*words: Any, **given: Any) -> GeneratorResult:
        kill_server()
        return generator.play(*words, **given)

    assert "signal 9" in ended(seeded, plan, work, player, BenchError)


def test_a_wrong_host(seeded: Path, plan: Plan, work: Path) -> None:
    def player(tape: Schedule, url: str, *words: Any, **given: Any) -> GeneratorResult:
        return generator.play(tape, "http://127.0.0.1:9", *words, **given)

    assert "127.0.0.1" in ended(seeded, plan, work, player, GeneratorFailed)


def test_an_interruption(seeded: Path, plan: Plan, work: Path) -> None:
    def player(*words: Any, on_second: Callable[..., object], **given: Any) -> GeneratorResult:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        return generator.play(*words, on_second=interrupt, **given)

    ended(seeded, plan, work, player, KeyboardInterrupt)


def test_a_shop_that_finds_no_room(seeded: Path, plan: Plan, work: Path) -> None:
    assert "became full" in ended(seeded, plan, work, Recording(status=507), BenchError)


def test_a_database_that_cannot_be_served(tmp_path: Path, work: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    with (
        pytest.raises(NotServed, match="is empty"),
        servers.serving(empty, {}, name="empty"),
    ):
        pass


def test_a_server_that_does_not_count_is_unfit(seeded: Path, plan: Plan, work: Path) -> None:
    asking = Keys(plan, staff_id=staff(plan)[0]).of_staff()
    settings = {**SETTINGS, "RESALE_COUNTERS": "false"}
    with (
        Rewound(seeded),
        servers.serving(seeded, asking, name="before", settings=settings) as server,
        pytest.raises(ServerUnfit, match="with 404"),
    ):
        server.reset_statements()


def test_what_was_acknowledged_must_be_there(seeded: Path, plan: Plan, work: Path) -> None:
    asking = Keys(plan, staff_id=staff(plan)[0]).of_staff()
    tape = record(plan, {"track_events": 1.0}, np.arange(2) * 10_000_000, seed=1)
    with (
        Rewound(seeded),
        servers.serving(seeded, asking, name="before") as server,
    ):
        generator.play(tape, server.url, work)
        assert servers.broken_rules(seeded, {"track_events": 2}, whole=True) == ()
        [sentence] = servers.broken_rules(seeded, {"track_events": 3}, whole=False)
    assert "told of 30 rows of analytics_events, and 20 are new" in sentence


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
    assert lanes_of(("before", "after")) == ("before", "after")
    assert lanes_of(("before", "before")) == ("before", "before (again)")
