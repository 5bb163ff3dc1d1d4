"""Parameters for named SQL: found by preparing it, chosen from the rows of its SELECT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import apsw
import apsw.ext
import numpy as np

from bench.study.queries import BadQueries, NamedOperation

Rows = list[dict[str, Any]]
# What only an application knows: such an operation is not judged, and the others are.
_ADDED = ("no such collation sequence", "no such function", "no such module")


def parameters_of(
    forms: Sequence[tuple[str, NamedOperation]], connections: Mapping[str, apsw.Connection]
) -> tuple[set[str], bool]:
    """The parameters that an operation takes on either side, and whether it writes.

    One that needs what an application adds to SQLite has none: no side can execute it.

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
            _raise_guarded(connections[side], form.name)
            refused.append(str(error))
            continue
        writes = writes or not all(info.is_readonly for info in infos)
        for given in (name for info in infos for name in info.bindings_names):
            if given is None or given.isdigit():
                raise BadQueries(
                    f"{form.name} has a parameter without a name; write :customer, not ?."
                )
            needed.add(given)
    if len(refused) == len(forms) and not refused[0].startswith(_ADDED):
        raise BadQueries(f"{forms[0][1].name} does not fit the database: {refused[0]}.")
    return needed, writes


def _raise_guarded(connection: apsw.Connection, name: str) -> None:
    refused = getattr(connection.authorizer, "refused", None)
    if refused is not None:
        raise BadQueries(
            f"{name} has a statement that the gate does not run: {refused}. Only the copies of "
            "the database may be touched, so take it out."
        )


def drawn(
    forms: Sequence[tuple[str, NamedOperation]],
    needed: set[str] | None,
    connections: Sequence[apsw.Connection],
    seed: int,
    wanted: int,
) -> tuple[dict[str, Any], ...]:
    """Up to `wanted` sets of parameters: rows of the operation's SELECT, chosen by the seed.

    The first of `connections` that can answer it does. Where it is not known what is `needed`
    (None), every column is a parameter.

    Raises:
        BadQueries: there is no `draws`, it is not one SELECT, it fails or finds nothing, or a
            parameter is not in it.
    """
    name = forms[0][1].name
    sql = next((form.draws for _, form in forms if form.draws), None)
    if not needed and (needed is not None or sql is None):
        return ({},)
    if sql is None:
        assert needed is not None
        raise BadQueries(
            f"{name} takes {_listed(needed)}: write `-- draws: SELECT … AS {min(needed)} FROM …` "
            "before it."
        )
    rng = np.random.default_rng([seed, *name.encode()])
    rows: Rows = []
    for nth, connection in enumerate(connections, 1):
        try:
            rows = _chosen(connection, name, sql, rng, wanted)
            break
        except apsw.Error as error:
            if nth == len(connections):
                raise BadQueries(f"the draws of {name} fail: {error}.") from error
    if not rows:
        raise BadQueries(
            f"the draws of {name} find no row that can be used; let them select existing ones, "
            "of text in UTF-8."
        )
    needed = set(rows[0]) if needed is None else needed
    lacking = needed - set(rows[0])
    if lacking:
        raise BadQueries(f"the draws of {name} lack {_listed(lacking)}; add a column of that name.")
    return tuple({key: row[key] for key in sorted(needed)} for row in rows)


def _chosen(
    connection: apsw.Connection, name: str, sql: str, rng: np.random.Generator, most: int
) -> Rows:
    """Up to `most` rows of a SELECT, in an order of chance; see `_rows`."""
    _refuse_other_than_one_select(connection, name, sql)
    count: Any = connection.execute(f"SELECT count(*) FROM ({sql}\n)").fetchall()[0][0]
    if not count:
        return []
    places = [int(one) for one in rng.choice(count, size=min(count, most), replace=False)]
    wanted = set(places)
    kept: dict[int, dict[str, Any]] = {}
    others: Rows = []
    for place, row in _rows(connection, sql):
        if row is None:
            wanted.discard(place)
        elif place in wanted:
            kept[place] = row
        elif len(others) < most:
            others.append(row)
        if len(kept) == len(wanted):
            break
    return [kept[place] for place in places if place in kept] or others


def _refuse_other_than_one_select(connection: apsw.Connection, name: str, sql: str) -> None:
    try:
        info = apsw.ext.query_info(connection, sql)
    except apsw.Error:
        _raise_guarded(connection, f"the draws of {name}")
        raise
    if info.query_remaining or not info.is_readonly or info.is_explain:
        raise BadQueries(
            f"the draws of {name} have to be one SELECT that changes nothing; parameters are "
            "chosen from its rows."
        )


def _rows(connection: apsw.Connection, sql: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The rows of a SELECT with their places; None where text in one is not UTF-8.

    Such text cannot be bound as a parameter.
    """
    with closing(connection.execute(sql)) as cursor:
        place = -1
        while True:
            place += 1
            try:
                row = next(cursor)
            except StopIteration:
                return
            except UnicodeDecodeError:
                yield place, None
                continue
            names = [column[0] for column in cursor.get_description()]
            yield place, dict(zip(names, row, strict=True))


def _listed(names: set[str]) -> str:
    return ", ".join(f":{name}" for name in sorted(names))
