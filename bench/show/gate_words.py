"""What every output of the gate says alike: its headline, its order, its figures.

Room show: values of gate.json in, text out. Nothing is measured or decided here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import units

# The order in which a reader wants them: what needs a hand first.
ORDER = ("regression", "inconclusive", "missing", "new", "improved", "pass")
SHAPES = {
    "regression": "✖",
    "inconclusive": "?",
    "missing": "−",
    "new": "+",
    "improved": "▲",
    "pass": "✔",
}
_NAMED = 4


# Controls but for white space, and what turns the direction of text.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(value: object) -> str:
    """Text in which no character acts on a terminal or on the order of what is read."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", str(value))


def named(doc: Mapping[str, Any], verdict: str) -> list[str]:
    """The names of the operations with this verdict."""
    return [entry["name"] for entry in doc["operations"] if entry["verdict"] == verdict]


def ordered(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The operations, what needs a hand first; those of one verdict as gate.json has them."""
    return sorted(doc["operations"], key=lambda entry: ORDER.index(entry["verdict"]))


def headline(doc: Mapping[str, Any]) -> str:
    """The verdict in one sentence."""
    verdict, total = doc["verdict"], len(doc["operations"])
    if verdict == "incomparable":
        return "Gate: incomparable; nothing was compared."
    worse = named(doc, "regression")
    # A missing operation is what is undecided where nothing else is.
    undecided = named(doc, "inconclusive") or named(doc, "missing")
    if verdict == "regression":
        losses = (doc.get("migration") or {}).get("losses")
        parts = [f"{len(worse)} of {total} operations: {_some(worse)}"] if worse else []
        parts += ["what the migration takes away or breaks"] if losses else []
        return f"Gate: regression in {', and in '.join(parts)}."
    if verdict == "inconclusive":
        what = f"{len(undecided)} of {total} operations: {_some(undecided)}" if undecided else None
        return f"Gate: inconclusive{f' on {what}' if what else ''}; that is not a pass."
    return f"Gate: pass; none of {total} operations got worse."


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def time_text(entry: Mapping[str, Any]) -> str:
    """Median times of base and head."""
    found = entry["time"]
    if found is None:
        return units.DASH
    base, head = (units.duration(found[f"{side}_median_ns"]) for side in ("base", "head"))
    return f"{base} → {head}"


def ratio_text(entry: Mapping[str, Any]) -> str:
    """Head's time / base's time with its interval."""
    found = entry["time"]
    if found is None or found["ratio"] is None:
        return units.DASH
    groups = [one for one in entry.get("by_plan") or () if one["ratio"] is not None]
    if groups:
        return f"{' / '.join(units.times(one['ratio']) for one in groups)}, by plan"
    return _ratio(found)


def steps_text(entry: Mapping[str, Any]) -> str:
    """SQLite's steps in base and head, exact; one figure where they are equal."""
    found = entry["exact"]
    if found is None:
        return units.DASH
    sides = [found[side] for side in ("base", "head")]
    steps = [units.DASH if side is None else units.whole(side["vm_steps"]) for side in sides]
    return steps[0] if steps[0] == steps[1] else " → ".join(steps)


def changes_text(entry: Mapping[str, Any]) -> str:
    """The counters that moved, such as `vm_steps 120 → 9,120`."""
    found = entry["exact"]
    if found is None:
        return ""
    parts = [
        f"{change['counter']} {_count(change['base'])} → {_count(change['head'])}"
        for change in found["changes"]
    ]
    if found["plan_changed"]:
        parts.append("another plan")
    if found["answers_equal"] is False:
        parts.append("another answer")
    return ", ".join(parts)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def plans_of_parameters(entry: Mapping[str, Any]) -> list[str]:
    """What each plan took, where parameter sets run different ones; a line each, then its plan."""
    lines = []
    for one in entry.get("by_plan") or ():
        more = one["draws"] - len(one["parameters"])
        whose = "; ".join(one["parameters"]) + (f" and {more} more" if more else "")
        steps = [None if one[side] is None else one[side]["vm_steps"] for side in ("base", "head")]
        parts = [
            None if None in steps else f"steps {steps[0]:,} → {steps[1]:,}",
            None if one["ratio"] is None else f"head / base {_ratio(one)}",
        ]
        told = ", ".join(part for part in parts if part)
        lines.append(f"for {' '.join(whose.split())}: {told or 'not counted'}")
        for side in ("base", "head"):
            lines += [f"  {side}: {line}" for line in one["plans"][side]]
    return lines


def _ratio(found: Mapping[str, Any]) -> str:
    if found["ci95"] is None:
        return units.times(found["ratio"])
    low, high = found["ci95"]
    return f"{units.times(found['ratio'])} ({units.significant(low)} to {units.significant(high)})"


def rows_that_differ(entry: Mapping[str, Any]) -> list[str]:
    """The first rows that differ between the sides, a line each; none where answers are equal."""
    found = entry.get("difference")
    if found is None or not found["rows"]:
        return []
    whose = f", for {found['parameters']}" if found["parameters"] else ""
    lines = [f"the first that differ{whose}:"]
    for row in found["rows"]:
        place = "" if row["row"] is None else f"row {row['row']:,}, "
        for side in ("base", "head"):
            told = "no such row" if row[side] is None else row[side]
            lines.append(f"  {place}{side}: {' '.join(str(told).split())}")
    return lines


def why(entry: Mapping[str, Any]) -> str:
    """Message and cause in one text; empty where there is nothing to say."""
    return " ".join(part for part in (entry["message"], entry["cause"]) if part)


def besides(doc: Mapping[str, Any]) -> list[str]:
    """The reasons that are of the whole, not of one operation that speaks for itself."""
    starts = tuple(f"{entry['name']}: " for entry in doc["operations"])
    return [reason for reason in doc["reasons"] if not (starts and reason.startswith(starts))]


def machine_text(value: object) -> str:
    """What is told of the machine, a list as numbers of two places."""
    if isinstance(value, list):
        return ", ".join(f"{part:.2f}" if isinstance(part, float) else str(part) for part in value)
    return str(value)


def side_text(name: str, side: Mapping[str, Any]) -> str:
    """What a side was, in one line."""
    commit = (side["commit"] or "")[:12]
    parts = [
        f"commit {commit}{' with changes' if side['dirty'] else ''}" if commit else None,
        f"arm {side['arm']}" if side["arm"] else None,
        f"SQLite {side['sqlite_version']}" if side["sqlite_version"] else None,
        f"Python {side['python']}" if side["python"] else None,
        f"content {side['content_hash'][:12]}" if side["content_hash"] else None,
    ]
    told = ", ".join(part for part in parts if part)
    return f"{name}: {side['what']}" + (f" ({told})" if told else "")


def size_text(doc: Mapping[str, Any]) -> str:
    """Size of the data and the time that the gate took."""
    size, seconds = doc["size"], doc["seconds"]
    parts = []
    if size and size.get("products") is not None:
        parts.append(f"{size['products']:,} products, {size['events']:,} events")
    elif size and size.get("bytes") is not None:
        parts.append(f"a database of {units.size(size['bytes'])}")
    floor = (doc["noise_floor"] or {}).get("floor")
    if floor and doc["operations"]:
        parts.append(f"noise floor {units.share(floor)}")
    if seconds and seconds.get("whole") is not None:
        parts.append(f"{seconds['whole']:.0f} s")
    return ", ".join(parts)
