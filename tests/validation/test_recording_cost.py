"""What recording costs Locust: the figures from fabricated runs."""

from __future__ import annotations

import pytest

from bench.judge.stats import TooFewRounds
from tests.validation import recording_cost
from tests.validation.recording_cost import Speed, cost_of, per_second, to_text


def test_requests_per_second_are_from_start_to_the_last_answer() -> None:
    told = [
        {"num_requests": 30, "start_time": 10.0, "last_request_timestamp": 13.0},
        {"num_requests": 10, "start_time": 10.5, "last_request_timestamp": 14.0},
    ]
    assert per_second(told) == 10


def test_a_ratio_is_taken_within_a_pair() -> None:
    plain = [Speed(100.0 * nth, 1000 * nth) for nth in range(1, 8)]
    recorded = [Speed(98.0 * nth, 1250 * nth) for nth in range(1, 8)]
    found = cost_of(plain, recorded)
    assert (found.ratio, found.ci95) == (0.98, (0.98, 0.98))
    assert (found.cpu_ratio, found.cpu_ci95) == (0.8, (0.8, 0.8))
    assert "requests/s  98.0% (98.0% to 98.0%), processor  80.0%" in to_text(found)
    with pytest.raises(TooFewRounds):
        cost_of(plain[:3], recorded[:3])


def test_wrong_options_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        recording_cost.main(["--seconds", "0"])
    assert "at least 1" in capsys.readouterr().err
