"""Both sides laid out and built in a scratch folder, and removed again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import scratch
from bench.errors import BenchError
from bench.gate import baseline, building
from bench.gate.built_sides import BuiltSides
from bench.gate.custom_database import build_own
from bench.gate.options import DEFAULT_SCALE, GateOptions, limits_table
from bench.gate.processes import THIS_PYTHON, WorkerSpec
from bench.gate.timing import AGAIN, BASE, HEAD, control_of, scratch_outbox
from bench.gate.trees import Tree, base_tree, head_tree
from bench.gate.workload import asked_of, listed
from bench.judge.gate_limits import limits_of
from bench.results.gate import SchemaChanges
from bench.study import BUILT_IN, Operation, Study, StudyError, load_study
from seeds.manifest import manifest_path, read_manifest
from seeds.plan import DEFAULT_SEED, Plan

Say = Callable[[str], None]


@contextmanager
def build_sides(options: GateOptions, say: Say = lambda _: None) -> Iterator[BuiltSides]:
    """Lay out and build both sides in a scratch folder, which is removed with the block.

    Raises:
        BenchError, bench.study.StudyError: wrong use.
    """
    if options.queries is not None:
        with build_own(options, say) as own:
            yield own
        return
    begun = time.perf_counter()
    kind = _kind_of(options)
    if kind == "database" and not manifest_path(Path(options.base)).is_file():
        raise BenchError(
            f"{options.base} was not made by `resale-bench seed`; name the operations of a "
            "database of your own with --queries FILE."
        )
    head = head_tree(options.head)
    study = _study_of(head)
    study.arm(options.arm)
    # Before anything is built: a table that cannot be read is told at once.
    limits_here = limits_table(head.path)
    limits_of(limits_here)
    run = baseline.read(Path(options.base), options.arm) if kind == "run" else None
    with scratch(options.work.resolve()) as folder, ExitStack() as stack:
        sides = folder / "sides"
        sides.mkdir()
        # Names of equal length: they stand in every traceback, path and argument of a side.
        (sides / HEAD).symlink_to(head.path)
        base: Tree | None = None
        if kind == "database":
            base = replace(head, what=f"{Path(options.base).name} as it is")
            head = replace(head, what=f"{Path(options.base).name} after {options.migration}")
            (sides / BASE).symlink_to(head.path)
        elif kind == "ref":
            base = base_tree(options.head, options.base, sides / BASE)
        base_study, notes = _base_study(base)
        operations = listed(base_study, study, options.operations)
        gone = _gone(run, operations, options.operations)
        known = {one.name for one in (*study.operations, *(base_study or study).operations, *gone)}
        limits = limits_of(limits_here, frozenset(known))
        made = _build(options, run, base, head, folder, say)
        for path in {lane.database for lane in (made.base, made.head, made.control) if lane}:
            stack.enter_context(_kept_open(path))
        drawn = [asked_of(one, made.scale, made.seed) for one in operations]
        yield BuiltSides(
            study=study,
            base_study=base_study,
            base_tree=base,
            head_tree=head,
            base=made.base,
            head=made.head,
            control=made.control,
            run=run,
            limits=limits,
            asked=tuple(one for one in drawn if one is not None),
            undrawn=(
                *(op for op, one in zip(operations, drawn, strict=True) if one is None),
                *gone,
            ),
            content=made.content,
            size=made.size,
            # A database is in whatever state it is.
            arm="" if kind == "database" else options.arm,
            notes=(*notes, *made.notes, *_lock_note(base, head)),
            build_seconds=time.perf_counter() - begun,
            changes=made.changes,
        )


def _gone(
    run: baseline.Baseline | None, operations: Sequence[Operation], only: Sequence[str]
) -> tuple[Operation, ...]:
    """Operations that a saved run counted and the head's list lacks."""
    if run is None:
        return ()
    here = {one.name for one in operations}
    return tuple(
        Operation(name=name, title=name, asks="", kind="read", http="", family="")
        for name in run.seen
        if name not in here and (not only or name in only)
    )


