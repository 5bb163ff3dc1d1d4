"""Raw latencies of anybody's locustfile, by one import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from bench.load import hdrlog
from bench.load.interval_stats import CUT_OFF

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "tests" / "bench" / "fixtures" / "tiny_server.py"
# It ends by a count and not by a time, which a busy machine may pass before the first request.
LOCUSTFILE = """
import bench.load.locust.recording
import gevent
from locust import FastHttpUser, task

class Reader(FastHttpUser):
    asked = 0

    @task
    def page(self):
        self.client.get("/page")
        self.client.get("http://127.0.0.1:9/", name="nobody")
        Reader.asked += 1
        if Reader.asked == 20:
            gevent.spawn(self.environment.runner.quit)
"""


def test_a_locustfile_of_a_few_lines_records_raw_latencies(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    server = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        done = subprocess.run(
            [sys.executable, "-m", "locust", "--headless", "--only-summary", "--host", url,
             "-u", "2", "-r", "2", "--load-log", "log"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        asked = httpx.get(f"{url}/counted").json()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    assert "Traceback" not in done.stderr
    # 1: requests have failed, as they should; 3: the machine was too busy for a valid run.
    assert done.returncode in (1, 3), done.stderr
    log = tmp_path / "log"
    answered = int(hdrlog.totals(hdrlog.read(log / "merged.hlog"))["/page;service"].total_count)
    # What was under way when the users left was asked and not answered.
    assert 20 <= answered <= asked <= answered + 2
    summary = json.loads((log / "summary.json").read_text("utf-8"))
    assert 20 <= summary["errors"]["nobody"]["connection refused"] <= asked
    assert summary["errors"].get("/page", {}).keys() <= {CUT_OFF}
    [generator] = summary["generators"]
    assert generator["ended"]
