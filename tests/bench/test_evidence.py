"""The evidence strung together: what it writes and where, what it refuses, what it leaves."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from bench import cli, exit_codes, job
from bench.analysis import job as strung
from bench.analysis import standalone
from bench.analysis.growth import SCALES
from bench.analysis.job import PARTS, WITHOUT_RUN, check_parts, growth_scales
from bench.analysis.standalone import Options, gather_evidence
from bench.errors import BenchError, exit_code_of
from bench.output import claimed_folder
from bench.report.arms import Arms
from bench.report.contents import evidence_text
from bench.report.sections.statistics import FLIPPED
from bench.results import store
from bench.results.documents import HELD, Evidence, RunDocuments
from bench.results.statistics import Statistics
from bench.study import Study, load_study
from seeds.manifest import read_manifest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
NAMES = ("events_by_type_since", "order_detail", "write_log")
BOTH = ("ablation", "statistics")
TITLES = {operation.name: operation.title for operation in load_study().operations}


def small_study() -> Study:
    study = load_study()
    return replace(
        study,
        operations=tuple(study.operation(name) for name in NAMES),
        claims=(),
        quick_rounds=study.rounds,
    )


def rendered(documents: Evidence) -> str:
    """What a terminal shows, whatever line it breaks."""
    return " ".join(evidence_text(documents, Arms.of(load_study()), TITLES).split())


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def options(shop: Path, folder: Path, **changes: Any) -> Options:
    manifest = read_manifest(shop)
    return replace(
        Options(
            study=small_study(),
            parts=BOTH,
            work=folder / "work",
            scale=manifest.scale,
            seed=manifest.seed,
            out=folder / "out",
            database=shop,
            command="resale-bench evidence --db shop.db",
        ),
        **changes,
    )


def gather(asked: Options, progress: Any = lambda _: None) -> tuple[Evidence, list[str]]:
    said: list[str] = []
    return gather_evidence(asked, say=said.append, progress=progress), said


@pytest.fixture(scope="module")
def gathered(
    seeded: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Evidence, list[str]]:
    """A folder with the evidence about a few operations, the documents, and what was said."""
    folder = tmp_path_factory.mktemp("evidence")
    before = digests(seeded.parent)
    found, said = gather(options(seeded, folder))
    assert digests(seeded.parent) == before
    return folder, found, said


def test_the_documents_are_written_whole_into_a_folder_of_their_own(
    gathered: tuple[Path, Evidence, list[str]],
) -> None:
    folder, found, said = gathered
    assert {path.name for path in folder.iterdir()} == {"out"}
    assert {path.name for path in (folder / "out").iterdir()} == {f"{part}.json" for part in BOTH}
    assert list((folder / "work").glob("*")) == []
    for part in BOTH:
        written = json.loads((folder / "out" / f"{part}.json").read_text(encoding="utf-8"))
        assert written == found.by_name()[part].json_values()
        assert written["measured"]["command"] == "resale-bench evidence --db shop.db"
        assert written["measured"]["duration_ns"] > 0
        assert written["sqlite_version"] == apsw.sqlite_lib_version()
        assert [entry["name"] for entry in written["operations"]] == list(NAMES)
    assert said[0].startswith("disk needed at the peak")
    assert any("ablation of the indexes" in line for line in said)


def test_both_parts_tell_the_same_of_the_arm_as_it_is(
    gathered: tuple[Path, Evidence, list[str]],
) -> None:
    _, found, _ = gathered
    assert found.ablation is not None
    assert found.statistics is not None
    whole = {entry.name: entry.all for entry in found.ablation.operations}
    plain = {entry.name: entry.states["none"] for entry in found.statistics.operations}
    for name in NAMES:
        for counter in ("vm_steps", "fullscan_steps", "sorts", "rows", "plan"):
            assert getattr(whole[name], counter) == getattr(plain[name], counter)


def test_the_terminal_shows_indexes_and_states(
    gathered: tuple[Path, Evidence, list[str]],
) -> None:
    shown = rendered(gathered[1])
    ablation, statistics = gathered[1].ablation, gathered[1].statistics
    assert ablation is not None
    assert statistics is not None
    assert all(index.name in shown for index in ablation.indexes)
    assert all(TITLES[name] in shown for name in NAMES)
    assert all(state.title in shown for state in statistics.states)
    flipped = any(seen.flipped for entry in statistics.operations for seen in entry.states.values())
    # The caption explains the mark.
    assert (shown.count(FLIPPED) > 1) == flipped
    assert "The step that D1 advises" in shown


def test_a_folder_that_is_there_is_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BenchError, match="already a run"):
        gather(options(shop, tmp_path))


@pytest.mark.parametrize("stage", ["observing", "gathering", "timing"])
def test_an_interruption_leaves_nothing(shop: Path, tmp_path: Path, stage: str) -> None:
    before = digests(tmp_path)

    def interrupt(text: str) -> None:
        if text.startswith(stage):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(options(shop, tmp_path), interrupt)
    assert digests(tmp_path) == before
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "work").glob("*")) == []


@pytest.mark.parametrize(
    ("parts", "said"), [(("ablation", "ablations"), "no part 'ablations'"), ((), "nothing to do")]
)
def test_parts_that_there_are_not_are_refused(parts: tuple[str, ...], said: str) -> None:
    with pytest.raises(BenchError, match=said) as refused:
        check_parts(load_study(), parts, of_run=True)
    assert all(part in str(refused.value) for part in PARTS)
    assert exit_code_of(refused.value) == exit_codes.WRONG_USE


def test_a_judged_arm_without_a_file_of_its_own_is_refused() -> None:
    study = load_study()
    with pytest.raises(BenchError, match="may not be changed"):
        check_parts(replace(study, judged=study.base), BOTH, of_run=True)


@pytest.fixture
def run(shop: Path, tmp_path: Path) -> Path:
    """The reference run's documents, as if it had been made of the small shop."""
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    for name in (*HELD, "micro"):
        shutil.copy(REFERENCE / f"{name}.json", folder)
    rewrite(
        folder, scale=read_manifest(shop).scale, seed=read_manifest(shop).seed,
        hash_=read_manifest(shop).content_hash, sqlite=apsw.sqlite_lib_version(),
    )  # fmt: skip
    return folder


