"""The requests of a load, each on both lanes: times, effect and cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.text import anchor, sentence_case
from bench.results.load import ALL, LaneFigures, LatencyQuantiles, Load, RequestLoad

LABELS = {"p50": "p50", "p95": "p95", "p99": "p99", "p999": "p99.9"}
NOT_JUDGED = "not judged"
MOVED = ("faster", "slower")
_RANKS = {"slower": 0, "faster": 1, "same": 2}
_SHOWN = ("p50", "p95", "p99")


def requests_table(load: Load, arms: Arms, titles: Mapping[str, str]) -> blocks.Table:
    """All requests together, then each kind of them; slower ones stand first."""
    base, arm = arms.label(load.base), arms.label(load.arm)
    rows = [_row(load, load.judged.overall, arms, titles, at("load", "judged", "overall"))]
    for request in ordered(load):
        place = at("load", "judged", "operations", load.judged.operations.index(request))
        source = f"{place} {title_source(request.name, titles)}".rstrip()
        rows.append(_row(load, request, arms, titles, source))
    return blocks.Table(
        (
            *blocks.columns("Request", figures=_SHOWN),
            blocks.Column(f"{arm} against {base}", "effect"),
            *blocks.columns(ranges=("95 % interval",)),
        ),
        rows,
        f"Time since a request was due, {base} → {arm}; effect "
        "and interval are those of the median, and a dash stands where there were too few answers",
        style="operations felt",
    )


def title_source(name: str, titles: Mapping[str, str]) -> str:
    """Return where an operation's title stands; empty where the study gives none."""
    stem = name.partition(":")[0]
    if stem not in titles:
        return ""
    return at("comparison", "operations", list(titles).index(stem), "title")


def _row(
    load: Load, request: RequestLoad, arms: Arms, titles: Mapping[str, str], source: str
) -> blocks.Row:
    shown = palette.verdict(verdict_of(load, request))
    effect = median_effect(request) if shown.word in MOVED else shown.word
    interval = _interval(request, "p50") if load.counts else units.DASH
    times = [_pair(load, request, quantile) for quantile in _SHOWN]
    title = request_title(request.name, titles)
    below = tuple(_below(load, request, arms, title, source))
    cells: list[blocks.Inlines] = [*times, [blocks.Badge(shown, effect)], interval]
    return blocks.Row(title, cells, source, f"load-{anchor(request.name)}", below)


def _pair(load: Load, request: RequestLoad, quantile: str) -> str:
    first, last = times_of(load, request, quantile)
    return units.DASH if first == last == units.DASH else f"{first} → {last}"


def _below(
    load: Load, request: RequestLoad, arms: Arms, title: str, source: str
) -> Iterator[blocks.Block]:
    reason = request.reason if load.counts else None
    if request.cause and load.counts:
        yield blocks.noted("Cause.", request.cause)
    if any(figures.errors for figures in request.lanes.values()):
        yield blocks.noted("Errors.", f"{errors_text(load, request)}.")
    if reason and request.name == ALL:
        yield blocks.Text([blocks.Span(reason, "aside")], "small")
    names: list[blocks.Inline] = [blocks.Code(request.name), " · "]
    if request.http:
        names += [blocks.Code(request.http), " · "]
    inner: list[blocks.Block] = [blocks.Text([*names, blocks.Json(source, title)], "small")]
    if reason and request.name != ALL:
        inner.append(blocks.Text(reason, "small"))
    inner.append(_quantiles(load, request, arms))
    if load.counts and (lines := _comparisons(request)):
        inner.append(blocks.Bullets(lines))
    if counters := _counters(load, request):
        inner.append(blocks.Text(counters, "small"))
    yield blocks.Details("Quantiles, service time and errors", inner, f"of {title}")


def errors_text(load: Load, request: RequestLoad) -> str:
    """Errors by kind, base → arm."""
    return " → ".join(units.errors(figures.errors) for _, figures in lanes_of(load, request))


