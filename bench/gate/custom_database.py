"""A database and queries of one's own: no seeding, no application.

Both sides get copies; what is drawn for an operation comes from the database itself, by a
SELECT that stands beside the operation.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import apsw

from bench.engines.sqlite.files import DatabaseError, scratch, snapshot
from bench.engines.sqlite.migration_file import read_migration, run_migration, stand_in
from bench.engines.sqlite.values import refusal
from bench.errors import BenchError
from bench.gate.built_sides import BuiltSides
from bench.gate.migration_effects import effects
from bench.gate.options import GateOptions, limits_table
from bench.gate.processes import THIS_PYTHON, WorkerSpec
from bench.gate.timing import AGAIN, BASE, HEAD, control_of, scratch_outbox
from bench.gate.trees import Tree
from bench.gate.worker.custom_database import opened
from bench.gate.workload import TIMED_DRAWS, WorkloadItem
from bench.judge.gate_limits import limits_of
from bench.results.gate import SchemaChanges
from bench.study import Arm, Operation, Study
from bench.study.hooks import DRAW_SEED
from bench.study.parameters import drawn, parameters_of
from bench.study.queries import BadQueries, NamedOperation, read_queries

Say = Callable[[str], None]
_HEADER = b"SQLite format 3\0"


@contextmanager
def build_own(options: GateOptions, say: Say = lambda _: None) -> Iterator[BuiltSides]:
    """Copy the database for both sides, migrate the head's, and draw parameters.

    Raises:
        BenchError: wrong use; the database is untouched.
    """
    begun = time.perf_counter()
    assert options.queries is not None
    source = Path(options.base)
    refuse_foreign(source)
    if options.migration is None and options.base_queries is None:
        raise BenchError(
            "Both sides would be the same: name what is to be gated with --migration or "
            "--base-queries (with the file of --queries itself, to see what noise does)."
        )
    head_queries = read_queries(options.queries)
    base_queries = read_queries(options.base_queries) if options.base_queries else head_queries
    limits_here = limits_table(options.head)
    with scratch(options.work.resolve()) as folder, ExitStack() as stack:
        files = {name: folder / f"{name}.db" for name in (BASE, HEAD, AGAIN)}
        say(f"copying {source.name}")
        copied(source, files[BASE])
        content = _content(files[BASE])
        notes: tuple[str, ...] = ()
        changes: SchemaChanges | None = None
        if options.migration is None:
            files[HEAD] = files[AGAIN] = files[BASE]
        else:
            for name in (HEAD, AGAIN):
                shutil.copyfile(files[BASE], files[name])
            say(f"running {options.migration.name} on a copy")
            held = options.foreign_keys
            notes = migrated(files[HEAD], options.migration, foreign_keys=held)
            script = read_migration(options.migration)
            changes, told_of = effects(files[BASE], files[HEAD], script, folder, foreign_keys=held)
            notes = (*notes, *told_of)
        connections = {}
        for name, path in files.items():
            _use_log(path)
            # Kept open, so that no side's is ever the last to close, which removes the log.
            connections[name] = stack.enter_context(closing(opened(path)))
            connections[name].execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        asked = _asked(options, base_queries, head_queries, connections)
        # What only the migration makes possible is new; what it breaks is refused by the head,
        # and what neither side can prepare by both.
        possible = {one.name for one in head_queries if _fits(connections[HEAD], one)}
        base_queries = tuple(
            one for one in base_queries if one.name not in possible or _fits(connections[BASE], one)
        )
        forms = [*base_queries, *head_queries]
        ordered = {one.name for one in forms} - {one.name for one in forms if not one.ordered}
        specs = {}
        for name, queries in ((BASE, base_queries), (HEAD, head_queries)):
            told = folder / f"{name}.json"
            write_queries(queries, ordered, told, foreign_keys=options.foreign_keys)
            specs[name] = WorkerSpec(
                name, folder, files[name], scratch_outbox(folder, name), THIS_PYTHON, folder, told
            )
        study = _study(options.queries.stem, asked, head_queries)
        base_study = _study(options.queries.stem, asked, base_queries)
        known = frozenset(one.operation.name for one in asked)
        every = {one.name for one in (*base_queries, *head_queries)}
        what = _what(options)
        yield BuiltSides(
            study=study,
            base_study=base_study,
            base_tree=Tree(what[0], options.head.resolve(), None, dirty=False),
            head_tree=Tree(what[1], options.head.resolve(), None, dirty=False),
            base=specs[BASE],
            head=specs[HEAD],
            control=control_of(specs[BASE], files[AGAIN]),
            run=None,
            limits=limits_of(limits_here, known | every),
            asked=asked,
            undrawn=(),
            content=(content, content),
            size={"bytes": files[BASE].stat().st_size, "seed": _seed(options)},
            arm="",
            notes=notes,
            build_seconds=time.perf_counter() - begun,
            changes=changes,
        )


def refuse_foreign(path: Path) -> None:
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


def migrated(database: Path, script: Path, *, foreign_keys: bool = True) -> tuple[str, ...]:
    """Run a migration's statements one after another, as `sqlite3 database < script` does.

    Returns sentences on what of it was run, and how.

    Raises:
        BenchError: a statement fails or is refused, or the script leaves a transaction open.
    """
    migration = read_migration(script)
    with closing(opened(database, writable=True, foreign_keys=foreign_keys)) as connection:
        # A copy that is thrown away need not survive a power cut.
        connection.pragma("synchronous", "off")
        standing_in = stand_in(connection)
        run_migration(connection, migration)
    return (*migration.notes, *standing_in.notes)


def _use_log(database: Path) -> None:
    """Let readers and the writer of a side not wait for each other, whatever the source used."""
    with closing(opened(database, writable=True)) as connection:
        connection.pragma("journal_mode", "wal")


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


def _seed(options: GateOptions) -> int:
    return DRAW_SEED if options.seed is None else options.seed


def _study(name: str, asked: Sequence[WorkloadItem], queries: Sequence[NamedOperation]) -> Study:
    """The operations of one side, as a study."""
    mine = {one.name for one in queries}
    operations = tuple(one.operation for one in asked if one.operation.name in mine)
    arm = Arm(name="database", label="database", description="as it is", migrations=())
    return Study(
        name=name, title=name, base=arm.name, judged=arm.name, rounds=7, quick_rounds=15,
        minimum_effect=0.05, arms=(arm,), operations=operations, claims=(),
    )  # fmt: skip


def _asked(
    options: GateOptions,
    base: Sequence[NamedOperation],
    head: Sequence[NamedOperation],
    connections: Mapping[str, apsw.Connection],
) -> tuple[WorkloadItem, ...]:
    """The operations of both sides with their draws, the head's first; only those asked for."""
    sides = {HEAD: {one.name: one for one in head}, BASE: {one.name: one for one in base}}
    names = list(dict.fromkeys(name for found in sides.values() for name in found))
    unknown = sorted(set(options.operations) - set(names))
    if unknown:
        raise BadQueries(
            f"{options.queries} has no operation {unknown[0]!r}; choose among: {', '.join(names)}."
        )
    found = []
    for name in names:
        if options.operations and name not in options.operations:
            continue
        forms = [(side, known[name]) for side, known in sides.items() if name in known]
        needed, writes = parameters_of(forms, connections)
        # Of the base where it can, since that is what is there today.
        values = drawn(
            forms, needed, (connections[BASE], connections[HEAD]), _seed(options), TIMED_DRAWS
        )
        operation = Operation(
            name=name, title=forms[0][1].title, asks="", kind="write" if writes else "read",
            http="", family="",
        )  # fmt: skip
        found.append(WorkloadItem(operation, values, ()))
    return tuple(found)


def _fits(connection: apsw.Connection, query: NamedOperation) -> bool:
    return all(refusal(connection, sql) is None for sql in query.statements)


def write_queries(
    queries: Iterable[NamedOperation],
    ordered: Collection[str],
    path: Path,
    *,
    foreign_keys: bool = True,
) -> None:
    """Write what the worker of a custom database reads; `ordered` are names of operations."""
    told: dict[str, dict[str, Sequence[str] | bool]] = {
        one.name: {"statements": one.statements, "ordered": one.name in ordered} for one in queries
    }
    written = {"foreign_keys": foreign_keys, "operations": told}
    path.write_text(json.dumps(written), encoding="utf-8")
