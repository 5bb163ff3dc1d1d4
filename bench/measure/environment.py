"""What the machine and the software are, as a run records them."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import cpuinfo
import psutil

from bench.engines.registry import engine_of
from bench.study import Study

PACKAGES = (
    "apsw", "adbc-driver-sqlite", "faker", "fastapi", "locust", "matplotlib", "numpy",
    "pyarrow", "pytest-benchmark", "uvicorn",
)  # fmt: skip


def environment(study: Study) -> dict[str, Any]:
    """CPU, cores, memory, operating system, Python, engine and package versions."""
    return {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.processor() or "unknown"),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **engine_of(study).environment(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "load_average": list(os.getloadavg()),
    }


def commit(folder: Path) -> str | None:
    """The git commit of the checkout that `folder` lies in, with "+changes" if it was altered.

    None outside a checkout, or where git is missing.
    """
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+changes" if changed else head
