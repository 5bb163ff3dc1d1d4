"""The figures of README and docs, written from results/ into the places that name them.

    python -m tests.figures            write them
    python -m tests.figures --check    name the pages that differ, and end with 1

A place is what stands between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench.judge.format import duration, effect, effect_interval, significant, times
from bench.report.text import number_word, sentence_case
from bench.report.units import count, dollars, rate, share, size
from bench.results.ablation import Ablation
from bench.results.capacity import Capacity
from bench.results.claims import Claims, Headline
from bench.results.comparison import Comparison, OperationComparison, Pair
from bench.results.cost import Cost
from bench.results.documents import RunDocuments
from bench.results.live import OnlineMigration
from bench.results.load import Load
from bench.results.recommended import Recommended
from bench.results.run import Run
from bench.results.store import read_run

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
WIDTH = 110
_PLACE = re.compile(r"(<!-- figures: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

SHOWN = (
    "events_count_by_type_since", "sell_requests_summary", "events_by_type_since",
    "events_newest_of_type", "products_by_size", "events_count_by_type", "funnel_since",
    "product_detail", "events_recent", "track_events",
)  # fmt: skip
LOADED = (
    "product_detail", "products_by_size", "products_newest", "sell_items_for_submission",
    "order_history", "track_events",
)  # fmt: skip


@cache
def reference() -> RunDocuments:
    """Return the documents of the reference run."""
    return read_run(REFERENCE)


def document(name: str) -> Any:
    """Return a document of the reference run."""
    return getattr(reference(), name)


def plain(text: str) -> str:
    """Text with ordinary spaces, so that lines can be filled."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def paragraph(text: str) -> str:
    """Text in lines of at most WIDTH characters."""
    return textwrap.fill(plain(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def bullet(text: str) -> str:
    """A list's item in lines of at most WIDTH characters."""
    return textwrap.fill(
        plain(text), WIDTH, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table whose first column holds text and whose others hold figures."""
    lines = [list(head), ["---", *["--:"] * (len(head) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def operation(name: str) -> OperationComparison:
    """Return an operation of comparison.json."""
    comparison: Comparison = document("comparison")
    found = comparison.operation(name)
    assert found is not None, name
    return found


def versus(name: str) -> Pair:
    """Return the comparison of an operation after the migration with that before."""
    pair = operation(name).pair("before", "after")
    assert pair is not None, name
    return pair


def headline() -> Headline:
    """Return the headline of the run."""
    claims: Claims = document("claims")
    assert claims.headline is not None
    return claims.headline


def title(name: str) -> str:
    """An operation's title, as it stands within a sentence."""
    text = operation(name).title
    return text[:1].lower() + text[1:]


def slowdown(name: str) -> str:
    """An operation that got slower, with its factor."""
    speedup = versus(name).speedup
    assert speedup is not None, name
    return f"{title(name)} ({times(1 / speedup)})"


def slower(kind: str) -> list[str]:
    """Name the operations of a kind that the migration made slower, the worst first."""
    return [name for name in headline().slower if operation(name).kind == kind]


def verdict() -> str:
    return f"**Verdict of the reference run.** {headline().sentence}"


def run_facts() -> str:
    run: Run = document("run")
    seconds = {stage.name: stage.duration_ns / 1e9 for stage in run.stages}
    extra = ("ablation of the indexes", "matrix of statistics", "rows read and written", "cost",
             "growth", "recommended migration")  # fmt: skip
    whole = sum(seconds.values())
    evidence = sum(seconds.get(name, 0.0) for name in extra)
    environment = run.environment
    return paragraph(
        f"Measured on {environment['cores']} cores of a shared {environment['cpu']} with SQLite "
        f"{environment['sqlite']}: {(whole - evidence) / 60:.0f} minutes, and "
        f"{evidence / 60:.0f} more with `RUN_FLAGS=--evidence`; "
        f"{size(run.peak_rss_bytes)} of memory at most and 10 GB of disk while it runs."
    )


def operation_table() -> str:
    arms = ("before", "after", "after_analyzed", "recommended")

    def rows() -> Iterator[list[str]]:
        for name in SHOWN:
            measured, pair = operation(name).arms, versus(name)
            words: str = pair.verdict
            if pair.decided and pair.ci95 is not None:
                words = f"{effect(pair.speedup)} ({effect_interval(pair.speedup, *pair.ci95)})"
            medians = (measured[arm].median_ns if arm in measured else None for arm in arms)
            yield [title(name), *map(duration, medians), words]

    return table(
        ("operation", "before", "after", "+ ANALYZE", "recommended", "after against before"), rows()
    )


def findings() -> str:
    """What the reference run found, in twelve lines or so."""
    ablation: Ablation = document("ablation")
    cost: Cost = document("cost")
    load: Load = document("load")
    live: OnlineMigration = document("live")
    recommended: Recommended = document("recommended")
    verdicts = {
        word: [index.name for index in ablation.indexes if index.verdict == word]
        for word in ("harmful", "mixed", "dead weight", "pays")
    }
    bill = {arm: dollars(month.dollars) for arm, month in cost.bill.items()}
    queries, writes = slower("read"), slower("write")
    lanes = load.judged.overall.lanes
    medians = [duration(lanes[arm].since_due.p50_ns) for arm in ("before", "after")]
    told = [
        f"**Slower queries:** {'; '.join(map(slowdown, queries))}. The planner walks an index to "
        "save a sort, and then fetches the rows one by one.",
        f"**Slower writes:** {'; '.join(map(slowdown, writes))}: the price of 14 indexes.",
        f"**Indexes:** {number_word(len(verdicts['pays']))} of "
        f"{number_word(len(ablation.indexes))} pay; "
        + "; ".join(
            f"{word} {', '.join(f'`{name}`' for name in names)}"
            for word, names in verdicts.items()
            if names and word != "pays"
        )
        + ".",
        "**`PRAGMA optimize`,** which D1 advises, mends none of the slower queries; a full ANALYZE "
        "mends some and makes short ones slower "
        "([why](docs/the-resale-study.md#why-queries-got-slower)).",
        f"**Recommended** ([0007](reference_app/migrations/0007_fewer_indexes.sql)): "
        f"{recommended.verdict}",
        f"**Price:** {duration(live.ways[0].longest_write_stall_ns)} in which nobody can write, "
        f"{size(headline().bytes_added)} of disk; D1's monthly bill {bill['before']} → "
        f"{bill['after']}, {bill['recommended']} as recommended.",
        f"**At {rate(load.plan.rate_per_second)}** the median answer takes "
        f"{medians[0]} before and {medians[1]} after.",
        '**"No race conditions possible":** the report\'s own UPDATE overwrites an answer that was '
        "given already.",
    ]
    return "\n".join(map(bullet, told))


def load_table() -> str:
    load: Load = document("load")
    entries = {"all": load.judged.overall} | {one.name: one for one in load.judged.operations}

    def rows() -> Iterator[list[str]]:
        for name in ("all", *LOADED):
            entry = entries[name]
            lanes = [entry.lanes[arm].since_due for arm in ("before", "after")]
            pair = next(one for one in entry.comparisons if one.quantile == "p50")
            assert pair.ci95 is not None, name
            low, high = map(significant, pair.ci95)
            ratio = f"{times(pair.speedup)} ({low} to {high})"
            quantiles = (
                " → ".join(duration(getattr(lane, f"{q}_ns")) for lane in lanes)
                for q in ("p50", "p95", "p99")
            )
            yield [name, str(entry.lanes["before"].slots), *quantiles,
                   f"{ratio}, {entry.verdict}"]  # fmt: skip

    return table(("request", "requests", "p50", "p95", "p99", "p50, before / after"), rows())


def live_answer() -> str:
    return paragraph(document("live").answer)


def capacity_table() -> str:
    capacity: Capacity = document("capacity")
    points = capacity.points
    sizes = {point.scale: point.rows["products"] for point in points}

    def held(arm: str, scale: float) -> str:
        point = next(p for p in points if (p.arm, p.scale) == (arm, scale))
        if point.holds_per_second is None:
            return "not the lowest tried"
        return rate(point.holds_per_second)

    needed = [next(p for p in points if p.scale == n).needed_per_second for n in sizes]
    rows = [[f"`{arm}`", *(held(arm, n) for n in sizes)] for arm in ("before", "after")]
    return table(
        ("highest rate with p99 within 250 ms", *(f"{n:,} products" for n in sizes.values())),
        [*rows, ["needed in the busiest hour", *map(rate, needed)]],
    )


def claim_table() -> str:
    claims: Claims = document("claims")
    rows = ([claim.quote, f"**{claim.verdict}**", claim.reason] for claim in claims.claims)
    lines = [["claim", "verdict", "why"], ["---"] * 3, *rows]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def statistics_answers() -> str:
    return "\n".join(map(bullet, document("statistics").answers))


def recommended_details() -> str:
    recommended: Recommended = document("recommended")
    return paragraph(" ".join([recommended.verdict, *recommended.details]))


def proof_table(section: str) -> str:
    """What the long proofs of a section have measured: results/validation.json."""
    proofs = json.loads((ROOT / "results" / "validation.json").read_text(encoding="utf-8"))
    rows = [
        [f"`{p['command']}`", p["result"], f"{p['date']}, {p['commit']}"]
        for p in proofs["proofs"]
        if p["section"] == section
    ]
    lines = [["command", "what came out", "when, on which code"], ["---"] * 3, *rows]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def bill_table() -> str:
    cost: Cost = document("cost")
    rows = [
        [
            f"`{arm}`", count(month.rows_read_per_month), count(month.rows_written_per_month),
            dollars(month.dollars),
        ]
        for arm, month in cost.bill.items()
    ]  # fmt: skip
    return table(("arm", "rows read a month", "rows written", "D1's bill"), rows)


def run_noise() -> str:
    comparison: Comparison = document("comparison")
    return paragraph(
        f"In the reference run no difference below {share(comparison.minimum_effect)} (the "
        f"smallest that counts) or {share(comparison.noise_floor.floor)} (the run's noise floor) "
        "is called one."
    )


FIGURES: Mapping[str, Callable[[], str]] = {
    "verdict": verdict, "run": run_facts, "operations": operation_table, "findings": findings,
    "load": load_table, "live": live_answer, "capacity": capacity_table, "claims": claim_table,
    "statistics": statistics_answers, "recommended": recommended_details,
    "bill": bill_table, "noise": run_noise,
    **{
        f"proofs-{section}": partial(proof_table, section)
        for section in ("gate", "compare", "micro", "load", "shop", "data")
    },
}  # fmt: skip


def filled(text: str) -> str:
    """A page with its figures as results/ has them now."""
    return _PLACE.sub(lambda place: f"{place[1]}{FIGURES[place[2]]()}\n{place[4]}", text)


def main() -> int:
    """Write the pages, or tell which differ."""
    differing = [path for path in PAGES if filled(text := path.read_text(encoding="utf-8")) != text]
    if "--check" in sys.argv[1:]:
        for path in differing:
            print(f"{path.relative_to(ROOT)} has other figures than results/: run `make docs`")
        return 1 if differing else 0
    for path in differing:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(sentence_case(f"wrote {path.relative_to(ROOT)}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
