"""Where a figure comes from: a JSON file beside the report and a pointer into it (RFC 6901).

`comparison.json#/operations/12` is the smallest part in which all figures of a row stand.
Several are parted by spaces.
"""

from __future__ import annotations

import string

# Characters of an address that need no escape (RFC 3986, section 2.3).
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}-._~".encode())


def at(file: str, *path: str | int) -> str:
    """The source `path` steps into a file's document, percent-encoded as in an address."""
    steps = (str(step).replace("~", "~0").replace("/", "~1").encode() for step in path)
    encoded = ("".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in step) for step in steps)
    return f"{file}.json#" + "".join(f"/{step}" for step in encoded)