def _quantiles(load: Load, request: RequestLoad, arms: Arms) -> blocks.Table:
    rows = []
    for lane, figures in lanes_of(load, request):
        cells = [
            units.whole(figures.slots),
            units.rate(figures.requests_per_second),
            *(_with_interval(figures.since_due, quantile) for quantile in LABELS),
            units.duration(figures.since_due.max_ns),
            units.duration(figures.service.p50_ns),
            units.duration(figures.service.p99_ns),
            units.errors(figures.errors),
        ]
        rows.append(blocks.Row(arms.label(lane), cells))
    service = ("service p50", "service p99", "errors")
    titles = ("requests", "answered", *LABELS.values(), "longest", *service)
    return blocks.Table(
        blocks.columns("lane", ranges=titles),
        rows,
        "Time since due with 95 % intervals; service time counts from when a request was sent",
        style="small",
    )


def _with_interval(quantiles: LatencyQuantiles, quantile: str) -> str:
    value, interval = quantiles.value(quantile), quantiles.interval(quantile)
    if value is None or interval is None:
        return units.duration(value)
    low, high = map(units.duration, interval)
    return f"{units.duration(value)} ({low} to {high})"


def _comparisons(request: RequestLoad) -> list[str]:
    return [
        f"{LABELS[comparison.quantile]}: {_effect(request, comparison.quantile)} "
        f"({_interval(request, comparison.quantile)})"
        for comparison in request.comparisons
        if comparison.speedup is not None
    ]


def _counters(load: Load, request: RequestLoad) -> str:
    """The server's counters for one request, base → arm; empty where none were kept."""
    base, arm = (figures.counters or {} for _, figures in lanes_of(load, request))
    parts = [
        f"{name.replace('_', ' ')} {units.count(base[name])} → {units.count(arm[name])}"
        for name in base
        if name in arm
    ]
    return f"For one request: {', '.join(parts)}." if parts else ""


def request_title(name: str, titles: Mapping[str, str]) -> str:
    """The study's title, else the name in words; `checkout: 409` keeps its answer."""
    if name == ALL:
        return "All requests"
    stem, colon, answer = name.partition(":")
    return f"{sentence_case(titles.get(stem, stem.replace('_', ' ')))}{colon}{answer}"


def ordered(load: Load) -> list[RequestLoad]:
    """Slower requests first, then faster ones, each by effect; what does not decide comes last."""

    def key(request: RequestLoad) -> tuple[int, float, str]:
        median = request.comparison("p50") if load.counts else None
        effect = abs(math.log(median.speedup)) if median and median.speedup else 0.0
        return _RANKS.get(verdict_of(load, request), 3), -effect, request.name

    return sorted(load.judged.operations, key=key)


def verdict_of(load: Load, request: RequestLoad) -> str:
    """The verdict on the median, if verdicts of the load count."""
    return request.verdict if load.counts else NOT_JUDGED


def lanes_of(load: Load, request: RequestLoad) -> list[tuple[str, LaneFigures]]:
    """A request's figures on base and arm, with the lanes' names."""
    return [(lane, request.lanes[lane]) for lane in load.lanes]


def times_of(load: Load, request: RequestLoad, quantile: str) -> tuple[str, str]:
    """A quantile's time on base and arm."""
    base, arm = (figures.since_due.value(quantile) for _, figures in lanes_of(load, request))
    return units.duration(base), units.duration(arm)


def median_effect(request: RequestLoad) -> str:
    """A request's effect on the median in words, such as `2.3× slower`; else its verdict."""
    return _effect(request, "p50")


def _effect(request: RequestLoad, quantile: str) -> str:
    comparison = request.comparison(quantile)
    if comparison is None:
        return units.DASH
    return units.effect(comparison.speedup) if comparison.verdict in MOVED else comparison.verdict


def _interval(request: RequestLoad, quantile: str) -> str:
    """The 95 % interval in the verdict's direction, or as bare ratios."""
    comparison = request.comparison(quantile)
    if comparison is None or comparison.ci95 is None:
        return units.DASH
    if comparison.verdict in MOVED:
        return units.effect_interval(comparison.speedup, *comparison.ci95)
    return f"{units.span(*comparison.ci95)}×"
