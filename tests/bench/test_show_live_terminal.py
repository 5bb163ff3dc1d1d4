"""The live migration in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from bench.show.live_terminal import render_live

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "live.json"


def test_a_way_is_named_once_and_no_standstill_is_none() -> None:
    document = json.loads(REFERENCE.read_bytes())
    for way in document["ways"]:
        way |= {"longest_write_stall_ns": 0, "longest_read_stall_ns": None}
    text = render_live(document)
    assert "reported: as reported" not in text
    assert "as reported: one statement after another" in text
    assert text.count("longest standstill: writes none, reads –") == len(document["ways"])
    assert "writes 0 ns" not in text
