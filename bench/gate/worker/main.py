r"""The process of one side: it runs the code of one tree, and no other.

    python -m bench.gate.worker.main --adapter MODULE:CLASS --source PATH \
        --database FILE --files PATH

It reads commands from standard input and answers on what was its standard output, one line
of JSON each; what the tree's code prints goes to standard error. `--source` is a tree, or a file
of queries; `--files` a path that the adapter adds suffixes to.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.engines.sqlite.values import from_json, to_json

if TYPE_CHECKING:
    from bench.gate.worker.adapter import Adapter

# From sys/personality.h.
_ADDR_NO_RANDOMIZE = 0x0040000
_FIXED = "GATE_ADDRESSES_FIXED"


def fix_addresses() -> None:
    """Start this process anew without a random layout of its memory, where that is allowed.

    Where things lie decides which of them share a place in the processor's caches: two
    processes of equal code would differ by per cents, each for as long as it lives (Mytkowicz
    et al. 2009, "Producing Wrong Data Without Doing Anything Obviously Wrong!").
    """
    if os.environ.get(_FIXED) is not None or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        have = libc.personality(0xFFFFFFFF)
        # A container may forbid it; noise is measured in any case.
        if have >= 0 and libc.personality(have | _ADDR_NO_RANDOMIZE) >= 0:
            os.environ[_FIXED] = "1"
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def load_adapter(name: str) -> Callable[[Path, Path, Path], Adapter]:
    """What makes the adapter that is named as MODULE:CLASS; see `Adapter` for its arguments."""
    module, _, made = name.partition(":")
    adapter: Callable[[Path, Path, Path], Adapter] = getattr(importlib.import_module(module), made)
    return adapter


def serve(
    commands: Mapping[str, Callable[..., Any]], lines: Any, write: Callable[[bytes], Any]
) -> None:
    """Answer commands until there are no more; an error of the tree's code is an answer too."""
    for line in lines:
        command = json.loads(line, object_hook=from_json)
        try:
            answer = {"ok": commands[command.pop("do")](**command)}
        except Exception as error:
            text = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__}
        write(json.dumps(answer, default=to_json).encode() + b"\n")


def main() -> None:
    """Parse, take over the output, load the adapter, answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate.worker.main", description=__doc__)
    parser.add_argument("--adapter", required=True)
    for name in ("--source", "--database", "--files"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    fix_addresses()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    # First of all: what it imports of a tree has to be found there.
    adapter = load_adapter(options.adapter)(options.database, options.source, options.files)
    from bench.gate.worker.answers import Answers
    from bench.gate.worker.counts import CounterWorker
    from bench.gate.worker.timing import TimingWorker

    counts, timing = CounterWorker(adapter), TimingWorker(adapter)
    commands: dict[str, Callable[..., Any]] = {
        "about": adapter.about,
        "answer": Answers(adapter).answer,
        "observe": counts.observe,
        "plans": counts.plans,
        "open": timing.open,
        "prepare": timing.prepare,
        "slice": timing.time_slice,
    }
    serve(commands, sys.stdin, answers.write)


if __name__ == "__main__":
    main()
