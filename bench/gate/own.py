"""Room: bench.gate, a database and queries of one's own: no seeding, no application.

Both sides get copies; what is drawn for an operation comes from the database itself, by a
SELECT that stands beside the operation.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import apsw.ext
import numpy as np

from bench.gate.built import Built
from bench.gate.drawing import TIMED_DRAWS, Asked
from bench.gate.lanes import THIS_PYTHON, LaneSpec
from bench.gate.options import GateError, GateOptions, limits_table
from bench.gate.own_queries import BadQueries, OwnQuery, read_queries, write_queries
from bench.gate.side_file import opened, refusal
from bench.gate.timing import BASE, HEAD, scratch_outbox
from bench.gate.trees import Tree
from bench.judge.gate_limits import limits_of
from bench.leftovers import scratch
from bench.study import Arm, Operation, Study
from reference_app.database import DatabaseError
from reference_app.sqltext import ScriptError, pieces
from reference_app.untouched import snapshot
from seeds.plan import DEFAULT_SEED

Say = Callable[[str], None]
_HEADER = b"SQLite format 3\0"


@contextmanager
def build_own(options: GateOptions, say: Say = lambda _: None) -> Iterator[Built]:
    """Copy the database for both sides, migrate the head's, and draw parameters.

    Raises:
        GateError, bench.judge.gate_limits.BadLimits: wrong use; the database is untouched.
    """
    begun = time.perf_counter()
    assert options.queries is not None
    source = Path(options.base)
    refuse_foreign(source)
    if options.migration is None and options.base_queries is None:
        raise GateError(
            "Both sides would be the same: name what is to be gated with --migration or "
            "--base-queries (with the file of --queries itself, to see what noise does)."
        )
    head_queries = read_queries(options.queries)
    base_queries = read_queries(options.base_queries) if options.base_queries else head_queries
    limits_here = limits_table(options.head)
    with scratch(options.work.resolve()) as folder, ExitStack() as stack:
        files = {BASE: folder / f"{BASE}.db", HEAD: folder / f"{HEAD}.db"}
        say(f"copying {source.name}")
        copied(source, files[BASE])
        content = _content(files[BASE])
        if options.migration is None:
            files[HEAD] = files[BASE]
        else:
            shutil.copyfile(files[BASE], files[HEAD])
            say(f"running {options.migration.name} on a copy")
            migrated(files[HEAD], options.migration)
        connections = {}
        for name, path in files.items():
            _use_log(path)
            # Kept open, so that no side's is ever the last to close, which removes the log.
            connections[name] = stack.enter_context(closing(opened(path)))
            connections[name].execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        asked = _asked(options, base_queries, head_queries, connections)
        # What only the migration makes possible is new; what it breaks is refused by the head.
        base_queries = tuple(one for one in base_queries if _fits(connections[BASE], one))
        forms = [*base_queries, *head_queries]
        ordered = {one.name for one in forms} - {one.name for one in forms if not one.ordered}
        specs = {}
        for name, queries in ((BASE, base_queries), (HEAD, head_queries)):
            told = folder / f"{name}.json"
            write_queries(queries, ordered, told)
            specs[name] = LaneSpec(
                name, folder, files[name], scratch_outbox(folder, name), THIS_PYTHON, folder, told
            )
        study = _study(options.queries.stem, asked, head_queries)
        base_study = _study(options.queries.stem, asked, base_queries)
        known = frozenset(one.operation.name for one in asked)
        every = {one.name for one in (*base_queries, *head_queries)}
        what = _what(options)
        yield Built(
            study=study,
            base_study=base_study,
            base_tree=Tree(what[0], options.head.resolve(), None, dirty=False),
            head_tree=Tree(what[1], options.head.resolve(), None, dirty=False),
            base=specs[BASE],
            head=specs[HEAD],
            run=None,
            limits=limits_of(limits_here, known | every),
            asked=asked,
            undrawn=(),
            content=(content, content),
            size={"bytes": files[BASE].stat().st_size, "seed": _seed(options)},
            arm="",
            notes=(),
            build_seconds=time.perf_counter() - begun,
        )


def refuse_foreign(path: Path) -> None:
    """Refuse what is no SQLite database before anything is copied.

    Raises:
        GateError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise GateError(
            f"There is no database {path}; --queries goes with a database file as --base."
        )
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise GateError(f"{path} is not a SQLite database; give the path of one.")


def copied(source: Path, target: Path) -> None:
    """Copy a database as it is now, its write-ahead log included; others may go on using it.

    Raises:
        GateError: it cannot be read.
    """
    try:
        snapshot(source, target)
    except DatabaseError as error:
        raise GateError(str(error)) from error


