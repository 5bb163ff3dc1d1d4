"""From what was built and measured to what the judging room is given."""

from __future__ import annotations

import os
import platform
from typing import Any

from bench.gate.built_sides import BuiltSides, Measurements
from bench.gate.exact import schema_of
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
            "nor times can be compared; merge the change of the seeds by itself, then gate again."
        ],
    )


def _seconds(built: BuiltSides, measure: float) -> Seconds:
    build = built.build_seconds
    return Seconds(
        build=round(build, 2), measure=round(measure, 2), whole=round(build + measure, 2)
    )


def _gated(
    built: BuiltSides,
    about: dict[str, dict[str, Any]],
    seconds: Seconds,
    measured: Measurements | None,
) -> Gated:
    head = about.get(HEAD, {})
    base = head if built.run is not None else about.get(BASE, {})
    schemas = tuple(
        schema_of(told) if told else Schema({}, analysed=False) for told in (base, head)
    )
    return Gated(
        study=built.study.name,
        base=_base_side(built, base),
        head=_side(built.head_tree, built.content[1], head, built.arm),
        size=built.size,
        schemas=(schemas[0], schemas[1]),
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


def _base_side(built: BuiltSides, told: dict[str, Any]) -> GateSide:
    if built.run is not None:
        return built.run.side(built.arm)
    assert built.base_tree is not None
    return _side(built.base_tree, built.content[0], told, built.arm)


def _side(tree: Tree, content: str, told: dict[str, Any], arm: str) -> GateSide:
    return GateSide(
        what=tree.what, commit=tree.commit, dirty=tree.dirty, content_hash=content,
        sqlite_version=told.get("sqlite"), python=told.get("python"),
        schema_hash=told.get("schema_hash"), arm=arm,
    )  # fmt: skip


def _operations(built: BuiltSides, measured: Measurements) -> tuple[GateOperation, ...]:
    timed = {one.name: one for one in measured.clocked.timed}
    base = built.run.seen if built.run is not None else measured.seen[BASE]
    head = measured.seen[HEAD]
    found = [
        GateOperation(
            name=one.operation.name,
            title=one.operation.title,
            kind=one.operation.kind,
            in_base=built.on_base(measured.about, one.operation.name),
            in_head=built.on_head(measured.about, one.operation.name),
            base=base.get(one.operation.name, ()),
            head=_comparable(built, one.operation.name, head.get(one.operation.name, ())),
            timed=timed.get(one.operation.name),
            time_wanted=built.run is None and one.judged_by_time,
            differs=measured.clocked.differing.get(one.operation.name),
            parameters=one.parameters,
            too_slow_s=measured.too_slow.get(one.operation.name),
        )
        for one in built.asked
    ]
    found += [
        GateOperation(
            name=one.name,
            title=one.title,
            kind=one.kind,
            in_base=built.on_base(measured.about, one.name),
            in_head=built.on_head(measured.about, one.name),
            time_wanted=False,
        )
        for one in built.undrawn
    ]
    return tuple(one for one in found if one.in_base or one.in_head)


def _comparable(built: BuiltSides, name: str, seen: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """What a saved run could have counted too; runs of the study keep no answers."""
    return seen if built.run is None else built.run.like(name, seen)


def _notes(
    built: BuiltSides,
    base: dict[str, Any],
    head: dict[str, Any],
    measured: Measurements | None,
) -> list[str]:
    notes = []
    if built.head_tree.dirty:
        notes.append("The head has changes that no commit holds; they were gated too.")
    if base and head and base["sqlite"] != head["sqlite"]:
        notes.append(
            f"The sides run different SQLite ({base['sqlite']} and {head['sqlite']}): counters "
            "and plans may differ for that reason alone."
        )
    if built.run is not None:
        notes.append(
            "The base is a saved run: its times are of another hour and were not compared; "
            "gate against a git ref to judge times."
        )
    notes += [
        f"This harness has no draw for {one.name}, so it was not measured."
        for one in built.undrawn
        if built.run is None or one.name not in built.run.seen
    ]
    if measured is not None and measured.untimed is not None:
        notes.append(f"No time was measured: {measured.untimed}")
    if measured is not None:
        notes += [
            f"Neither side's database has what {one.operation.name} needs, so it was left out."
            for one in built.asked
            if not built.on_base(measured.about, one.operation.name)
            and not built.on_head(measured.about, one.operation.name)
        ]
    unrouted = [
        one.operation.name for one in built.asked if one.operation.http and not one.requests
    ]
    if unrouted:
        notes.append(
            f"By their SQL and not by a route were executed: {', '.join(unrouted)}; what their "
            "routes do besides is not seen."
        )
    return notes
