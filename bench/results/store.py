"""The only reader and writer of results/: a run's folder is complete or absent.

A run is written under a temporary name, which tells the process that writes it, and
renamed when it is whole. Samples are Parquet, documents are JSON.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.measure import scratch
from bench.results.documents import HELD, MODELS, RunDocuments
from bench.results.model import Document

MICRO_KEYS = ("machine_info", "benchmarks")
# What makes a document anew, where it is not `evidence`.
_COMMANDS = {
    **dict.fromkeys(HELD, "run"), "load": "load", "live": "live", "capacity": "capacity",
}  # fmt: skip
_UNFINISHED = re.compile(r".*\.partial(-\d+)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@contextmanager
def new_run(results: Path, name: str) -> Iterator[Path]:
    """A folder to write a run into; it bears its final name once the block has ended well.

    After a failure or an interruption nothing is left; what killed processes
    left is removed first.

    Raises:
        BenchError: the name is taken or unusable, or a living process is
            making a run of that name.
    """
    check_name(results, name)
    scratch.remove_left(results, scratch.PARTIAL)
    results_existed = results.exists()
    partial = results / scratch.partial_name(name)

    def make() -> Path:
        partial.mkdir(parents=True)
        return partial

    try:
        with scratch.held(make):
            try:
                # Another one may have begun since: both see each other, before either has measured.
                check_name(results, name, mine=partial)
                yield partial
                _sync(partial)
                partial.rename(results / name)
            except BaseException:
                scratch.remove(partial)
                raise
            scratch.finished(results / name)
    except BaseException:
        if not results_existed:
            with suppress(OSError):
                results.rmdir()
        raise


def check_name(results: Path, name: str, *, mine: Path | None = None) -> None:
    """Refuse a run's name that cannot be used; `mine` is this process's own unfinished run.

    Raises:
        BenchError: see `new_run`.
    """
    if not _NAME.fullmatch(name) or _UNFINISHED.fullmatch(name):
        raise BenchError(
            f"{name!r} cannot be a run's name; use letters, digits, dots, dashes and underscores."
        )
    if (results / name).exists():
        raise BenchError(
            f"There is already a run {results / name}; choose another --name or remove it."
        )
    for path in results.glob(f"{name}.partial-*"):
        if path == mine or not scratch.PARTIAL.fullmatch(path.name):
            continue
        if scratch.is_held(path):
            raise BenchError(
                f"An unfinished run is in the way: the process {path.suffix.rpartition('-')[2]} "
                f"is writing {path}; wait for it, or choose another --name."
            )


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def write_json(path: Path, document: Document | Mapping[str, Any] | list[Any]) -> None:
    """Write one document."""
    values = document.json_values() if isinstance(document, Document) else document
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def replace_json(path: Path, document: Document | Mapping[str, Any]) -> None:
    """Write one document into a folder that is whole already: all of it, or nothing of it."""
    partial = path.with_name(scratch.partial_name(path.name))
    try:
        write_json(partial, document)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_run(folder: Path) -> RunDocuments:
    """Every document of a finished run; of the optional ones those that it holds.

    Raises:
        BenchError: there is no such run, it is unfinished, or a document is unreadable,
            of another version or without what it must hold.
    """
    if _UNFINISHED.fullmatch(folder.name):
        raise BenchError(f"{folder} is an unfinished run; wait for it or start it again.")
    if not (folder / "run.json").is_file():
        raise BenchError(f"{folder} is no run's folder: it has no run.json; check the path.")
    documents: dict[str, Any] = {}
    for name, model in MODELS.items():
        if name in HELD or (folder / f"{name}.json").is_file():
            values = _document(folder, name, ("schema_version",), model.version())
            command = _COMMANDS.get(name, f"evidence --run {folder}")
            documents[name] = model.read(values, name=name, command=command)
    _document(folder, "micro", MICRO_KEYS)
    return RunDocuments(**documents)


def _document(
    folder: Path, name: str, keys: tuple[str, ...], version: int | None = None
) -> dict[str, Any]:
    try:
        document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BenchError(
            f"The run {folder} is not whole: {name}.json is missing; start it again."
        ) from error
    except ValueError as error:
        raise BenchError(
            f"The run {folder} is damaged: {name}.json is not JSON; start it again."
        ) from error
    lacks = [key for key in keys if key not in document] if isinstance(document, dict) else keys
    if lacks:
        raise BenchError(
            f"The run {folder} is damaged: {name}.json lacks {', '.join(lacks)}; start it again."
        )
    if version is not None and document["schema_version"] != version:
        raise BenchError(
            f"The run {folder} was written by another version: {name}.json has schema_version "
            f"{document['schema_version']}, not {version}; start it again."
        )
    return dict(document)
