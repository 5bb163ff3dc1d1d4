"""Capacity, measured: tapes in proportion, spoilt probes, a served shop, the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import exit_codes
from bench.errors import BenchError
from bench.judge.capacity_search import bounds_of
from bench.load import capacity_probe, records, servers
from bench.load.ab_test import ArmFile
from bench.load.capacity import CapacityOptions, check, probe_needed, search
from bench.load.capacity_probe import ProbeContext, ProbeResult, probe_schedule, spoilt_by
from bench.load.generator import GeneratorResult, run_open
from bench.load.invariants import Checked
from bench.load.load_result import ProgressTick
from bench.load.records import Answer, columns
from bench.load.schedule import RequestMix, Schedule
from bench.resale import user_profiles
from bench.resale.hooks import HOOKS
from bench.resale.invariants import INVARIANTS
from bench.resale.service import busiest_hour
from bench.results.capacity import Capacity, ServiceLevel
from bench.study import StudyError, load_study
from reference_app.database import connect
from seeds.plan import DEFAULT_SEED
from tests.bench.command import Command, refused
from tests.bench.load.fake_server import fake_serving
from tests.bench.processes import is_alive, who_runs
from tests.bench.test_judge_capacity import probe

SHARES = dict(user_profiles.shares(without=["stock_history", "stock_of_order"]))
LEVEL = ServiceLevel()


def context(work: Path, scale: float = 0.003, **more: object) -> ProbeContext:
    mix = RequestMix(HOOKS.service, HOOKS.generator.planned(scale, DEFAULT_SEED), SHARES)
    made = ProbeContext(mix, LEVEL, 1, work, servers.placement())
    return replace(made, **more)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(1, 300), nth=st.integers(0, 3), seed=st.integers(0, 100))
def test_a_tape_has_every_operation_in_proportion(rate: float, nth: int, seed: int) -> None:
    schedule = probe_schedule(context(Path(), scale=0.01, seed=seed), rate, 8.0, nth)
    warm_up_ns = round(capacity_probe.WARM_UP_S * 1e9)
    counted = Counter(
        scheduled.name for scheduled in schedule.requests if scheduled.due_ns >= warm_up_ns
    )
    total = sum(counted.values())
    assert total == round(rate * 8.0)
    together = ("reserve", "checkout")
    for name, share in SHARES.items():
        if name not in together:
            assert abs(counted[name] - share * total) < 1.001
    dear = [name for name in SHARES if name.startswith("events_")]
    assert dear == sorted(dear, key=list(SHARES).index)
    due_ns = [scheduled.due_ns for scheduled in schedule.requests]
    assert due_ns == sorted(due_ns)
    assert due_ns[-1] <= (capacity_probe.WARM_UP_S + 8.0) * 1e9


def test_tapes_differ_by_rate_and_try_and_not_by_arm() -> None:
    made = context(Path())
    digests = [probe_schedule(made, 40, 2.0, 0).digest, probe_schedule(made, 40, 2.0, 0).digest]
    assert digests[0] == digests[1]
    others = {probe_schedule(made, 40, 2.0, 1).digest, probe_schedule(made, 41, 2.0, 0).digest}
    assert digests[0] not in others
    assert len(others) == 2


def test_a_small_shop_can_be_asked_more_than_it_has_rows_for() -> None:
    # One offer is open in a shop of this size.
    schedule = probe_schedule(context(Path()), 300, 8.0, 0)
    asked = [
        scheduled.request.path
        for scheduled in schedule.requests
        if scheduled.name == "respond_to_offer"
    ]
    assert len(asked) > len(set(asked)) >= 1


def result_of(**more: object) -> GeneratorResult:
    made = GeneratorResult(
        answers=columns(()), seconds=1.0, cpu_share=0.1, cpu_s=0.1,
        connections=10, begun_ns=0, begun_at_ns=0,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rate", "late", "missed", "more", "spoilt"),
    [
        (100, 0, 0, {}, False),
        (100, 17, 0, {}, False),
        (100, 18, 0, {}, True),
        (100, 0, 10, {}, False),
        (100, 0, 11, {}, True),
        (100, 0, 0, {"cpu_share": 0.81}, True),
        # All connections wait for the server, longer than the level allows: its failure.
        (100, 500, 0, {"connections": 1024}, False),
        # At so high a rate they would be used up within the level.
        (5000, 500, 0, {"connections": 1024}, True),
        (100, 500, 0, {"connections": 1024, "cpu_share": 0.9}, True),
    ],
)
def test_who_is_late_spoils_a_probe_unless_the_server_kept_it_waiting(
    rate: float, late: int, missed: int, more: dict[str, float], spoilt: bool
) -> None:
    found = spoilt_by(LEVEL, rate, (1000, late, missed), result_of(**more))
    assert (found is not None) is spoilt
    assert found is None or found.endswith(".")


def answering(schedule: Schedule, service_ns: int, behind_ns: int = 0) -> GeneratorResult:
    """What a player leaves whose server takes so long for everything."""
    return result_of(
        answers=columns(
            Answer(scheduled.name, scheduled.due_ns, scheduled.due_ns + behind_ns,
                   scheduled.due_ns + behind_ns + service_ns, 200)
            for scheduled in schedule.requests
        )
    )  # fmt: skip


def test_a_probe_counts_what_was_due_after_the_warm_up(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "serving", fake_serving)
    file = ArmFile("before", seeded)
    keep = tmp_path / "raw"
    keep.mkdir()

    def generate(schedule: Schedule, *_: object, **__: object) -> GeneratorResult:
        return answering(schedule, 3_000_000, behind_ns=1_000_000)

    made = context(tmp_path, keep=keep, generate=generate)
    probed = capacity_probe.probe(made, file, 100, 4.0, 0)
    assert probed.invariants.violations == ()
    assert (probed.probe.counted, probed.probe.held, probed.probe.late) == (400, True, 0)
    assert probed.probe.p50_ns == 4_000_000
    [raw] = keep.iterdir()
    assert len(records.read(raw)) == 600

    def late(schedule: Schedule, *_: object, **__: object) -> GeneratorResult:
        return answering(schedule, 1_000_000, behind_ns=11_000_000)

    spoilt = capacity_probe.probe(replace(made, generate=late), file, 100, 4.0, 1).probe
    assert (spoilt.valid, spoilt.late) == (False, 400)


def test_the_busiest_hour_is_counted(seeded: Path) -> None:
    connection = connect(seeded, query_only=True)
    hours = Counter(str(row[0])[:13] for row in connection.execute(
        "SELECT timestamp FROM analytics_events"))  # fmt: skip
    connection.close()
    assert busiest_hour(seeded) == max(hours.values()) > 0


def test_a_search_gives_each_probe_its_time_and_its_number() -> None:
    bounds = bounds_of(LEVEL, 8.0, 3000.0)
    asked: list[tuple[float, float, int]] = []

    def play(rate: float, seconds: float, nth: int) -> ProbeResult:
        asked.append((rate, seconds, nth))
        return ProbeResult(probe(rate, rate < 12), Checked((), ()))

    found = list(search(play, bounds, LEVEL))
    assert [one.rate_per_second for one in found] == [rate for rate, _, _ in asked]
    assert len(set(asked)) == len(asked)
    assert all(rate * seconds >= 299 - 1e-6 for rate, seconds, _ in asked)


def test_the_needed_rate_is_probed_where_the_search_does_not_answer_it() -> None:
    bounds = bounds_of(LEVEL, 8.0, 3000.0)
    asked: list[float] = []

    def play(rate: float, seconds: float, nth: int) -> ProbeResult:
        asked.append(rate)
        assert seconds == 40
        return ProbeResult(probe(rate, held=False, because="errors"), Checked((), ()))

    failed = probe(bounds.floor, held=False, gross=True)
    [needed] = probe_needed(play, [failed], 1.2, bounds, LEVEL)
    assert asked == [1.2]
    assert needed.apart
    assert probe_needed(play, [probe(50)], 1.2, bounds, LEVEL) == []
    assert asked == [1.2]


STUDY = load_study()


def test_bad_input_is_refused_before_anything_is_built(command: Command, tmp_path: Path) -> None:
    good = CapacityOptions(STUDY, ("before", "after"))
    bounds, shares = check(good)
    assert bounds.ceiling == 3000
    assert "stock_history" not in shares
    with pytest.raises(StudyError):
        check(replace(good, arms=("before", "no-such")))
    with pytest.raises(StudyError):
        check(replace(good, arms=("before", "before")))
    with pytest.raises(BenchError):
        check(replace(good, ceiling=1.0))
    for words in (["--scales", "0,1"], ["--scales", "x"], ["--quantile", "1"], ["--arms", "x"]):
        refused(command, tmp_path, "capacity", *words, "--work", "work", "--out", "out")


def test_a_database_has_a_size_of_its_own(command: Command, shop: Path) -> None:
    words = ("capacity", "--db", shop, "--scales", "0.01")
    assert "--scales" in refused(command, shop.parent, *words)


def test_a_served_shop_is_searched_and_left_as_it_was(
    command: Command, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity_probe, "WARM_UP_S", 0.2)
    # A generator that a busy machine makes late spoils no probe of this search.
    monkeypatch.setattr(capacity_probe, "spoilt_by", lambda *_: None)
    before = (shop.read_bytes(), shop.stat().st_mtime_ns, sorted(os.listdir(shop.parent)))
    out = tmp_path / "made" / "out"
    words = ["capacity", "--db", str(shop), "--arms", "before,after", "--quantile", "0.5",
             "--within-ms", "60000", "--seconds", "1", "--ceiling", "5", "--json",
             "--work", str(tmp_path / "made" / "work"), "--out", str(out)]  # fmt: skip
    code, output, error = command(*words)
    assert code == 0, error
    document = json.loads((out / "capacity.json").read_text())
    assert json.loads(output.splitlines()[-1]) == document
    assert Capacity.model_validate(document).json_values() == document
    assert [point["arm"] for point in document["points"]] == ["before", "after"]
    for point in document["points"]:
        assert (point["holds_per_second"], point["limited_by"]) == (5, "ceiling")
        assert point["at_least"]
        assert point["rows"]["products"] == 300
        assert point["needed_held"] is True
    probes = sum(len(point["probes"]) for point in document["points"])
    assert document["invariants"] == {
        "held": True,
        "violations": [],
        "checked": probes * (len(INVARIANTS) + 1),
    }
    assert len(list((out / "capacity").iterdir())) == probes
    shop_now = sorted(name for name in os.listdir(shop.parent) if name != "made")
    assert (shop.read_bytes(), shop.stat().st_mtime_ns, shop_now) == before
    assert list((tmp_path / "made" / "work").glob("*")) == []


def generator_and_server(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The children, once both are there."""
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        found = [
            *who_runs("bench.load.generator_process", parent),
            *who_runs("bench.resale.shop_process", parent),
        ]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError(process.communicate())


