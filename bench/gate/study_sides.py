"""Two sides of a study whose operations are code: at a git ref, a saved run, or a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError
from bench.gate import baseline
from bench.gate.built_sides import BuiltSides
from bench.gate.databases import Migrated, Say, control_of, migrate_head
from bench.gate.options import GateOptions
from bench.gate.processes import HARNESS, THIS_PYTHON, WorkerSpec
from bench.gate.study_gate import Checkout, Data, study_gate
from bench.gate.timing import BASE, HEAD
from bench.gate.trees import Tree, base_tree, head_tree
from bench.gate.workload import operations_of_both
from bench.results.gate import GateSize
from bench.study import Operation, Study, StudyError, load_study
from bench.study.files import check_limits, load_limits
from bench.study.hooks import PARAMETER_SEED, hooks_of


class StudySides:
    """What the base and the head are; a database, and a run's counters, are read here.

    Raises:
        BenchError, bench.study.StudyError: wrong use.
    """

    def __init__(self, options: GateOptions, study: Study) -> None:
        self._options = options
        self._hooks = hooks_of(study)
        self._gate = study_gate(study, self._hooks)
        self._database = _database_of(options)
        if self._database is not None:
            self._gate.require_database(self._database)
        self._head = head_tree(options.head, self._gate.package)
        self._study_file = (study.folder or HARNESS).relative_to(HARNESS) / "study.toml"
        self._study = self._study_of(self._head)
        self._arm = options.arm or self._study.arms[-1].name
        self._study.arm(self._arm)
        self._limits = load_limits(self._study.gate, self._head.path)
        self._run = None
        if self._database is None and baseline.is_run(Path(options.base)):
            self._run = baseline.read(Path(options.base), self._arm)

    def build(self, folder: Path, say: Say) -> BuiltSides:
        """Lay out the trees, make the databases, and sample what the sides execute."""
        sides = folder / "sides"
        base, head = self._trees(sides)
        base_study, notes = self._base_study(base)
        operations = operations_of_both(base_study, self._study, self._options.operations)
        gone = self._gone(operations)
        known = (*self._study.operations, *(base_study or self._study).operations, *gone)
        check_limits(self._limits, [operation.name for operation in known])
        base_spec, head_spec = self._specs(folder)
        (base_file, head_file), migrated = self._databases(base, base_spec, head, head_spec, say)
        base_spec = replace(base_spec, database=base_file)
        head_spec = replace(head_spec, database=head_file)
        dataset = self._hooks.dataset(head_file)
        items = [self._gate.workload_item(operation, dataset) for operation in operations]
        no_item = (o for o, item in zip(operations, items, strict=True) if item is None)
        run = self._run
        base_content = self._hooks.dataset(base_file) if run is None else run
        return BuiltSides(
            study=self._study,
            base_study=base_study,
            base_tree=base,
            head_tree=head,
            base=base_spec if run is None else None,
            head=head_spec,
            control=control_of(base_spec, head_spec) if run is None else None,
            run=run,
            limits=self._limits,
            workload_items=tuple(item for item in items if item is not None),
            undrawn=(*no_item, *gone),
            content=(base_content.content_hash, dataset.content_hash),
            size=GateSize(
                rows=dataset.rows,
                bytes=head_file.stat().st_size,
                scale=dataset.scale,
                seed=PARAMETER_SEED if dataset.seed is None else dataset.seed,
            ),
            # A database is in whatever state it is.
            arm="" if self._database is not None else self._arm,
            notes=(*notes, *migrated.notes, *_lock_note(base, head)),
            changes=migrated.changes,
        )

    def _trees(self, sides: Path) -> tuple[Tree | None, Tree]:
        """Both sides' code; the base's is None where that is a saved run."""
        sides.mkdir()
        # Names of equal length: they stand in every traceback, path and argument of a side.
        (sides / HEAD).symlink_to(self._head.path)
        options, head = self._options, self._head
        if self._database is not None:
            (sides / BASE).symlink_to(head.path)
            name = self._database.name
            base = replace(head, what=f"{name} as it is")
            return base, replace(head, what=f"{name} after {options.migration}")
        if self._run is not None:
            return None, head
        return base_tree(options.head, options.base, sides / BASE, self._gate.package), head

    def _specs(self, folder: Path) -> tuple[WorkerSpec, WorkerSpec]:
        head_python = self._options.python or THIS_PYTHON
        pythons = {BASE: self._options.base_python or head_python, HEAD: head_python}
        base, head = (
            WorkerSpec(
                name, self._gate.adapter, folder / "sides" / name, folder / f"{name}.db",
                pythons[name], folder,
            )
            for name in (BASE, HEAD)
        )  # fmt: skip
        return base, head

    def _databases(
        self, base: Tree | None, base_spec: WorkerSpec, head: Tree, head_spec: WorkerSpec, say: Say
    ) -> tuple[tuple[Path, Path], Migrated]:
        """Copy and migrate a database, or let each side's code make its own."""
        files = (base_spec.database, head_spec.database)
        options = self._options
        if self._database is not None and options.migration is not None:
            self._gate.copy_database(self._database, files[0])
            self._gate.copy_database(files[0], files[1])
            return files, migrate_head(*files, options.migration, say)
        checkouts = [
            Checkout(spec.name, replace(tree, path=spec.source), spec.python, spec.database)
            for tree, spec in ((base, base_spec), (head, head_spec))
            if tree is not None
        ]
        first = None if base is None else checkouts[0]
        files = self._gate.build(first, checkouts[-1], self._data(), head_spec.scratch, say)
        return files, Migrated()

    def _data(self) -> Data:
        """The state and size to be made: as wanted, as the saved run's, or the study's own."""
        options, run = self._options, self._run
        # A run has been refused beside a scale or a seed.
        scale, seed = (options.scale, options.seed) if run is None else (run.scale, run.seed)
        return Data(
            arm=self._arm,
            scale=self._gate.default_scale if scale is None else scale,
            seed=PARAMETER_SEED if seed is None else seed,
        )

    def _study_of(self, tree: Tree) -> Study:
        file = tree.path / self._study_file
        return load_study(file) if file.is_file() else load_study()

    def _base_study(self, tree: Tree | None) -> tuple[Study | None, tuple[str, ...]]:
        if tree is None:
            return None, ()
        try:
            return self._study_of(tree), ()
        except StudyError as error:
            return None, (
                f"The base's study cannot be read ({error}), so the head's list of operations "
                "counts.",
            )

    def _gone(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """Operations that a saved run counted and the head's list lacks."""
        if self._run is None:
            return ()
        here, only = {operation.name for operation in operations}, self._options.operations
        return tuple(
            Operation(name=name, title=name, asks="", kind="read", http="", family="")
            for name in self._run.seen
            if name not in here and (not only or name in only)
        )


def _database_of(options: GateOptions) -> Path | None:
    """The database that is the base; None where that is a run or a ref.

    Raises:
        BenchError: a migration without a database, or a database without a migration.
    """
    path = Path(options.base)
    if path.is_file():
        if options.migration is None:
            raise BenchError(f"{path} is a file: name the migration to gate with --migration FILE.")
        return path
    if options.migration is not None:
        raise BenchError(
            f"--migration goes with a database, and there is no file {path}; name one as --base."
        )
    if baseline.is_run(path) and (options.scale is not None or options.seed is not None):
        raise BenchError("A saved run has its own scale and seed; leave out --scale and --seed.")
    return None


def _lock_note(base: Tree | None, head: Tree) -> tuple[str, ...]:
    lock = ("requirements.lock",)
    if base is None or base.digest(lock) == head.digest(lock):
        return ()
    return (
        "requirements.lock differs between the sides, and both ran with the packages that are "
        "installed here; give --base-python an interpreter with the base's packages to compare "
        "those too.",
    )
