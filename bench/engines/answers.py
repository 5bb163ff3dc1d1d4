"""Answers, as short as two of them can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bench.engines.base import Value


def answer_hash(rows: Sequence[Sequence[Value]], *, ordered: bool = True) -> str:
    """A hash of an answer, its rows and, where it is `ordered`, their order (blake2b, hex)."""
    digest = hashlib.blake2b(digest_size=16)
    for row in rows if ordered else sorted(rows, key=repr):
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
