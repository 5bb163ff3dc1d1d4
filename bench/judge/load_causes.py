"""Why a request got slower or faster under load: the application's counters put into words.

Judging room: no file, no clock, no database may enter. The words follow from the averages alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.judge.figures import significant

# Averages of one tape on two databases of equal content; less apart is how retries fell.
_SAME = 0.02


def load_cause(
    base: Mapping[str, float] | None, arm: Mapping[str, float] | None, *, slower: bool
) -> str | None:
    """What moved in SQLite's work for one request, beside a shift of its latency.

    None where a lane was not counted. Where the work did not move as the time did, the sentence
    says so: under load a request also waits for the others.
    """
    if base is None or arm is None:
        return None
    parts = [_steps(base, arm), _scanned(base, arm), _sorted(base, arm), _indexed(base, arm)]
    found = "; ".join(part for part in parts if part)
    moved = _ratio(base, arm, "vm_steps")
    explained = moved is not None and (moved > 1 + _SAME if slower else moved < 1 - _SAME)
    words = (
        f"{found[0].upper()}{found[1:]}." if found else "SQLite's work for a request is the same."
    )
    if explained:
        return words
    more = "more" if slower else "less"
    return (
        f"{words} That does not tell where the time goes: it waits {more} behind other "
        f"requests, or a step costs {more}."
    )


def _ratio(base: Mapping[str, float], arm: Mapping[str, float], key: str) -> float | None:
    old, new = base.get(key, 0.0), arm.get(key, 0.0)
    return new / old if old > 0 else None


def _moved(old: float, new: float) -> bool:
    return abs(new - old) > _SAME * max(old, new)


def _steps(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("vm_steps", 0.0), arm.get("vm_steps", 0.0)
    if not _moved(old, new):
        return None
    figures = f"({_whole(new)} for {_whole(old)})"
    if old <= 0:
        return f"SQLite takes {_whole(new)} steps a request where it took none"
    if new > old:
        return f"SQLite takes {significant(new / old)} times the steps a request {figures}"
    return f"SQLite takes fewer steps a request {figures}"


def _scanned(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("fullscan_steps", 0.0), arm.get("fullscan_steps", 0.0)
    if not _moved(old, new):
        return None
    if new <= 0:
        return f"no row is read by scanning a table any more ({_whole(old)} before)"
    if old <= 0:
        return f"{_whole(new)} rows are read by scanning tables, where none was"
    return f"{_whole(new)} rows are read by scanning tables instead of {_whole(old)}"


def _sorted(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("sorts", 0.0), arm.get("sorts", 0.0)
    if not _moved(old, new):
        return None
    if new <= 0:
        return "nothing is sorted any more"
    return f"it sorts {significant(new)} times a request instead of {significant(old)}"


def _indexed(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("autoindexes", 0.0), arm.get("autoindexes", 0.0)
    if not _moved(old, new):
        return None
    return f"automatic indexes take {significant(new)} rows a request instead of {significant(old)}"


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else significant(value)
