"""Load: base and arm at the same rate of requests, by kind of request.

What an invalid load, or one that broke rules of the study, measured keeps its figures and loses
its verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.text import anchor, comparison_text, effect_text, interval_text, sentence_case
from bench.results.comparison import DECIDED
from bench.results.load import ALL, LatencyQuantiles, Load, RequestLoad, SeriesFigures

_OVERALL_SERIES = ("judged", "overall", "lanes")
LABELS = {"p50": "p50", "p95": "p95", "p99": "p99", "p999": "p99.9"}
NOT_JUDGED = "not judged"
_RANKS = {"slower": 0, "faster": 1, "same": 2}
_SHOWN = ("p50", "p95", "p99")


def load_blocks(load: Load, arms: Arms, titles: Mapping[str, str]) -> Iterator[blocks.Block]:
    """Yield the part of the section on a load; `titles` are those of comparison.json in order."""
    yield blocks.Heading("Before and after, at the same rate of requests", anchor="load-title")
    if not load.valid:
        invalid = blocks.Span("▼ This load is invalid.", "strong")
        shown = " Its figures are shown, and nothing is judged by them."
        yield blocks.Text([invalid, shown], "warning")
        source = at("load", "invalid_because")
        yield blocks.Bullets(load.invalid_because, source, small=False)
    if not load.invariants.held:
        broken = blocks.Span("▼ Rules of the study were violated under this load.", "strong")
        yield blocks.Text([broken, " Nothing is judged by its figures."], "warning")
        source = at("load", "invariants")
        yield blocks.Bullets(load.invariants.violations, source, small=False)
    yield from _pictures(load, arms, titles)
    yield requests_table(load, arms, titles)
    yield _facts(load, arms)
    yield from blocks.limits("Limits of this load", load.limits, at("load", "limits"), level=4)


def load_answer(load: Load) -> str:
    """What the load shows, in one sentence."""
    rate = f", at {units.rate(load.plan.rate_per_second)} offered to both" if load.counts else ""
    return f"{latency_title(load)}{rate}."


def moved(load: Load) -> list[RequestLoad]:
    """Six requests that got slower or faster and have a curve on both series, slower ones first."""
    return [
        request
        for request in ordered(load)
        if verdict_of(load, request) in DECIDED
        and all(load.percentiles.get(series, {}).get(request.name) for series in load.series)
    ][:6]


def latency_title(load: Load) -> str:
    """What the picture of all requests shows: the most telling quantile that moved."""
    if not load.counts:
        return _withheld(load)
    overall = load.judged.overall
    verdicts: dict[str, str] = {
        comparison.quantile: comparison.verdict for comparison in overall.comparisons
    }
    for wanted in (DECIDED, {"same"}):
        for quantile in ("p95", "p99", "p50", "p999"):
            if (verdict := verdicts.get(quantile, "")) not in wanted:
                continue
            first, last = times_of(load, overall, quantile)
            word = {"faster": f"fell from {first} to", "slower": f"rose from {first} to"}
            return f"{LABELS[quantile]} of all requests {word.get(verdict, 'stayed at')} {last}"
    first, last = times_of(load, overall, "p50")
    return f"The load does not decide: median of all requests {first} and {last}"


def requests_title(shown: Sequence[RequestLoad], titles: Mapping[str, str]) -> str:
    """What the small pictures show."""
    first = shown[0]
    word = "got slower:" if first.verdict == "slower" else "gained most:"
    return f"{request_title(first.name, titles)} {word} {median_effect(first)} in the median"


def timeline_title(load: Load, arms: Arms) -> str:
    """What the picture over time shows."""
    if not load.counts:
        return _withheld(load)
    (base, first), (arm, last) = series_of(load, load.judged.overall)
    served = f"{arms.label(base)} served {units.rate(first.requests_per_second)}"
    return (
        f"Of {units.rate(load.plan.rate_per_second)} offered, {served}, "
        f"{arms.label(arm)} {units.rate(last.requests_per_second)}"
    )


def _withheld(load: Load) -> str:
    if not load.invariants.held:
        return "The load broke rules of the study, so nothing is judged"
    return "This load is invalid, so nothing is judged"


def _pictures(load: Load, arms: Arms, titles: Mapping[str, str]) -> Iterator[blocks.Figure]:
    def figure(name: str, words: str) -> blocks.Figure:
        return blocks.Figure(name, f"{words}. The table below holds the figures.", at("load"))

    if curves(load, ALL):
        yield figure("latency", f"Latency by percentile. {latency_title(load)}")
    if shown := moved(load):
        caption = f"Latency by percentile. {requests_title(shown, titles)}"
        yield figure("latency-requests", caption)
    if any(load.timeline.values()):
        caption = f"Latency and throughput over time. {timeline_title(load, arms)}"
        yield figure("timeline", caption)


def curves(load: Load, name: str) -> bool:
    """Whether either series has a curve of that kind of request."""
    return any(load.percentiles.get(series, {}).get(name) for series in load.series)


def _facts(load: Load, arms: Arms) -> blocks.Facts:
    """How the load was made: plan, places, the generator's own cost, validity."""
    plan, generator, placement = load.plan, load.generator, load.placement
    cost = generator.own_cost
    block, warm_up = (
        units.duration(seconds * 1e9) for seconds in (plan.seconds, plan.warm_up_seconds)
    )
    rows = [
        ("offered", f"{units.rate(plan.rate_per_second)}, {plan.spacing}"),
        ("a block", f"{block}, and {warm_up} of warm-up"),
        ("groups of blocks", f"{plan.groups}, each A B B A on one tape of requests"),
        ("requests of a block", str(plan.slots_per_block)),
        ("seed", str(plan.seed)),
    ]
    if placement.player_core is not None and placement.server_cores:
        rows.append(("generator's core", str(placement.player_core)))
        rows.append(("server's cores", ", ".join(map(str, placement.server_cores))))
    labels = " → ".join(arms.label(series) for series in load.series)
    rules = "all hold" if load.invariants.held else "violated"
    rows += [
        (
            "generator's own cost",
            f"p50 {units.duration(cost.p50_ns)}, p99 {units.duration(cost.p99_ns)} at "
            f"{units.rate(cost.rate_per_second)} against an endpoint that does nothing",
        ),
        ("generator's processor use", f"at most {units.share(generator.cpu_share_max)}"),
        ("late, never sent", f"{generator.late}, {generator.missed}"),
        (f"errors, {labels}", errors_text(load, load.judged.overall)),
        ("valid", "yes" if load.valid else "no"),
        (
            "rules of the study",
            f"{rules} afterwards ({units.whole(load.invariants.checked)} checks)",
        ),
    ]
    parts = (("plan",), ("placement",), ("generator",), ("invariants",), _OVERALL_SERIES)
    source = " ".join(at("load", *part) for part in parts)
    return blocks.Facts(rows, source, "How the load was made")


