"""Puts a served database back to the state before its load, and audits it before that.

A server that never folds its log in (RESALE_CHECKPOINTS=false) leaves the database file as it
was: to delete the log is to have the old state again, at any size of the file. Files and SQL only;
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType

import apsw

from bench.engines.sqlite.connection import tables
from bench.engines.sqlite.files import DatabaseMissing, beside
from bench.errors import BenchError
from reference_app.stock import audit as shop_audit

_HEADER_BYTES, _WAL_VERSIONS = 20, b"\x02\x02"
_END_BYTES = 65_536
_SHOWN = 3
# Reads every page of the file; and every row of it, events included.
_TOO_DEAR = ("damage", "rows_without_parents")

INVARIANTS = MappingProxyType(
    {
        **{name: rule for name, rule in shop_audit.RULES.items() if name not in _TOO_DEAR},
        "pieces_lost_or_made": "no piece is lost or sold twice: what is there, held and sold "
        "adds up to what there was",
        "new_rows_without_parents": "no row written since points to one that is not there",
    }
)
"""What `audit` checks, by name. Sums of the ledger are checked where there is one; that no piece
is lost holds while nobody adjusts stock by hand, which no visitor of a load does."""


class NotRewindable(BenchError):
    """The database cannot be rewound, or not be said to be; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a file that nobody has written to keeps."""

    inode: int
    size_bytes: int
    changed_at_ns: int
    ends: bytes


class Rewound:
    """A database file that is as it was when the block ends, whatever a server has written.

    Its servers must run with RESALE_CHECKPOINTS=false, and have ended (killed or not) when the
    block does. An outbox beside it is put aside meanwhile: servers begin with an empty one.

    Raises:
        DatabaseMissing: there is no such file.
        NotRewindable: at the start, it has a log, is open elsewhere, or keeps no log; at the
            end, somebody still has it open, or has written to the file itself. An error of the
            block goes before that of its end, which is noted with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark: _Mark | None = None

    def __enter__(self) -> Rewound:
        self._mark = _marked(self.path)
        _put_aside(self.path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._rewind()
        except NotRewindable as failed:
            if error is None:
                raise
            error.add_note(str(failed))

    def _rewind(self) -> None:
        _refuse_open(self.path, "stop its server before it is rewound")
        for left in beside(self.path):
            left.unlink(missing_ok=True)
        _take_back(self.path)
        if _mark_of(self.path) != self._mark:
            raise NotRewindable(
                f"The database {self.path} itself was written to during the load, so that its old "
                "state is lost; make the copy anew, and serve it with RESALE_CHECKPOINTS=false."
            )


def _marked(path: Path) -> _Mark:
    """The mark of a file that can be rewound.

    Raises:
        DatabaseMissing: there is no such file.
        NotRewindable: it has a log, is open elsewhere, or keeps no log.
    """
    if not path.is_file():
        raise DatabaseMissing(f"There is no database {path}; seed one or check the path.")
    left = [found.name for found in beside(path) if found.exists()]
    if left:
        raise NotRewindable(
            f"The database {path} is open elsewhere, or was left with its log ({left[0]}); stop "
            "what uses it, or open and close it once with the sqlite3 command line."
        )
    with path.open("rb") as file:
        if file.read(_HEADER_BYTES)[-2:] != _WAL_VERSIONS:
            raise NotRewindable(
                f"The database {path} keeps no write-ahead log; give one made by "
                "`resale-bench seed`."
            )
    mark = _mark_of(path)
    _refuse_open(path, "stop what uses it")
    return mark


def _mark_of(path: Path) -> _Mark:
    stat = path.stat()
    with path.open("rb") as file:
        first = file.read(_END_BYTES)
        file.seek(max(0, stat.st_size - _END_BYTES))
        ends = hashlib.blake2b(first + file.read(), digest_size=16).digest()
    return _Mark(stat.st_ino, stat.st_size, stat.st_mtime_ns, ends)


def _refuse_open(path: Path, otherwise: str) -> None:
    """Refuse a database that has an open connection, in this process or another.

    Whoever locks the file for itself alone gets that only when nobody else has it open;
    SQLite then keeps the index of the log in its own memory and touches no file.

    Raises:
        NotRewindable: it has one.
    """
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as alone:
            alone.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(beside(path)[0].exists()))
            alone.pragma("locking_mode", "exclusive")
            alone.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.BusyError as error:
        raise NotRewindable(f"The database {path} is open elsewhere; {otherwise}.") from error


def _outboxes(path: Path) -> Iterator[tuple[Path, Path]]:
    """The files of the outbox beside a database, and what they are called while put aside."""
    outbox = path.with_name(f"{path.name}.outbox.db")
    for one in (outbox, *beside(outbox)):
        yield one, one.with_name(f"{one.name}.aside")


def _put_aside(path: Path) -> None:
    if any(aside.exists() for _, aside in _outboxes(path)):
        # An earlier block was killed before it could put them back.
        _take_back(path)
    for one, aside in _outboxes(path):
        if one.exists():
            one.rename(aside)


