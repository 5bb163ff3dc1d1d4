"""`resale-bench claims`: the claims of a study, or of a file of one's own, on a finished run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.exit_codes import INVALID, REGRESSION
from bench.options import DATABASE, FOLDER, JSON, STUDY, study_of


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--claims",
    "claims_file",
    type=DATABASE,
    help="A file of [[claims]] to judge instead of the study's.",
)
@STUDY
@JSON
def claims(run: Path, claims_file: Path | None, study: Path | None, as_json: bool) -> int:
    """Judge claims by what a finished run measured; nothing is measured or written.

    A claim with `required = true` has to hold. See how a claim is written in the built-in
    study, bench/resale/study.toml.

    Exit codes: 0 every required claim holds, 1 one does not, 2 wrong use, 3 of one the
    interval does not decide, 4 the run is of another study.

    Example: resale-bench claims results/reference --claims ours.toml
    """
    from bench.results import store
    from bench.study import with_claims

    chosen = study_of(study)
    if claims_file is not None:
        chosen = with_claims(chosen, claims_file)
    whole = store.read_run(run)
    # What takes long to import comes after what may be refused.
    from bench import documents
    from bench.judge.claims import failed
    from bench.judge.compare_runs import require_study
    from bench.measure.claimable import require_claimable
    from bench.report.sections.claims import claims_text

    require_study(chosen.name, whole.run)
    tables = whole.comparison.dataset.rows
    require_claimable(chosen, tables, facts=whole.migration.facts)
    claims = documents.claims_of(chosen, whole.comparison, whole.migration, whole.growth)
    lacking = failed(claims.claims)
    click.echo(json.dumps(claims.json_values()) if as_json else claims_text(claims))
    for claim in lacking:
        click.echo(f"required and not kept: {claim.quote}. {claim.reason}", err=True)
    if any(claim.verdict != "inconclusive" for claim in lacking):
        return REGRESSION
    return INVALID if lacking else 0
