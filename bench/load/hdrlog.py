"""HdrHistogram logs: latencies by name and second, as any HdrHistogram tool reads them.

Only the format stands here; what is written comes from records.

Format 1.3 of HdrHistogram's interval logs (github.com/HdrHistogram/HdrHistogram,
HistogramLogWriter): a line for each tag and interval, `Tag=NAME;KIND,begin,length,max,histogram`.
Begin and length are seconds, begin since the epoch; values are nanoseconds from 1 ns to 1 h, kept
to 3 significant digits; the column Interval_Max is in milliseconds. KIND is `service` or
`since_due`. A histogram of counts adds up exactly, so that logs of many processes can be merged.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from bench.errors import BenchError
from bench.load.records import Answers

SERVICE, SINCE_DUE = "service", "since_due"
KINDS = (SERVICE, SINCE_DUE)
LOWEST_NS, HIGHEST_NS, DIGITS = 1, 3_600_000_000_000, 3
SECOND_MS = 1000

Values = npt.NDArray[np.int64]

# Half the sub-buckets of 3 digits are 2 ** 10 (HdrHistogram: 2 * 10 ** digits, rounded up).
_HALF_MAGNITUDE = 10
_MASK = (1 << (_HALF_MAGNITUDE + 1)) - 1
_LINE = re.compile(r"(?:Tag=([^,\s]+),)?(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\S+)")
# No comma, blank or line break may stand in a tag; the separator and the escape are escaped too.
_PLAIN = ":/?&={}@!$'()*+[]<>|"


class BadLog(BenchError):
    """A file that is no such log, or one that cannot be merged; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Interval:
    """One line: the encoded histogram of a tag in an interval, in milliseconds since the epoch."""

    begin_ms: int
    length_ms: int
    tag: str
    histogram: str


def tag_of(name: str, kind: str) -> str:
    """The tag of a request's name; what a tag may not hold is escaped as in a URL."""
    return f"{quote(name, safe=_PLAIN)};{kind}"


def parts_of(tag: str) -> tuple[str, str]:
    """Name and kind of a tag; the kind of a tag that somebody else wrote is empty."""
    name, _, kind = tag.partition(";")
    return unquote(name), kind


def indices(values_ns: Values) -> Values:
    """Where HdrHistogram counts each value, with these bounds and digits.

    The bucket is that of the highest bit, the place in it the next bits below
    (HdrHistogram, AbstractHistogram.countsArrayIndex). frexp gives that bit exactly below 2 ** 53.
    """
    bits = np.frexp((values_ns | _MASK).astype(np.float64))[1].astype(np.int64)
    bucket = bits - (_HALF_MAGNITUDE + 1)
    sub_bucket = values_ns >> bucket
    return ((bucket + 1) << _HALF_MAGNITUDE) + sub_bucket - (1 << _HALF_MAGNITUDE)


def empty() -> HdrHistogram:
    """A histogram with this log's bounds."""
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)


class Encoder:
    """Turns values into encoded histograms; keeps one array of counters for all of them."""

    def __init__(self) -> None:
        self._histogram = empty()
        self._counts = np.frombuffer(self._histogram.counts, dtype=np.uint64)

    def encode(self, values_ns: Values) -> str:
        """One histogram of these values; longer ones than an hour count as an hour.

        Raises:
            ValueError: there is no value, or one is negative.
        """
        if not len(values_ns):
            raise ValueError("A histogram of nothing is not written; leave the interval out.")
        if values_ns.min() < 0:
            raise ValueError("A latency is negative: the clock was not monotonic.")
        held = np.minimum(values_ns, HIGHEST_NS)
        places, counts = np.unique(indices(held), return_counts=True)
        self._counts[places] = counts.astype(np.uint64)
        self._histogram.total_count = len(held)
        self._histogram.min_value, self._histogram.max_value = int(held.min()), int(held.max())
        text: str = self._histogram.encode().decode("ascii")
        self._counts[places] = 0
        return text


def decoded(text: str) -> HdrHistogram:
    """The histogram that was encoded.

    Raises:
        BadLog: the text is no histogram, or one with other bounds.
    """
    try:
        histogram = HdrHistogram.decode(text)
    # The library raises what its parts raise: struct, zlib, base64 and its own kinds.
    except Exception as error:
        raise BadLog(f"A histogram cannot be decoded ({error}); the log is damaged.") from error
    bounds = (histogram.lowest_trackable_value, histogram.highest_trackable_value)
    if (*bounds, histogram.significant_figures) != (LOWEST_NS, HIGHEST_NS, DIGITS):
        raise BadLog("A histogram has other bounds than 1 ns to 1 h with 3 digits; leave it out.")
    return histogram


def header(begun_ms: int) -> str:
    """What stands above the intervals."""
    begun = datetime.fromtimestamp(begun_ms / 1000, UTC)
    return (
        "#[Histogram log format version 1.3]\n"
        f"#[StartTime: {begun_ms / 1000:.3f} (seconds since epoch), {begun:%Y-%m-%dT%H:%M:%SZ}]\n"
        "#[Values: nanoseconds, 1 ns to 1 h, 3 significant digits; Interval_Max: milliseconds]\n"
        "#[Tags: NAME;service from sending, NAME;since_due from when the request was due; "
        "good answers only]\n"
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
    )