def until_ended(processes: Sequence[psutil.Process]) -> None:
    ended_by = time.monotonic() + 60
    while any(is_alive(process) for process in processes):
        assert time.monotonic() < ended_by, processes
        time.sleep(0.02)


def test_an_interrupted_search_leaves_nothing_and_nobody(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", "capacity", "--db", str(shop), "--arms", "before",
         "--seconds", "30", "--work", str(folder / "work"), "--out", str(folder / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    children = generator_and_server(process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "interrupted" in errors
    # A child that was just being started when the signal came sees by itself that it is alone.
    until_ended(children)
    assert not (folder / "out").exists()
    assert list((folder / "work").glob("*")) == []


def test_a_server_that_dies_is_named(seeded: Path, tmp_path: Path) -> None:
    def generate(
        *given: Any, on_second: Callable[[ProgressTick], object], **options: Any
    ) -> GeneratorResult:
        def kill(second: ProgressTick) -> None:
            for server in who_runs("bench.resale.shop_process"):
                server.kill()
                until_ended([server])
            on_second(second)

        return run_open(*given, on_second=kill, **options)

    made = context(tmp_path, generate=generate)
    with pytest.raises(BenchError, match="The server of before was ended by signal 9") as caught:
        capacity_probe.probe(made, ArmFile("before", seeded), 20, 30.0, 0)
    assert caught.value.exit_code == exit_codes.INVALID
    assert who_runs("bench.") == []
    assert list(tmp_path.iterdir()) == []
