"""Where each figure of the page comes from: a JSON file beside it and a pointer into it.

Room show: looks places up in the documents of a report; nothing is computed or opened.
A source is `comparison.json#/operations/12`: a file, and a JSON pointer (RFC 6901) to
the smallest part in which all figures of a row stand. Several are parted by spaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.show.report import Report
from bench.show.view import families

_COUNTED_FROM = "comparison.json#/operations claims.json#/claims migration.json#/arms"

_PICTURES = {
    "operations": "comparison.json#/operations claims.json#/claims",
    "claims": "claims.json#/claims comparison.json#/operations",
}


def headline(report: Report) -> str:
    """The place of the verdict's figures; of a run that does not keep them, what they come from."""
    return at("claims", "headline") if "headline" in report.claims else _COUNTED_FROM


def at(file: str, *path: str | int) -> str:
    """The source `path` steps into a file's document."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return f"{file}.json#" + "".join(f"/{_encoded(step)}" for step in steps)


def _encoded(step: str) -> str:
    """A step as it stands in an address: percent-encoded UTF-8 (RFC 3986, section 2.1)."""
    plain = set("-._~")
    return "".join(
        letter
        if letter in plain or (letter.isascii() and letter.isalnum())
        else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in step
    )


def picture(name: str) -> str:
    """The source of a picture's figures: a document of its own name where no other is known."""
    return _PICTURES.get(name) or at(name.partition("-")[0])


def links(source: str) -> list[tuple[str, str]]:
    """Each part of a source and the file that it names, for links."""
    return [(part, part.partition("#")[0]) for part in source.split()]


def _place(entries: Sequence[Mapping[str, Any]], **wanted: Any) -> int:
    """The first entry that has these values; the documents were shown from it, so it is there."""
    return next(
        position
        for position, entry in enumerate(entries)
        if all(entry.get(key) == value for key, value in wanted.items())
    )


def operation(report: Report, name: str) -> str:
    """The place of an operation in comparison.json."""
    return at("comparison", "operations", _place(report.comparison["operations"], name=name))


def family(report: Report, key: str) -> str:
    """The places of a family's operations."""
    found = next(group for group in families(report) if group.key == key)
    return " ".join(operation(report, entry.name) for entry in found.operations)


def claim(report: Report, name: str) -> str:
    """The place of a claim and of what its operations measured."""
    return at("claims", "claims", _place(report.claims["claims"], id=name))


def title(report: Report, name: str) -> str:
    """The place of an operation's title; empty where it has none."""
    known = [entry["name"] for entry in report.comparison["operations"]]
    return at("comparison", "operations", known.index(name), "title") if name in known else ""


def shape(report: Report, name: str) -> str:
    """The place of a published shape in realism.json."""
    return at("realism", "shapes", _place(report.realism, name=name))


def four(report: Report) -> tuple[str, str, str, str]:
    """The places of the verdict's four figures, in their order."""
    told = headline(report)
    worst = report.headline.worst
    return told, told, operation(report, worst[0]) if worst else told, told
