"""What Locust's processes leave of a load: shards, their sums, and whether the load counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.load import hdrlog, interval_stats, shards
from bench.load.hdrlog import BadLog
from bench.load.interval_stats import CUT_OFF, IntervalStats, Owner, invalid_because, totals_of
from bench.load.locust.shard import Shard, ShardFailed
from bench.load.records import LATE_NS, NOT_CONNECTED, UNSENT
from bench.load.shards import merge, summary
from bench.resale.commands.logs import logs

ROOT = Path(__file__).parents[3]
OWNER = Owner("run-1", "host.example", 7, 1_759_622_399_000)


def owner(pid: int, run: str = "run-1") -> Owner:
    return Owner(run, "host.example", pid, 1_759_622_399_000)


def second(**told: Any) -> IntervalStats:
    plain = {
        "begin_ms": 0, "length_ms": 1000, "due": 100, "late": 0, "missed": 0, "cpu_s": 0.1,
        "lag_max_ns": 0,
    }  # fmt: skip
    return IntervalStats(**{**plain, **told})


def flushed(shard: Shard) -> None:
    for _ in shard.flush():
        pass


def counts(path: Path) -> dict[str, int]:
    return {
        tag: int(one.get_total_count()) for tag, one in hdrlog.totals(hdrlog.read(path)).items()
    }


def test_a_shard_holds_every_request(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.good("product_detail", 2_000_000, 3_000_000)
    shard.good("product_detail", 2_000_000, 2_000_000 + LATE_NS + 1)
    flushed(shard)
    shard.good("checkout: 409", 1_000, None)
    shard.bad("checkout", "status 503")
    shard.bad("checkout", NOT_CONNECTED, LATE_NS + 1)
    shard.bad("reserve", UNSENT)
    shard.cut("reserve")
    shard.lagged(5)
    shard.lagged(3)
    found = shard.close()
    assert shard.close() == found
    assert interval_stats.read(tmp_path / "host.example-7.jsonl") == found
    assert (found.due, found.late, found.missed, found.good) == (7, 2, 1, 3)
    assert found.errors == {
        "checkout": {NOT_CONNECTED: 1, "status 503": 1},
        "reserve": {CUT_OFF: 1, UNSENT: 1},
    }
    assert found.ended
    assert found.lag_max_ns == 5
    assert counts(tmp_path / "host.example-7.hlog") == {
        "checkout:%20409;service": 1,
        "product_detail;service": 2,
        "product_detail;since_due": 2,
    }


def test_a_killed_process_leaves_whole_lines_and_no_end(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.good("product_detail", 1000, 1000)
    flushed(shard)
    shard.good("product_detail", 1000, 1000)
    found = merge([tmp_path])
    assert counts(tmp_path / "host.example-7.hlog")["product_detail;service"] == 1
    assert [one.due for one in found.shards] == [1]
    assert "has no end: the process was killed" in summary(found)["invalid_because"][0]
    shard.close()


def test_requests_that_come_while_a_second_is_written_are_in_the_next(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.good("a", 1000, 1000)
    shard.good("b", 1000, 1000)
    for _ in shard.flush():
        shard.good("a", 1000, 1000)
    whole = shard.close()
    assert whole.due == 6
    assert counts(tmp_path / "host.example-7.hlog")["a;service"] == 5


def test_without_a_folder_requests_are_counted_all_the_same() -> None:
    shard = Shard(OWNER, None)
    shard.good("a", 1000, 1000)
    flushed(shard)
    assert (shard.close().due, shard.close().ended) == (1, True)


FULL = """
import resource, sys
from pathlib import Path
from bench.load.interval_stats import Owner
from bench.load.locust.shard import Shard, ShardFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
shard = Shard(Owner("run-1", "host", 7, 1), Path(sys.argv[1]))
try:
    for nth in range(100):
        shard.good("product_detail", 1000 + nth, 2000 + nth)
        for _ in shard.flush():
            pass
except ShardFailed as error:
    print(error)
