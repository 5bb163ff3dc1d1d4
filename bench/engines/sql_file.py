"""SQL files that a user brings, read as text."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError


def read_sql(path: Path) -> str:
    """Read a file of SQL, every character as it is but for a byte order mark at its beginning.

    Raises:
        BenchError: it cannot be read, or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from None
    except UnicodeDecodeError:
        raise BenchError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    # UTF-16 without a mark: every second byte is zero, which UTF-8 allows.
    if "\0" in text:
        raise BenchError(f"{path} is not UTF-8 text, or holds NUL characters; save it as UTF-8.")
    return text