def migrated(database: Path, script: Path) -> None:
    """Run a migration's statements one after another, as `sqlite3 database < script` does.

    Raises:
        GateError: a statement fails, or the script leaves a transaction open.
    """
    try:
        statements = [piece.sql for piece in pieces(script.read_text(encoding="utf-8"))]
    except (OSError, UnicodeDecodeError, ScriptError) as error:
        raise GateError(f"{script} cannot be read as SQL: {error}") from error
    with closing(opened(database, writable=True)) as connection:
        # A copy that is thrown away need not survive a power cut.
        connection.pragma("synchronous", "off")
        for statement in statements:
            try:
                connection.execute(statement).fetchall()
            except apsw.Error as error:
                raise GateError(
                    f"{script} fails on a copy at {statement[:60]!r} ({error}); mend the migration."
                ) from error
        if connection.in_transaction:
            raise GateError(f"{script} leaves a transaction open; end it with COMMIT.")


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
    return DEFAULT_SEED if options.seed is None else options.seed


def _study(name: str, asked: Sequence[Asked], queries: Sequence[OwnQuery]) -> Study:
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
    base: Sequence[OwnQuery],
    head: Sequence[OwnQuery],
    connections: Mapping[str, apsw.Connection],
) -> tuple[Asked, ...]:
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
        needed, writes = _parameters(forms, connections)
        drawn = _drawn(forms, needed, connections, _seed(options))
        operation = Operation(
            name=name, title=forms[0][1].title, asks="", kind="write" if writes else "read",
            http="", family="",
        )  # fmt: skip
        found.append(Asked(operation, drawn, ()))
    return tuple(found)


def _fits(connection: apsw.Connection, query: OwnQuery) -> bool:
    return all(refusal(connection, sql) is None for sql in query.statements)


def _parameters(
    forms: Sequence[tuple[str, OwnQuery]], connections: Mapping[str, apsw.Connection]
) -> tuple[set[str], bool]:
    """The parameters that an operation takes on either side, and whether it writes.

    Raises:
        BadQueries: no side's database can prepare it, or a parameter has no name.
    """
    needed: set[str] = set()
    writes = False
    refused: list[str] = []
    for side, form in forms:
        try:
            infos = [apsw.ext.query_info(connections[side], sql) for sql in form.statements]
        except apsw.Error as error:
            refused.append(str(error))
            continue
        writes = writes or not all(info.is_readonly for info in infos)
        for given in (name for info in infos for name in info.bindings_names):
            if given is None or given.isdigit():
                raise BadQueries(
                    f"{form.name} has a parameter without a name; write :customer, not ?."
                )
            needed.add(given)
    if len(refused) == len(forms):
        raise BadQueries(f"{forms[0][1].name} does not fit the database: {refused[0]}.")
    return needed, writes


def _drawn(
    forms: Sequence[tuple[str, OwnQuery]],
    needed: set[str],
    connections: Mapping[str, apsw.Connection],
    seed: int,
) -> tuple[dict[str, Any], ...]:
    """Parameters from the rows of the operation's `draws`, chosen by the seed.

    Raises:
        BadQueries: there is no `draws`, it fails or finds nothing, or a parameter is not in it.
    """
    name = forms[0][1].name
    if not needed:
        return ({},)
    sql = next((form.draws for _, form in forms if form.draws), None)
    if sql is None:
        raise BadQueries(
            f"{name} takes {_listed(needed)}: write `-- draws: SELECT … AS {min(needed)} FROM …` "
            "before it."
        )
    rng = np.random.default_rng([seed, *name.encode()])
    # Of the base where it can, since that is what is there today.
    try:
        rows = _chosen(connections[BASE], sql, rng)
    except apsw.Error:
        try:
            rows = _chosen(connections[HEAD], sql, rng)
        except apsw.Error as error:
            raise BadQueries(f"the draws of {name} fail: {error}.") from error
    if not rows:
        raise BadQueries(f"the draws of {name} find no row; let them select existing ones.")
    lacking = needed - set(rows[0])
    if lacking:
        raise BadQueries(f"the draws of {name} lack {_listed(lacking)}; add a column of that name.")
    for row in rows:
        binary = sorted(key for key, value in row.items() if isinstance(value, bytes))
        if binary:
            raise BadQueries(f"the draws of {name} have a BLOB in {binary[0]}; cast it to text.")
    return tuple({key: row[key] for key in sorted(needed)} for row in rows)


def _chosen(
    connection: apsw.Connection, sql: str, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Up to TIMED_DRAWS rows of a SELECT, in an order of chance."""
    count: Any = connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0]
    if not count:
        return []
    places = [int(one) for one in rng.choice(count, size=min(count, TIMED_DRAWS), replace=False)]
    wanted = set(places)
    kept: dict[int, dict[str, Any]] = {}
    with closing(connection.execute(sql)) as cursor:
        for place, row in enumerate(cursor):
            if place in wanted:
                names = [column[0] for column in cursor.get_description()]
                kept[place] = dict(zip(names, row, strict=True))
            if len(kept) == len(wanted):
                break
    return [kept[place] for place in places if place in kept]


def _listed(names: set[str]) -> str:
    return ", ".join(f":{name}" for name in sorted(names))