print(shard.close().failed)
"""


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path: Path) -> None:
    # A limit on the size of files fails a write as a full disk does: part of it fits.
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, again = done.stdout.splitlines()
    assert first == again
    assert "File too large" in first
    assert "Free some of the disk" in first
    assert len(list(hdrlog.read(tmp_path / "host-7.hlog"))) > 3
    assert not interval_stats.read(tmp_path / "host-7.jsonl").ended


def test_a_shard_is_never_written_over(tmp_path: Path) -> None:
    Shard(OWNER, tmp_path).close()
    with pytest.raises(ShardFailed, match=r"host.example-7.hlog: File exists"):
        Shard(OWNER, tmp_path)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from("ab"),
            st.one_of(st.integers(0, 10**10), st.sampled_from([UNSENT, CUT_OFF, "status 500"])),
        ),
        max_size=60,
    )
)
def test_shards_of_several_processes_merge_to_one_of_all(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, str, int | str]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    parts = [Shard(owner(pid), folder) for pid in range(4)]
    whole = Shard(owner(9, "run-2"), folder)
    for pid, name, how in told:
        for shard in (parts[pid], whole):
            if isinstance(how, str):
                shard.bad(name, how)
            else:
                shard.good(name, how, how)
    of_all = whole.close()
    for shard in parts:
        shard.close()
    found = merge([folder / f"host.example-{pid}.hlog" for pid in range(4)])
    assert sum(one.due for one in found.shards) == of_all.due == len(told)
    assert interval_stats.add_up(one.errors for one in found.shards) == of_all.errors
    sums = {t: np.array(h.counts) for t, h in hdrlog.totals(found.intervals).items()}
    wanted = hdrlog.totals(hdrlog.read(folder / "host.example-9.hlog"))
    assert sums.keys() == wanted.keys()
    assert all(np.array_equal(sums[tag], np.array(wanted[tag].counts)) for tag in sums)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([second()] * 20, None),
        ([second(late=1)] * 20, None),
        # Of a handful a few late ones are no evidence that more than 1 % are.
        ([second(due=160, late=3)], None),
        ([second(due=100, late=4)], "4 of 100 requests were sent more than 10 ms after"),
        ([second(due=16_000, late=200)], "200 of 16,000 requests"),
        ([second(late=4), second(missed=2)], "4 of 200 requests were sent more than 10 ms after"),
        ([second(missed=2)], "and 2 never"),
        # While users were spawned, the load was not yet what was asked for.
        ([second(settled=False, held_ns=10**9, cpu_s=1.0)] * 4 + [second()] * 16, None),
        ([second(settled=False, held_ns=10**9)], "was held up for 100% of the time"),
        ([second(held_ns=51_000_000)] * 9, "was held up for 5% of the time, more than 5%"),
        ([second(held_ns=50_000_000)] * 9, None),
        ([second(cpu_s=0.81)] * 3, "used 81% of a core"),
        ([second(cpu_s=0.1)] * 60 + [second(cpu_s=0.9)] * 5, "used 90% of a core"),
        ([second(cpu_s=0.1)] * 60 + [second(cpu_s=0.9)] * 4, None),
        ([second(due=0)], "No request was made"),
    ],
)
def test_a_load_is_invalid_where_the_generator_was_not_up_to_it(
    seconds: list[IntervalStats], said: str | None
) -> None:
    found = invalid_because([totals_of(OWNER, seconds, ended=True)])
    assert len(found) == (said is not None)
    assert all(said in sentence for sentence in found if said)


@pytest.mark.parametrize(
    ("cpu_s", "advice"),
    [(0.04, "The generator itself was not busy: end what else uses"), (0.7, "Offer less load")],
)
def test_the_advice_fits_the_cause(cpu_s: float, advice: str) -> None:
    late = totals_of(OWNER, [second(late=50, cpu_s=cpu_s)], ended=True)
    held = totals_of(OWNER, [second(held_ns=500_000_000, cpu_s=cpu_s)], ended=True)
    for shard in (late, held):
        [sentence] = invalid_because([shard])
        assert advice in sentence


def test_a_log_of_before_these_figures_is_read(tmp_path: Path) -> None:
    told = json.loads(interval_stats.second_line(second()))
    del told["held_ns"], told["settled"]
    path = tmp_path / "a.jsonl"
    path.write_bytes(interval_stats.begin_line(OWNER) + json.dumps(told).encode() + b"\n")
    assert interval_stats.read(path) == totals_of(OWNER, [second()], ended=False)


def test_an_interval_is_settled_if_all_users_were_there_when_it_began(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.lagged(LATE_NS)
    shard.lagged(LATE_NS + 5)
    shard.settled = True
    flushed(shard)
    shard.close()
    lines = (tmp_path / "host.example-7.jsonl").read_text("utf-8").splitlines()
    first, last = (json.loads(line) for line in lines[1:3])
    assert [first["settled"], last["settled"]] == [False, True]
    assert [first["held_ns"], last["held_ns"]] == [LATE_NS + 5, 0]


def test_what_did_not_end_or_failed_is_invalid() -> None:
    cut = totals_of(OWNER, [second()], ended=False)
    assert "has no end" in invalid_because([cut])[0]
    full = totals_of(OWNER, [second()], ended=False, failed="The disk is full.")
    assert invalid_because([full]) == ["The disk is full."]
    assert interval_stats.of_json(json.loads(json.dumps(interval_stats.to_json(full)))) == full


def test_shards_of_two_runs_are_not_merged(tmp_path: Path) -> None:
    Shard(owner(1), tmp_path).close()
    Shard(owner(2, "run-2"), tmp_path).close()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadLog, match=r"shards of 2 runs \(run-1, run-2\)"):
        merge([tmp_path])
    with pytest.raises(BadLog, match=r"There is no \*.hlog"):
        merge([empty])
    with pytest.raises(BadLog, match="named twice"):
        merge([tmp_path / "host.example-1.hlog", tmp_path / "host.example-1.hlog"])


def test_a_damaged_tally_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n{", "ascii")
    with pytest.raises(BadLog, match="line 1 is none"):
        interval_stats.read(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(interval_stats.second_line(second()))
    with pytest.raises(BadLog, match="whose log it is"):
        interval_stats.read(tmp_path / "a.jsonl")


def test_the_command_merges_and_says_whether_the_run_counts(tmp_path: Path) -> None:
    for pid in (1, 2):
        shard = Shard(owner(pid), tmp_path)
        for service_ns in (1_000_000, 2_000_000):
            shard.good("product_detail", service_ns, service_ns)
        shard.bad("product_detail", "status 503")
        shard.close()
    shards = list(tmp_path.glob("*.hlog"))
    # Beside the shards, and still none of them.
    out = tmp_path / "run.hlog"
    words = ["merge", str(tmp_path), "--out", str(out)]
    found = CliRunner().invoke(logs, words, standalone_mode=False)
    assert found.return_value == 0, found.output
    assert "errors of product_detail: status 503 2" in found.output
    assert "product_detail" in found.output
    assert counts(out) == {"product_detail;service": 4, "product_detail;since_due": 4}
    assert list(hdrlog.read(out)) == list(merge(shards).intervals)
    again = CliRunner().invoke(logs, words)
    assert isinstance(again.exception, BenchError)
    assert counts(out) == {"product_detail;service": 4, "product_detail;since_due": 4}
    told = CliRunner().invoke(logs, ["merge", *map(str, shards), "--json"])
    rows = json.loads(told.output)["latencies"]
    assert rows[0] == {
        "name": "all", "kind": "service", "count": 4, "p50_ns": 1_000_447, "p95_ns": None,
        "p99_ns": None, "p999_ns": None, "max_ns": 2_000_895,
    }  # fmt: skip


def test_where_the_logs_go_is_looked_at_first_and_nothing_stays_of_bad_ones(
    tmp_path: Path,
) -> None:
    """The shard is no log either: that the place is bad is told before it is read."""
    (tmp_path / "a.hlog").write_text("no log")
    (tmp_path / "file").touch()
    wrong = CliRunner().invoke(logs, ["merge", str(tmp_path), "--out", str(tmp_path / "file/o")])
    assert isinstance(wrong.exception, BenchError)
    out = tmp_path / "run.hlog"
    bad = CliRunner().invoke(logs, ["merge", str(tmp_path), "--out", str(out)])
    assert isinstance(bad.exception, BadLog)
    assert not out.exists()


def test_the_command_tells_of_an_invalid_run(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.bad("a", UNSENT)
    shard.close()
    found = CliRunner().invoke(logs, ["merge", str(tmp_path)], standalone_mode=False)
    assert found.return_value == 3
    assert "INVALID: 0 of 1 requests were sent more than 10 ms" in found.output


@pytest.mark.parametrize("count", [1, 2, 94, 100, 158, 5000])
def test_quantiles_are_values_of_the_right_rank(count: int) -> None:
    values = np.random.default_rng(1).lognormal(14, 1, count).astype(np.int64)
    one = hdrlog.decoded(hdrlog.Encoder().encode(values))
    levels = [share for share, _ in shards.QUANTILES.values()]
    exact = np.quantile(values, levels, method="inverted_cdf")
    assert hdrlog.quantiles(one, levels) == pytest.approx(exact.tolist(), rel=1e-3)


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="no quantile"):
        hdrlog.quantiles(hdrlog.empty(), [0.5])


def test_a_run_in_which_nothing_was_answered_does_not_count(tmp_path: Path) -> None:
    shard = Shard(OWNER, tmp_path)
    shard.bad("product_detail", "connection refused")
    shard.close()
    found = CliRunner().invoke(logs, ["merge", str(tmp_path)], standalone_mode=False)
    assert found.return_value == 3
    assert "Nothing was answered" in found.output