def requests_table(load: Load, arms: Arms, titles: Mapping[str, str]) -> blocks.Table:
    """All requests together, then each kind of them; slower ones stand first."""
    base, arm = arms.label(load.base), arms.label(load.arm)
    rows = [_row(load, load.judged.overall, arms, titles, at("load", "judged", "overall"))]
    for request in ordered(load):
        pointer = at("load", "judged", "operations", load.judged.operations.index(request))
        source = f"{pointer} {title_source(request.name, titles)}".rstrip()
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
    effect = median_effect(request) if shown.word in DECIDED else shown.word
    median = request.comparison("p50") if load.counts else None
    interval = (interval_text(median) if median else "") or units.DASH
    both = [times_of(load, request, quantile) for quantile in _SHOWN]
    unknown = (units.DASH, units.DASH)
    times = [units.DASH if pair == unknown else " → ".join(pair) for pair in both]
    title = request_title(request.name, titles)
    below = tuple(_below(load, request, arms, title, source))
    cells: list[blocks.Inlines] = [*times, [blocks.Badge(shown, effect)], interval]
    return blocks.Row(title, cells, source, f"load-{anchor(request.name)}", below)


def _below(
    load: Load, request: RequestLoad, arms: Arms, title: str, source: str
) -> Iterator[blocks.Block]:
    reason = request.reason if load.counts else None
    if request.cause and load.counts:
        yield blocks.noted("Cause.", request.cause)
    if any(quantiles.errors for quantiles in request.lanes.values()):
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
    lines = [
        f"{LABELS[comparison.quantile]}: {comparison_text(comparison)}"
        for comparison in request.comparisons
        if comparison.speedup is not None and load.counts
    ]
    if lines:
        inner.append(blocks.Bullets(lines))
    if counters := _counters(load, request):
        inner.append(blocks.Text(counters, "small"))
    yield blocks.Details("Quantiles, service time and errors", inner, f"of {title}")


def errors_text(load: Load, request: RequestLoad) -> str:
    """Errors by kind, base → arm."""
    return " → ".join(units.errors(quantiles.errors) for _, quantiles in series_of(load, request))


def _quantiles(load: Load, request: RequestLoad, arms: Arms) -> blocks.Table:
    rows = []
    for series, measured in series_of(load, request):
        cells = [
            units.whole(measured.slots),
            units.rate(measured.requests_per_second),
            *(_with_interval(measured.since_due, quantile) for quantile in LABELS),
            units.duration(measured.since_due.max_ns),
            units.duration(measured.service.p50_ns),
            units.duration(measured.service.p99_ns),
            units.errors(measured.errors),
        ]
        rows.append(blocks.Row(arms.label(series), cells))
    service = ("service p50", "service p99", "errors")
    titles = ("requests", "answered", *LABELS.values(), "longest", *service)
    return blocks.Table(
        blocks.columns("lane", ranges=titles),
        rows,
        "Time since due with 95 % intervals; service time counts from when a request was sent",
        style="small",
    )


def _with_interval(quantiles: LatencyQuantiles, quantile: str) -> str:
    value, interval = units.duration(quantiles.value(quantile)), quantiles.interval(quantile)
    return f"{value} ({' to '.join(map(units.duration, interval))})" if interval else value


def _counters(load: Load, request: RequestLoad) -> str:
    """The server's counters for one request, base → arm; empty where none were kept."""
    base, arm = (measured.counters or {} for _, measured in series_of(load, request))
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


def series_of(load: Load, request: RequestLoad) -> list[tuple[str, SeriesFigures]]:
    """A request's figures on base and arm, with the series' names."""
    return [(series, request.lanes[series]) for series in load.series]


def times_of(load: Load, request: RequestLoad, quantile: str) -> tuple[str, str]:
    """A quantile's time on base and arm."""
    base, arm = (measured.since_due.value(quantile) for _, measured in series_of(load, request))
    return units.duration(base), units.duration(arm)


def median_effect(request: RequestLoad) -> str:
    """A request's effect on the median in words, such as `2.3× slower`; else its verdict."""
    comparison = request.comparison("p50")
    return units.DASH if comparison is None else effect_text(comparison)