def rewrite(
    folder: Path,
    *,
    scale: float | None = None,
    seed: int | None = None,
    hash_: str | None = None,
    sqlite: str | None = None,
    statistics: tuple[str, ...] | None = None,
) -> None:
    """Make a run of these data, and of the arms that the study has now."""
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    told["scale"] = told["scale"] if scale is None else scale
    told["seed"] = told["seed"] if seed is None else seed
    told["dataset"]["content_hash"] = hash_ or told["dataset"]["content_hash"]
    told["environment"]["sqlite"] = sqlite or told["environment"]["sqlite"]
    told["arms"] = [asdict(arm) for arm in load_study().arms]
    if statistics is not None:
        told["arms"][-1]["statistics"] = statistics
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")


def test_the_evidence_of_a_run_goes_into_its_folder_and_its_report(
    monkeypatch: pytest.MonkeyPatch, shop: Path, run: Path, tmp_path: Path
) -> None:
    drawn: list[tuple[Path, bool]] = []

    def draw(_: Study, documents: RunDocuments, folder: Path) -> None:
        drawn.append((folder, documents.statistics is not None))

    # That a report is drawn of such documents, the test of a whole run shows.
    monkeypatch.setattr(standalone, "write_report", draw)
    kept = digests(run)
    gather(options(shop, tmp_path, run=run, out=run, parts=("statistics",)))
    now = digests(run)
    assert {name: now[name] for name in kept} == kept
    assert set(now) == {*kept, "statistics.json"}
    assert drawn == [(run, True)]
    statistics = store.read_run(run).statistics
    assert statistics is not None
    assert statistics.arm == "after"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hash_": "ab" * 32}, "dataset"),
        ({"sqlite": "3.0.0"}, "SQLite"),
        ({"statistics": ("ANALYZE",)}, "recommended has other migrations or statistics since"),
    ],
)
def test_a_run_of_other_data_or_another_sqlite_is_incomparable(
    shop: Path, run: Path, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    rewrite(run, **changed)  # type: ignore[arg-type]
    before = digests(tmp_path)
    with pytest.raises(BenchError, match=said) as refused:
        gather(options(shop, tmp_path, run=run, out=run))
    assert exit_code_of(refused.value) == exit_codes.INCOMPARABLE
    assert digests(tmp_path) == before


def test_seeding_anew_is_refused_too_where_it_gives_other_data(
    shop: Path, run: Path, tmp_path: Path
) -> None:
    rewrite(run, hash_="ab" * 32)
    before = digests(run)
    with pytest.raises(BenchError, match="dataset"):
        gather(options(shop, tmp_path, run=run, out=run, database=None, scale=0.0005))
    assert digests(run) == before
    assert list((tmp_path / "work").glob("*")) == []


def test_a_run_that_another_one_writes_into_is_refused(
    shop: Path, run: Path, tmp_path: Path
) -> None:
    before = digests(tmp_path)
    with claimed_folder(run), pytest.raises(BenchError, match="Another run writes to"):
        gather(options(shop, tmp_path, run=run, out=run))
    assert digests(tmp_path) == before
    assert not (tmp_path / "work").exists()


def test_an_interruption_leaves_the_run_as_it_was(shop: Path, run: Path, tmp_path: Path) -> None:
    before = digests(tmp_path)

    def interrupt(text: str) -> None:
        if text.startswith("timing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(options(shop, tmp_path, run=run, out=run), interrupt)
    assert digests(tmp_path) == before


def test_a_document_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    store.replace_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        store.replace_json(path, {"a": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["cost.json"]


def test_only_the_arms_that_are_needed_are_built() -> None:
    study = load_study()
    assert [arm.name for arm in standalone.narrowed(study, BOTH).arms] == [study.base, study.judged]
    assert len(standalone.narrowed(study, (*BOTH, "growth")).arms) == 2
    assert standalone.narrowed(study, PARTS) == study


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["resale-bench", "evidence", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_command_takes_the_runs_own_scale_and_tells_of_its_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Path
) -> None:
    asked: list[Options] = []

    def fake(given: Options, **_: object) -> Evidence:
        asked.append(given)
        return Evidence(statistics=Statistics.model_construct(answers=("Yes.",)))

    monkeypatch.setattr(standalone, "gather_evidence", fake)
    code, out, _ = command(monkeypatch, capsys, "--run", run, "--parts", "statistics", "--json")
    assert code == exit_codes.GOOD
    assert json.loads(out)["statistics"]["answers"] == ["Yes."]
    assert (asked[0].run, asked[0].out, asked[0].database) == (run, run, None)
    assert asked[0].scale == standalone.size_of_run(run)[0]
    assert asked[0].parts == ("statistics",)


@pytest.mark.parametrize("words", [("--scale", "0.01"), ("--seed", "1"), ("--out", "elsewhere")])
def test_a_run_has_its_own_scale_seed_and_folder(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Path,
    words: tuple[str, ...],
) -> None:
    code, _, error = command(monkeypatch, capsys, "--run", run, *words)
    assert code == exit_codes.WRONG_USE
    assert "A run has its own" in error


def test_a_run_can_hold_the_evidence_about_itself(
    monkeypatch: pytest.MonkeyPatch, shop: Path, tmp_path: Path
) -> None:
    # Sizes for a test; a command that is run alone is asked for them.
    monkeypatch.setattr(strung, "SCALES", (0.0005, 0.001, 0.002))
    kept = digests(shop.parent)
    stages: list[str] = []
    folder = job.run(
        job.Options(
            study=small_study(),
            results=tmp_path / "results",
            name="own",
            scale=read_manifest(shop).scale,
            seed=read_manifest(shop).seed,
            work=tmp_path / "work",
            database=shop,
            load=False,
            live=False,
            evidence=True,
        ),
        say=stages.append,
        progress=lambda _: None,
    )
    documents = store.read_run(folder)
    assert set(PARTS) <= set(documents.by_name())
    ablation, cost, growth = documents.ablation, documents.cost, documents.growth
    recommended = documents.recommended
    assert ablation is not None
    assert cost is not None
    assert growth is not None
    assert recommended is not None
    # Judged on the same arms, from the same draws, before anything was written to them.
    for entry in ablation.operations:
        compared = documents.comparison.operation(entry.name)
        assert compared is not None
        arm = compared.arms["after"]
        if entry.kind == "read":
            assert (entry.all.vm_steps, entry.all.plan) == (arm.vm_steps, arm.plan)
    assert cost.writes[0].comparisons
    assert WITHOUT_RUN not in cost.limits
    products = [size.rows["products"] for size in growth.points]
    assert products == [50, 100, 200, 300]
    assert recommended.against["before"]["faster"]
    shown = rendered(documents)
    assert all(index.name in shown for index in recommended.indexes)
    assert recommended.verdict in shown
    assert all(any(part in line for line in stages) for part in ("ablation", "matrix", "growth"))
    now = digests(tmp_path)
    assert {name: now[name] for name in kept} == kept


def test_the_recommended_migration_takes_a_run_and_its_arm() -> None:
    study = load_study()
    with pytest.raises(BenchError, match="--run"):
        check_parts(study, PARTS, of_run=False)
    without = replace(study, arms=tuple(arm for arm in study.arms if arm.name != "recommended"))
    with pytest.raises(BenchError, match="no arm recommended"):
        check_parts(without, PARTS, of_run=True)
    check_parts(without, PARTS[:-1], of_run=False)


def test_growth_is_measured_at_four_sizes_at_least_and_up_to_the_datas_own() -> None:
    assert growth_scales(0.002) == SCALES[:4]
    assert growth_scales(0.1) == growth_scales(1) == SCALES


def test_cost_can_be_had_without_a_run(shop: Path, tmp_path: Path) -> None:
    found, _ = gather(options(shop, tmp_path, parts=("cost",)))
    assert found.cost is not None
    assert WITHOUT_RUN in found.cost.limits
    assert found.cost.indexes
    shown = rendered(found)
    assert "A month costs" in shown
    assert all(index.name in shown for index in found.cost.indexes)