@contextmanager
def _kept_open(database: Path) -> Iterator[None]:
    """Keep one connection open, so that no side's is ever the last to close.

    The last one removes the write-ahead log, under the hands of whoever opens the file then.
    """
    connection = connect(database, query_only=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        yield
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class _Made:
    base: WorkerSpec | None
    head: WorkerSpec
    control: WorkerSpec | None
    content: tuple[str, str]
    size: dict[str, Any]
    scale: float
    seed: int
    changes: SchemaChanges | None = None
    notes: tuple[str, ...] = ()


def _kind_of(options: GateOptions) -> str:
    """What the base is: "database", "run" or "ref".

    Raises:
        BenchError: a migration without a database, or a database without a migration.
    """
    path = Path(options.base)
    if path.is_file():
        if options.migration is None:
            raise BenchError(f"{path} is a file: name the migration to gate with --migration FILE.")
        return "database"
    if options.migration is not None:
        raise BenchError(
            f"--migration goes with a database, and there is no file {path}; name one as --base."
        )
    if not (path / "comparison.json").is_file():
        return "ref"
    if options.scale is not None or options.seed is not None:
        raise BenchError("A saved run has its own scale and seed; leave out --scale and --seed.")
    return "run"


def _build(
    options: GateOptions,
    run: baseline.Baseline | None,
    base: Tree | None,
    head: Tree,
    folder: Path,
    say: Say,
) -> _Made:
    head_python = options.python or THIS_PYTHON
    base_python = options.base_python or head_python
    files = {name: folder / f"{name}.db" for name in (BASE, HEAD)}
    scale = options.scale if options.scale is not None else run.scale if run else DEFAULT_SCALE
    seed = options.seed if options.seed is not None else run.seed if run else DEFAULT_SEED
    changes: SchemaChanges | None = None
    notes: tuple[str, ...] = ()
    if options.migration is not None:
        source = Path(options.base)
        read_manifest(source)
        building.copy_whole(source, files[BASE])
        changes, notes = building.migrated_copy(files[BASE], files[HEAD], options.migration, say)
    else:
        if run is not None:
            # As large as that run was: it may be minutes and gigabytes.
            rows = Plan(scale, seed).counts
            say(
                f"the saved run has {rows['products']:,} products and "
                f"{rows['analytics_events']:,} events: so many are seeded"
            )
        makers = [
            building.Maker(name, replace(tree, path=folder / "sides" / name), python, files[name])
            for name, tree, python in ((BASE, base, base_python), (HEAD, head, head_python))
            if tree is not None
        ]
        files[BASE], files[HEAD] = building.build(
            makers[0], makers[-1], arm=options.arm, scale=scale, seed=seed, scratch=folder, say=say
        )
    manifest = read_manifest(files[HEAD])
    content = manifest.content_hash
    there = run.content_hash if run is not None else building.content_of(files[BASE])
    size = {
        "products": manifest.counts["products"],
        "events": manifest.counts["analytics_events"],
        "scale": manifest.scale,
        "seed": manifest.seed,
    }
    specs = {
        name: WorkerSpec(
            name, folder / "sides" / name, files[name], scratch_outbox(folder, name), python, folder
        )
        for name, python in ((BASE, base_python), (HEAD, head_python))
    }
    base_spec = control = None
    if run is None:
        base_spec = specs[BASE]
        control = control_of(base_spec, _second_file(files[BASE], files[HEAD], folder))
    return _Made(
        base_spec,
        specs[HEAD],
        control,
        (there, content),
        size,
        manifest.scale,
        manifest.seed,
        changes,
        notes,
    )


def _second_file(base: Path, head: Path, folder: Path) -> Path:
    """The control's file: one that all share, else the base's copied once more."""
    if base == head:
        return base
    second = folder / f"{AGAIN}.db"
    shutil.copyfile(base, second)
    return second


def _study_of(tree: Tree) -> Study:
    own = tree.path / "bench" / "resale" / BUILT_IN.name
    return load_study(own if own.is_file() else BUILT_IN)


def _base_study(tree: Tree | None) -> tuple[Study | None, tuple[str, ...]]:
    if tree is None:
        return None, ()
    try:
        return _study_of(tree), ()
    except StudyError as error:
        note = (
            f"The base's study cannot be read ({error}), so the head's list of operations counts."
        )
        return None, (note,)


def _lock_note(base: Tree | None, head: Tree) -> tuple[str, ...]:
    lock = ("requirements.lock",)
    if base is None or base.digest(lock) == head.digest(lock):
        return ()
    return (
        "requirements.lock differs between the sides, and both ran with the packages that are "
        "installed here; give --base-python an interpreter with the base's packages to compare "
        "those too.",
    )
