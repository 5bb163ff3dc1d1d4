"""Two sides of a database and queries of one's own: no seeding, no application.

Both sides get copies; parameters of an operation come from the database itself, by the
SELECT under the operation's `-- parameters:`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from bench.engines.sqlite.custom import connect_custom, use_log
from bench.engines.sqlite.engine import ENGINE
from bench.engines.sqlite.files import DatabaseError, snapshot
from bench.engines.sqlite.types import Connection
from bench.engines.sqlite.values import refusal
from bench.errors import BenchError
from bench.gate.built_sides import BuiltSides
from bench.gate.databases import Migrated, control_of, migrate_head
from bench.gate.options import GateOptions
from bench.gate.processes import THIS_PYTHON, WorkerSpec
from bench.gate.timing import BASE, HEAD
from bench.gate.trees import Tree
from bench.gate.workload import TIMED_SETS, WorkloadItem
from bench.results.gate import GateSize
from bench.study import Arm, Operation, Study
from bench.study.files import check_limits, limits_beside, load_limits
from bench.study.hooks import PARAMETER_SEED
from bench.study.parameters import parameter_sets, parameters_of
from bench.study.queries import BadQueries, NamedOperation, read_queries

Say = Callable[[str], None]
ADAPTER = "bench.gate.worker.custom_database:CustomDatabaseAdapter"
_HEADER = b"SQLite format 3\0"


class CustomSides:
    """A database, the queries of both sides, and a migration; the database is only read.

    Raises:
        BenchError: wrong use.
    """

    def __init__(self, options: GateOptions) -> None:
        assert options.queries is not None
        self._options, self._source = options, Path(options.base)
        validate_database(self._source)
        if options.migration is None and options.base_queries is None:
            raise BenchError(
                "Both sides would be the same: name what is to be gated with --migration or "
                "--base-queries (with the file of --queries itself, to see what noise does)."
            )
        self._head = self._base = read_queries(options.queries, ENGINE)
        if options.base_queries is not None:
            self._base = read_queries(options.base_queries, ENGINE)
        self._limits = load_limits(limits_beside(options.queries), options.head)
        check_limits(self._limits, [query.name for query in (*self._base, *self._head)])
        self._study_name = options.queries.stem
        self._seed = PARAMETER_SEED if options.seed is None else options.seed

    def build(self, folder: Path, say: Say) -> BuiltSides:
        """Copy the database for both sides, migrate the head's, and choose parameters."""
        files = {name: folder / f"{name}.db" for name in (BASE, HEAD)}
        say(f"copying {self._source.name}")
        copied(self._source, files[BASE])
        content = _content(files[BASE])
        migrated = self._migrate(files, say)
        for path in set(files.values()):
            use_log(path)
        with (
            closing(connect_custom(files[BASE])) as base,
            closing(connect_custom(files[HEAD])) as head,
        ):
            self._base, self._head = _on(base, self._base), _on(head, self._head)
            items = self._workload_items({BASE: base, HEAD: head})
            # What only the migration makes possible is new; what it breaks is refused by the
            # head, and what neither side can prepare by both.
            possible = {query.name for query in self._head if _fits(head, query)}
            base_queries = tuple(
                query for query in self._base if query.name not in possible or _fits(base, query)
            )
        base_spec, head_spec = self._specs(folder, files, base_queries)
        base_tree, head_tree = (
            Tree(what, self._options.head.resolve(), None, dirty=False)
            for what in _what(self._options)
        )
        return BuiltSides(
            study=_study(self._study_name, items, self._head),
            base_study=_study(self._study_name, items, base_queries),
            base_tree=base_tree,
            head_tree=head_tree,
            base=base_spec,
            head=head_spec,
            control=control_of(base_spec, head_spec),
            run=None,
            limits=self._limits,
            workload_items=items,
            undrawn=(),
            content=(content, content),
            size=GateSize(bytes=files[BASE].stat().st_size, seed=self._seed),
            arm="",
            notes=(*migrated.notes, *migrated.foreign_keys_notes),
            changes=migrated.changes,
        )

    def _migrate(self, files: dict[str, Path], say: Say) -> Migrated:
        """Give the head a migrated copy; without a migration all share one file."""
        if self._options.migration is None:
            files[HEAD] = files[BASE]
            return Migrated()
        shutil.copyfile(files[BASE], files[HEAD])
        return migrate_head(
            files[BASE], files[HEAD], self._options.migration, say,
            foreign_keys=self._options.foreign_keys,
        )  # fmt: skip

    def _specs(
        self, folder: Path, files: Mapping[str, Path], base_queries: Sequence[NamedOperation]
    ) -> tuple[WorkerSpec, WorkerSpec]:
        both = (*base_queries, *self._head)
        ordered = {query.name for query in both} - {q.name for q in both if not q.ordered}
        specs = []
        for name, queries in ((BASE, base_queries), (HEAD, self._head)):
            file = folder / f"{name}.json"
            write_queries(queries, ordered, file, foreign_keys=self._options.foreign_keys)
            specs.append(WorkerSpec(name, ADAPTER, file, files[name], THIS_PYTHON, folder))
        return specs[0], specs[1]

    def _workload_items(self, connections: Mapping[str, Connection]) -> tuple[WorkloadItem, ...]:
        """Both sides' operations with parameter sets, the head's first; only those wanted."""
        sides = {
            HEAD: {query.name: query for query in self._head},
            BASE: {query.name: query for query in self._base},
        }
        names = list(dict.fromkeys(name for queries in sides.values() for name in queries))
        wanted = self._options.operations
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise BadQueries(
                f"{self._options.queries} has no operation {unknown[0]!r}; choose among: "
                f"{', '.join(names)}."
            )
        items = []
        for name in names:
            if wanted and name not in wanted:
                continue
            forms = [(side, queries[name]) for side, queries in sides.items() if name in queries]
            needed, writes = parameters_of(ENGINE, forms, connections)
            # Of the base where it can, since that is what is there today.
            order = (connections[BASE], connections[HEAD])
            values = parameter_sets(ENGINE, forms, needed, order, self._seed, TIMED_SETS)
            operation = Operation(
                name=name, title=forms[0][1].title, asks="", kind="write" if writes else "read",
                http="", family="",
            )  # fmt: skip
            items.append(WorkloadItem(operation, values, ()))
        return tuple(items)


