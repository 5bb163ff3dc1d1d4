"""What is judged of two sides, from what was built and measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

from bench.gate.built_sides import BuiltSides, Measurements
from bench.gate.exact import SideFacts
from bench.gate.timing import BASE, HEAD
from bench.gate.trees import Tree
from bench.judge.gate import Gated, GateOperation, gate_document, incomparable_document
from bench.judge.gate_seen import Schema, Seen
from bench.judge.schema_changes import with_changes
from bench.results.gate import Gate, GateSide, Seconds


def judge_sides(built: BuiltSides, measured: Measurements) -> Gate:
    """Judge what was measured; pure but for the machine's name."""
    gated = _gated(built, measured.about, _seconds(built, measured.seconds), measured)
    return with_changes(gate_document(gated), built.changes)


def unlike(built: BuiltSides) -> Gate:
    """The document for sides whose data differ: nothing of them was measured."""
    gated = _gated(built, {}, _seconds(built, 0.0), None)
    return incomparable_document(
        gated,
        [
            "The sides' data differ: the base's seeding makes the content "
            f"{built.content[0][:16]}, the head's {built.content[1][:16]}, so neither counters "
            "nor times can be compared; merge the change of what generates them by itself, then "
            "gate again."
        ],
    )


def _seconds(built: BuiltSides, measure: float) -> Seconds:
    build = built.build_seconds
    return Seconds(
        build=round(build, 2), measure=round(measure, 2), whole=round(build + measure, 2)
    )


def _gated(
    built: BuiltSides,
    about: Mapping[str, SideFacts],
    seconds: Seconds,
    measured: Measurements | None,
) -> Gated:
    head = about.get(HEAD)
    base = head if built.run is not None else about.get(BASE)
    return Gated(
        study=built.study.name,
        base=_base_side(built, base),
        head=_side(built.head_tree, built.content[1], head, built.arm),
        size=built.size,
        schemas=(_schema(base), _schema(head)),
        operations=() if measured is None else _operations(built, measured),
        limits=built.limits,
        notes=(*built.notes, *_notes(built, base, head, measured)),
        untimed=None if measured is None else measured.untimed,
        seconds=seconds,
        machine={
            "cores": os.cpu_count() or 1,
            "os": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "load_average": list(measured.load_average) if measured else list(os.getloadavg()),
        },
    )


def _schema(about: SideFacts | None) -> Schema:
    return Schema({}, analysed=False) if about is None else about.schema


def _base_side(built: BuiltSides, about: SideFacts | None) -> GateSide:
    if built.run is not None:
        return built.run.side(built.arm)
    assert built.base_tree is not None
    return _side(built.base_tree, built.content[0], about, built.arm)


def _side(tree: Tree, content: str, about: SideFacts | None, arm: str) -> GateSide:
    return GateSide(
        what=tree.what,
        commit=tree.commit,
        dirty=tree.dirty,
        content_hash=content,
        sqlite_version=None if about is None else about.sqlite,
        python=None if about is None else about.python,
        schema_hash=None if about is None else about.schema_hash,
        arm=arm,
    )


def _operations(built: BuiltSides, measured: Measurements) -> tuple[GateOperation, ...]:
    timed = {rounds.name: rounds for rounds in measured.timings.timed}
    base = built.run.seen if built.run is not None else measured.seen[BASE]
    head = measured.seen[HEAD]
    operations = []
    for item in built.workload_items:
        name = item.name
        operations.append(
            GateOperation(
                name=name,
                title=item.operation.title,
                kind=item.operation.kind,
                in_base=built.on_base(measured.about, name),
                in_head=built.on_head(measured.about, name),
                base=base.get(name, ()),
                head=_comparable(built, name, head.get(name, ())),
                timed=timed.get(name),
                time_wanted=built.run is None and item.judged_by_time,
                differs=measured.timings.differing.get(name),
                parameters=item.parameters,
                too_slow_s=measured.too_slow.get(name),
            )
        )
    operations += [
        GateOperation(
            name=undrawn.name,
            title=undrawn.title,
            kind=undrawn.kind,
            in_base=built.on_base(measured.about, undrawn.name),
            in_head=built.on_head(measured.about, undrawn.name),
            time_wanted=False,
        )
        for undrawn in built.undrawn
    ]
    return tuple(operation for operation in operations if operation.in_base or operation.in_head)


def _comparable(built: BuiltSides, name: str, seen: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """What a saved run could have counted too; runs of the study keep no answers."""
    return seen if built.run is None else built.run.like(name, seen)


def _notes(
    built: BuiltSides,
    base: SideFacts | None,
    head: SideFacts | None,
    measured: Measurements | None,
) -> list[str]:
    notes = []
    if built.head_tree.dirty:
        notes.append("The head has changes that no commit holds; they were gated too.")
    if base and head and base.sqlite != head.sqlite:
        notes.append(
            f"The sides run different SQLite ({base.sqlite} and {head.sqlite}): counters "
            "and plans may differ for that reason alone."
        )
    if built.run is not None:
        notes.append(
            "The base is a saved run: its times are of another hour and were not compared; "
            "gate against a git ref to judge times."
        )
    notes += [
        f"This harness has no draw for {operation.name}, so it was not measured."
        for operation in built.undrawn
        if built.run is None or operation.name not in built.run.seen
    ]
    if measured is not None and measured.untimed is not None:
        notes.append(f"No time was measured: {measured.untimed}")
    if measured is not None:
        notes += [
            f"Neither side's database has what {item.name} needs, so it was left out."
            for item in built.workload_items
            if not built.on_base(measured.about, item.name)
            and not built.on_head(measured.about, item.name)
        ]
    unrouted = [
        item.name for item in built.workload_items if item.operation.http and not item.requests
    ]
    if unrouted:
        notes.append(
            f"By their SQL and not by a route were executed: {', '.join(unrouted)}; what their "
            "routes do besides is not seen."
        )
    return notes