def line_of(interval: Interval, max_ns: int) -> str:
    """An interval as it is written."""
    return (
        f"Tag={interval.tag},{interval.begin_ms / 1000:.3f},{interval.length_ms / 1000:.3f},"
        f"{max_ns / 1e6:.3f},{interval.histogram}\n"
    )


def lines(
    encoder: Encoder, begin_ms: int, length_ms: int, by_tag: Mapping[str, Values]
) -> Iterator[str]:
    """The lines of one interval, tags in order; one at a time, so that others run in between."""
    for tag in sorted(by_tag):
        values_ns = by_tag[tag]
        if len(values_ns):
            interval = Interval(begin_ms, length_ms, tag, encoder.encode(values_ns))
            yield line_of(interval, min(int(values_ns.max()), HIGHEST_NS))


def write_answers(path: Path, answers: Answers, begun_ms: int) -> None:
    """Write good answers as a log of whole seconds; `begun_ms` is when the schedule began.

    A request counts in the second in which its answer ended.
    """
    encoder = Encoder()
    good = answers.where(answers.good)
    second = good.ended_ns // 1_000_000_000
    with path.open("x", encoding="ascii") as file:
        file.write(header(begun_ms))
        for number in np.unique(second).tolist():
            part = good.where(second == number)
            file.writelines(
                lines(encoder, begun_ms + SECOND_MS * number, SECOND_MS, by_tag_of(part))
            )


def by_tag_of(answers: Answers) -> dict[str, Values]:
    """Service time and time since due of answers, by tag."""
    by_tag: dict[str, Values] = {}
    for name in np.unique(answers.name.astype(str)).tolist():
        chosen = answers.name == name
        by_tag[tag_of(name, SERVICE)] = answers.service_ns[chosen]
        by_tag[tag_of(name, SINCE_DUE)] = answers.since_due_ns[chosen]
    return by_tag


def read(path: Path) -> Iterator[Interval]:
    """The intervals of a log, one after another.

    Raises:
        BadLog: the file is no such log.
        OSError: it cannot be read.
    """
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.startswith(("#", '"')):
                continue
            matched = _LINE.fullmatch(line.rstrip("\n"))
            if matched is None or not line.endswith("\n"):
                raise BadLog(f"{path}: line {number} is no interval of an HdrHistogram log.")
            tag, begin, length, _, histogram = matched.groups()
            yield Interval(_ms(begin), _ms(length), tag or "", histogram)


def _ms(seconds: str) -> int:
    return round(float(seconds) * 1000)


def merged(logs: Iterable[Iterable[Interval]]) -> list[Interval]:
    """One log of several: histograms of equal tags and intervals are added up.

    In order of time, then of tags; counts are exactly those of one log of all requests.

    Raises:
        BadLog: a histogram is damaged or has other bounds.
    """
    parts: dict[tuple[int, int, str], list[str]] = {}
    for log in logs:
        for interval in log:
            key = (interval.begin_ms, interval.length_ms, interval.tag)
            parts.setdefault(key, []).append(interval.histogram)
    return [Interval(*key, _sum(parts[key])) for key in sorted(parts)]


def _sum(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        decoded(texts[0])
        return texts[0]
    whole = decoded(texts[0])
    for text in texts[1:]:
        whole.add(decoded(text))
    encoded: str = whole.encode().decode("ascii")
    return encoded


def totals(log: Iterable[Interval]) -> dict[str, HdrHistogram]:
    """All intervals of each tag as one histogram, tags in order.

    Raises:
        BadLog: a histogram is damaged or has other bounds.
    """
    by_tag: dict[str, HdrHistogram] = {}
    for interval in log:
        by_tag.setdefault(interval.tag, empty()).add(decoded(interval.histogram))
    return {tag: by_tag[tag] for tag in sorted(by_tag)}


def quantiles(histogram: HdrHistogram, shares: Sequence[float]) -> list[int]:
    """The highest value equivalent to each quantile, in ns.

    Of n values that of rank ceil(share * n), as HdrHistogram in Java and JavaScript has it; the
    library here rounds the rank instead, which gives a smaller one of few values.

    Raises:
        ValueError: the histogram is empty.
    """
    total = histogram.get_total_count()
    if not total:
        raise ValueError("An empty histogram has no quantile; leave it out.")
    below = np.cumsum(np.frombuffer(histogram.counts, dtype=np.uint64))
    values = []
    for share in shares:
        # What a product of floats has too much must not count as another value.
        count = max(math.ceil(share * total - 1e-9), 1)
        index = int(np.searchsorted(below, count))
        value = histogram.get_value_from_index(index)
        values.append(int(histogram.get_highest_equivalent_value(value)))
    return values


def write(path: Path, log: Sequence[Interval]) -> None:
    """Write a log, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    begun_ms = min((interval.begin_ms for interval in log), default=0)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with half.open("w", encoding="ascii") as file:
            file.write(header(begun_ms))
            for interval in log:
                file.write(line_of(interval, decoded(interval.histogram).get_max_value()))
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
