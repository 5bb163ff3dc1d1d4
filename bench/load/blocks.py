"""From raw answers to what is judged and drawn.

Verdicts, intervals and validity are bench.judge's.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import numpy.typing as npt

from bench.judge.load import ALL, BlockTimes, LoadBlock, percentiles, timeline
from bench.load.ab_test import Block, LoadOutcome
from bench.load.records import Answers, Times, merged
from bench.load.schedule import Schedule
from bench.load.servers import Counters
from bench.results.load import Curve, TimelineSecond
from bench.study.service import Request

LEAST_FOR_A_CURVE = 100
"""An operation with fewer good answers has no curve of its own: its tail would be one request."""
_PARAMETER = re.compile(r"\{[^{}]*\}")


def load_blocks(outcome: LoadOutcome) -> list[LoadBlock]:
    """What is judged of each block."""
    return [_judged(block, outcome) for block in outcome.blocks]


def _judged(block: Block, outcome: LoadOutcome) -> LoadBlock:
    warm_up_s = outcome.profile.warm_up_seconds
    counted = without_warm_up(block.sent.result.answers, warm_up_s)
    good = counted.where(counted.good)
    bad = counted.where(~counted.good)
    errors: dict[str, Counter[str]] = defaultdict(Counter)
    for name, error in zip(bad.name.tolist(), bad.error.tolist(), strict=True):
        errors[name][error] += 1
    return LoadBlock(
        arm=block.series,
        group=block.group,
        position=block.position,
        seconds=counted_seconds(counted, warm_up_s, outcome.profile.seconds),
        since_due_ns=_by_name(good.name, good.since_due_ns),
        service_ns=_by_name(good.name, good.service_ns),
        scheduled=dict(Counter(counted.name.tolist())),
        errors={name: dict(kinds) for name, kinds in errors.items()},
        late=int(counted.late.sum()),
        missed=int(counted.unsent.sum()),
        cpu_share=block.sent.result.cpu_share,
        server_cpu_s=block.sent.server_cpu_s,
        counters=by_operation(block.sent.counters, outcome.schedules[block.group]),
        begun_at_ns=block.sent.begun_at_ns,
    )


def without_warm_up(answers: Answers, warm_up_s: float) -> Answers:
    """Those that were due once the warm-up was over."""
    return answers.where(answers.due_ns >= round(warm_up_s * 1e9))


def counted_seconds(counted: Answers, warm_up_s: float, seconds: float) -> float:
    """How long a block took from the end of its warm-up until its last answer was there.

    It is never shorter than what was planned. A server that cannot keep up answers on after
    the last request was due, and its requests per second tell so.
    """
    last_ns = int(counted.ended_ns[counted.good].max(initial=0))
    return max(seconds, last_ns / 1e9 - warm_up_s)


def _by_name(names: npt.NDArray[np.object_], values_ns: Times) -> dict[str, tuple[int, ...]]:
    times_by_name: dict[str, list[int]] = defaultdict(list)
    for name, value_ns in zip(names.tolist(), values_ns.tolist(), strict=True):
        times_by_name[name].append(value_ns)
    return {name: tuple(values) for name, values in times_by_name.items()}


def by_operation(counters: Counters, schedule: Schedule) -> dict[str, Mapping[str, int]]:
    """The counters of each of the schedule's operations, as far as its endpoint was counted.

    Those of the warm-up are in them. An endpoint that is no operation's is left out.
    """
    first = {scheduled.name: scheduled.request for scheduled in reversed(schedule.requests)}
    by_name: dict[str, Mapping[str, int]] = {}
    for name in sorted(first):
        endpoint = endpoint_of(first[name], counters)
        if endpoint is not None:
            by_name[name] = counters[endpoint]
    return by_name


def endpoint_of(request: Request, endpoints: Iterable[str]) -> str | None:
    """Which of the service's endpoints a request went to.

    An endpoint is `METHOD /path/{parameter}?name=&other=`, its query's names sorted. Of several
    paths that fit, the one with the fewest parameters is meant.
    """
    address = urlsplit(request.path)
    names = sorted({name for name, _ in parse_qsl(address.query, keep_blank_values=True)})
    fitting = [
        endpoint for endpoint in endpoints if _fits(endpoint, request.method, address.path, names)
    ]
    return min(fitting, key=lambda endpoint: (endpoint.count("{"), endpoint), default=None)


def _fits(endpoint: str, method: str, path: str, names: Sequence[str]) -> bool:
    verb, _, address = endpoint.partition(" ")
    template, _, query = address.partition("?")
    if verb != method or sorted(part.partition("=")[0] for part in query.split("&") if part) != [
        *names
    ]:
        return False
    pattern = "[^/]+".join(map(re.escape, _PARAMETER.split(template)))
    return re.fullmatch(pattern, path) is not None


def series_answers(outcome: LoadOutcome, series: str) -> Answers:
    """All counted answers of a series, in the order in which they were due in their blocks."""
    return merged(
        [
            without_warm_up(block.sent.result.answers, outcome.profile.warm_up_seconds)
            for block in outcome.blocks
            if block.series == series
        ]
    )


def curves(outcome: LoadOutcome) -> dict[str, dict[str, Curve]]:
    """Time since due by share of good answers: by series, then for all and by operation."""
    curves: dict[str, dict[str, Curve]] = {}
    for series in outcome.series:
        answers = series_answers(outcome, series)
        good = answers.where(answers.good)
        curves[series] = {ALL: percentiles(good.since_due_ns)}
        for name, count in sorted(Counter(good.name.tolist()).items()):
            if count >= LEAST_FOR_A_CURVE:
                curves[series][name] = percentiles(good.since_due_ns[good.name == name])
    return curves


def timelines(outcome: LoadOutcome) -> dict[str, tuple[TimelineSecond, ...]]:
    """Each series second by second since its blocks began, the warm-up included."""
    return {
        series: timeline(
            [
                BlockTimes(answers.due_ns, answers.ended_ns, answers.good)
                for answers in (
                    block.sent.result.answers for block in outcome.blocks if block.series == series
                )
            ]
        )
        for series in outcome.series
    }