def validate_database(path: Path) -> None:
    """Refuse what is no SQLite database before anything is copied.

    Raises:
        BenchError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise BenchError(
            f"There is no database {path}; --queries goes with a database file as --base."
        )
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise BenchError(f"{path} is not a SQLite database; give the path of one.")


def copied(source: Path, target: Path) -> None:
    """Copy a database as it is now, its write-ahead log included; others may go on using it.

    Raises:
        BenchError: it cannot be read.
    """
    try:
        snapshot(source, target)
    except DatabaseError as error:
        raise BenchError(str(error)) from error


def _content(database: Path) -> str:
    with database.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _what(options: GateOptions) -> tuple[str, str]:
    """What base and head are, in words."""
    name = Path(options.base).name
    base, head = f"{name} as it is", name
    if options.migration is not None:
        head = f"{name} after {options.migration.name}"
    if options.base_queries is not None and options.queries is not None:
        base += f" with {options.base_queries.name}"
        head += f" with {options.queries.name}"
    return base, head


def _study(name: str, items: Sequence[WorkloadItem], queries: Sequence[NamedOperation]) -> Study:
    """The operations of one side, as a study."""
    names = {query.name for query in queries}
    operations = tuple(item.operation for item in items if item.operation.name in names)
    arm = Arm(name="database", label="database", description="as it is", migrations=())
    return Study(
        name=name, title=name, base=arm.name, judged=arm.name, rounds=7, quick_rounds=15,
        minimum_effect=0.05, arms=(arm,), operations=operations, claims=(),
    )  # fmt: skip


def _on(connection: Connection, queries: Sequence[NamedOperation]) -> tuple[NamedOperation, ...]:
    """What a side has of its operations: statements whose `needs` its database has."""
    parts = ENGINE.parts(connection)
    return tuple(left for query in queries if (left := query.on(parts)).body)


def _fits(connection: Connection, query: NamedOperation) -> bool:
    return all(refusal(connection, sql) is None for sql in query.statements)


def write_queries(
    queries: Iterable[NamedOperation],
    ordered: Collection[str],
    path: Path,
    *,
    foreign_keys: bool = True,
) -> None:
    """Write what the worker of a custom database reads; `ordered` are names of operations."""
    operations = {
        query.name: {
            "statements": query.statements,
            "require": [statement.require for statement in query.body],
            "ordered": query.name in ordered,
        }
        for query in queries
    }
    content = {"foreign_keys": foreign_keys, "operations": operations}
    path.write_text(json.dumps(content), encoding="utf-8")
