"""Load: base and arm at the same rate of requests, by kind of request.

What an invalid load, or one that broke rules of the study, measured keeps its figures and loses
its verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.report import blocks, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.sections.load_requests import (
    LABELS,
    MOVED,
    errors_text,
    lanes_of,
    median_effect,
    ordered,
    request_title,
    requests_table,
    times_of,
    verdict_of,
)
from bench.results.load import ALL, Load, RequestLoad

_OVERALL_LANES = ("judged", "overall", "lanes")


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
    yield from _figures(load, arms, titles)
    yield requests_table(load, arms, titles)
    yield _facts(load, arms)
    yield from blocks.limits("Limits of this load", load.limits, at("load", "limits"), level=4)


def load_answer(load: Load) -> str:
    """What the load shows, in one sentence."""
    rate = f", at {units.rate(load.plan.rate_per_second)} offered to both" if load.counts else ""
    return f"{latency_title(load)}{rate}."


def moved(load: Load, most: int = 6) -> list[RequestLoad]:
    """Requests that got slower or faster and have a curve on both lanes, slower ones first."""
    return [
        request
        for request in ordered(load)
        if verdict_of(load, request) in MOVED
        and all(load.percentiles.get(lane, {}).get(request.name) for lane in load.lanes)
    ][:most]


def latency_title(load: Load) -> str:
    """What the picture of all requests shows: the most telling quantile that moved."""
    if not load.counts:
        return _withheld(load)
    overall = load.judged.overall
    verdicts = {found.quantile: found.verdict for found in overall.comparisons}
    told = [quantile for quantile in ("p95", "p99", "p50", "p999") if quantile in verdicts]
    for quantile in told:
        first, last = times_of(load, overall, quantile)
        if verdicts[quantile] in MOVED:
            word = "fell" if verdicts[quantile] == "faster" else "rose"
            return f"{LABELS[quantile]} of all requests {word} from {first} to {last}"
    for quantile in told:
        if verdicts[quantile] == "same":
            last = times_of(load, overall, quantile)[1]
            return f"{LABELS[quantile]} of all requests stayed at {last}"
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
    (base, first), (arm, last) = lanes_of(load, load.judged.overall)
    served = f"{arms.label(base)} served {units.rate(first.requests_per_second)}"
    return (
        f"Of {units.rate(load.plan.rate_per_second)} offered, {served}, "
        f"{arms.label(arm)} {units.rate(last.requests_per_second)}"
    )


def _withheld(load: Load) -> str:
    if not load.invariants.held:
        return "The load broke rules of the study, so nothing is judged"
    return "This load is invalid, so nothing is judged"


def _figures(load: Load, arms: Arms, titles: Mapping[str, str]) -> Iterator[blocks.Figure]:
    shown = moved(load)
    figures = []
    if curves(load, ALL):
        figures.append(("latency", f"Latency by percentile. {latency_title(load)}"))
    if shown:
        words = f"Latency by percentile. {requests_title(shown, titles)}"
        figures.append(("latency-requests", words))
    if any(load.timeline.values()):
        words = f"Latency and throughput over time. {timeline_title(load, arms)}"
        figures.append(("timeline", words))
    for name, words in figures:
        yield blocks.Figure(name, f"{words}. The table below holds the figures.", at("load"))


def curves(load: Load, name: str) -> bool:
    """Whether either lane has a curve of that kind of request."""
    return any(load.percentiles.get(lane, {}).get(name) for lane in load.lanes)


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
        rows += [
            ("generator's core", str(placement.player_core)),
            ("server's cores", ", ".join(map(str, placement.server_cores))),
        ]
    lanes = " → ".join(arms.label(lane) for lane in load.lanes)
    rules = "all hold" if load.invariants.held else "violated"
    rows += [
        (
            "generator's own cost",
            f"p50 {units.duration(cost.p50_ns)}, p99 {units.duration(cost.p99_ns)} at "
            f"{units.rate(cost.rate_per_second)} against an endpoint that does nothing",
        ),
        ("generator's processor use", f"at most {units.share(generator.cpu_share_max)}"),
        ("late, never sent", f"{generator.late}, {generator.missed}"),
        (f"errors, {lanes}", errors_text(load, load.judged.overall)),
        ("valid", "yes" if load.valid else "no"),
        (
            "rules of the study",
            f"{rules} afterwards ({units.whole(load.invariants.checked)} checks)",
        ),
    ]
    parts = (("plan",), ("placement",), ("generator",), ("invariants",), _OVERALL_LANES)
    source = " ".join(at("load", *part) for part in parts)
    return blocks.Facts(rows, source, "How the load was made")
