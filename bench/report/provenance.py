"""Where a figure comes from: a JSON file beside the report and a pointer into it (RFC 6901).

`comparison.json#/operations/12` is the smallest part in which all figures of a row stand.
Several are parted by spaces.
"""

from __future__ import annotations


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