def _take_back(path: Path) -> None:
    for one, aside in _outboxes(path):
        one.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(one)


def audit(path: Path, before: Path | None = None) -> tuple[str, ...]:
    """Sentences about what must not be and is, in the state that the file has with its log.

    The state before is that of the file `before`; by default of the file itself without its
    log, where servers ran with RESALE_CHECKPOINTS=false. No file is changed, the log neither.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    audited = shop_audit.audit(path, rules=INVARIANTS, without_ledger=True)
    found = [
        _said(finding.rule, [", ".join(f"{key} {row[key]}" for key in row) for row in rows])
        for finding in audited.findings
        if (rows := finding.broken_by)
    ]
    with _with_state_before(path, before or path) as connection:
        lost = [
            f"product {product}: {pieces:+d}"
            for product, pieces in connection.execute(_PIECES, (_SHOWN,))
        ]
        orphans = list(_without_parents(connection))
    for name, broken in (("pieces_lost_or_made", lost), ("new_rows_without_parents", orphans)):
        if broken:
            found.append(_said(INVARIANTS[name], broken))
    return tuple(found)


def new_rows(path: Path, table: str, before: Path | None = None) -> int:
    """How many rows a table has got since the state before, which is that of `audit`.

    Clients that were told of n orders must find n of them or, where answers were lost, more.

    Raises:
        DatabaseMissing: one of the files is.
        ValueError: it has no such table.
    """
    with _with_state_before(path, before or path) as connection:
        if table not in tables(connection):
            raise ValueError(f"There is no table {table} in {path}; name one of the shop's.")
        since = _since(connection, table)
        [(count,)] = connection.execute(f'SELECT count(*) FROM main."{table}" WHERE {since}')
        return int(str(count))


@contextmanager
def _with_state_before(path: Path, before: Path) -> Iterator[apsw.Connection]:
    """A connection to the state that a file has with its log; `was` is the state before.

    `immutable` is what makes SQLite read a file and look for no log of it.
    Source: https://www.sqlite.org/uri.html#uriimmutable
    """
    for one in (path, before):
        if not one.is_file():
            raise DatabaseMissing(f"There is no database {one}; check its path.")
    connection = apsw.Connection(
        path.absolute().as_uri(), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    )
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.pragma("query_only", True)
        connection.execute("ATTACH ? AS was", (f"{before.absolute().as_uri()}?immutable=1",))
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


_GIVEN_BACK = "('cancelled', 'returned')"
# A reservation takes its piece out of what is available, and an order that is cancelled or
# returned puts its pieces back. Only what differs from the state before is added up.
_PIECES = f"""
WITH differs (product_id, pieces) AS (
    SELECT id, product.quantity_available - old.quantity_available
    FROM main.products AS product JOIN was.products AS old USING (id)
    WHERE product.quantity_available <> old.quantity_available
    UNION ALL
    SELECT held.product_id, held.quantity * ((held.status = 'active') - (old.status IS 'active'))
    FROM main.product_reservations AS held LEFT JOIN was.product_reservations AS old USING (id)
    WHERE (held.status = 'active') <> (old.status IS 'active')
    UNION ALL
    SELECT item.product_id, item.quantity * (
        (bought.status NOT IN {_GIVEN_BACK}) - coalesce(old.status NOT IN {_GIVEN_BACK}, 0))
    FROM main.orders AS bought LEFT JOIN was.orders AS old USING (id)
    JOIN main.order_items AS item ON item.order_id = bought.id
    WHERE bought.status IS NOT old.status
)
SELECT product_id, sum(pieces) FROM differs
WHERE product_id IN (SELECT id FROM was.products)
GROUP BY product_id HAVING sum(pieces) <> 0 ORDER BY product_id LIMIT ?
"""


def _without_parents(connection: apsw.Connection) -> Iterator[str]:
    """Rows written since the state before that point to nothing, as `TABLE row ID`."""
    for table in sorted(tables(connection)):
        since = _since(connection, table)
        # Every foreign key of the shop is of one column.
        keys = connection.execute(
            'SELECT "table", "from", coalesce("to", \'id\') FROM pragma_foreign_key_list(?)',
            (table,),
        ).fetchall()
        for parent, column, its_column in keys:
            rows = connection.execute(
                f'SELECT rowid FROM main."{table}" AS child WHERE {since}'
                f' AND child."{column}" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM main."{parent}"'
                f' AS parent WHERE parent."{its_column}" = child."{column}") LIMIT {_SHOWN}'
            ).fetchall()
            yield from (f"{table} row {row} points to no row of {parent}" for (row,) in rows)


def _since(connection: apsw.Connection, table: str) -> str:
    """The condition of the rows that came after the state before: all, if the table did."""
    there = connection.execute(
        "SELECT 1 FROM was.sqlite_schema WHERE name = ?", (table,)
    ).fetchall()
    return f'rowid > (SELECT coalesce(max(rowid), 0) FROM was."{table}")' if there else "true"


def _said(rule: str, broken: list[str]) -> str:
    return f"Broken: {rule} ({'; '.join(broken[:_SHOWN])})."
