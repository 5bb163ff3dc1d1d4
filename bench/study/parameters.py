"""Parameters for named SQL: found by preparing it, chosen from the rows of its SELECT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.engines.base import Connection, Engine
from bench.engines.records import StatementInfo, StatementRefused
from bench.study.queries import BadQueries, NamedOperation

Rows = list[dict[str, Any]]
# What only an application knows: such an operation is not judged, and the others are.
_ADDED = ("no such collation sequence", "no such function", "no such module")


def parameters_of(
    engine: Engine,
    forms: Sequence[tuple[str, NamedOperation]],
    connections: Mapping[str, Connection],
) -> tuple[set[str], bool]:
    """The parameters that an operation takes on either side, and whether it writes.

    One that needs what an application adds to SQLite has none: no side can execute it.

    Raises:
        BadQueries: no side's database can prepare it, or a parameter has no name.
    """
    needed: set[str] = set()
    writes = False
    refusals: list[str] = []
    for side, form in forms:
        try:
            infos = [_inspected(engine, connections[side], form.name, s) for s in form.statements]
        except engine.errors as error:
            refusals.append(str(error))
            continue
        writes = writes or not all(info.read_only for info in infos)
        for given in (name for info in infos for name in info.parameters):
            if given is None:
                raise BadQueries(
                    f"{form.name} has a parameter without a name; write :customer, not ?."
                )
            needed.add(given)
    if len(refusals) == len(forms) and not refusals[0].startswith(_ADDED):
        raise BadQueries(f"{forms[0][1].name} does not fit the database: {refusals[0]}.")
    return needed, writes


def _inspected(engine: Engine, connection: Connection, name: str, sql: str) -> StatementInfo:
    try:
        return engine.inspect(connection, sql)
    except StatementRefused as error:
        raise BadQueries(
            f"{name} has a statement that is not run: {error}. Only the copies of "
            "the database may be touched, so take it out."
        ) from error


def parameter_sets(
    engine: Engine,
    forms: Sequence[tuple[str, NamedOperation]],
    needed: set[str] | None,
    connections: Sequence[Connection],
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
    sql = next((form.parameters_sql for _, form in forms if form.parameters_sql), None)
    if not needed and (needed is not None or sql is None):
        return ({},)
    if sql is None:
        assert needed is not None
        raise BadQueries(
            f"{name} takes {_placeholders(needed)}: write "
            f"`-- parameters: SELECT … AS {min(needed)} FROM …` before it."
        )
    rng = np.random.default_rng([seed, *name.encode()])
    rows: Rows = []
    for nth, connection in enumerate(connections, 1):
        try:
            rows = _chosen(engine, connection, name, sql, rng, wanted)
            break
        except engine.errors as error:
            if nth == len(connections):
                raise BadQueries(f"the parameters of {name} fail: {error}.") from error
    if not rows:
        raise BadQueries(
            f"the parameters of {name} find no row that can be used; let them select existing "
            "ones, of text in UTF-8."
        )
    needed = set(rows[0]) if needed is None else needed
    lacking = needed - set(rows[0])
    if lacking:
        raise BadQueries(
            f"the parameters of {name} lack {_placeholders(lacking)}; add a column of that name."
        )
    return tuple({key: row[key] for key in sorted(needed)} for row in rows)


def _chosen(
    engine: Engine,
    connection: Connection,
    name: str,
    sql: str,
    rng: np.random.Generator,
    most: int,
) -> Rows:
    """Up to `most` rows of a SELECT, in an order of chance."""
    info = _inspected(engine, connection, f"the parameters of {name}", sql)
    if not (info.single and info.read_only):
        raise BadQueries(
            f"the parameters of {name} have to be one SELECT that changes nothing; parameters are "
            "chosen from its rows."
        )
    count: Any = connection.execute(f"SELECT count(*) FROM ({sql}\n)").fetchall()[0][0]
    if not count:
        return []
    positions = [
        int(position) for position in rng.choice(count, size=min(count, most), replace=False)
    ]
    wanted = set(positions)
    kept: dict[int, dict[str, Any]] = {}
    others: Rows = []
    for position, row in enumerate(engine.named_rows(connection, sql)):
        if row is None:
            wanted.discard(position)
        elif position in wanted:
            kept[position] = row
        elif len(others) < most:
            others.append(row)
        if len(kept) == len(wanted):
            break
    return [kept[position] for position in positions if position in kept] or others


def _placeholders(names: set[str]) -> str:
    return ", ".join(f":{name}" for name in sorted(names))
