"""docs/schemas/: a JSON Schema of every document, from the model that reads and writes it.

python -m tests.schemas
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic.json_schema import GenerateJsonSchema

from bench.resale.race.document import Race
from bench.results.documents import MODELS
from bench.results.gate import Gate
from bench.results.model import Document
from bench.results.run_changes import RunChanges

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
DOCUMENTS: Mapping[str, type[Document]] = {
    **MODELS, "gate": Gate, "race": Race, "compare": RunChanges,
}  # fmt: skip


def files() -> dict[str, str]:
    """Return what the folder has to hold, by file name."""
    return {f"{name}.json": text(model) for name, model in DOCUMENTS.items()}


def text(model: type[Document]) -> str:
    """Return one schema as it stands in its file."""
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **model.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the files, and remove those of documents that are no more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for path in FOLDER.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, schema in wanted.items():
        (FOLDER / name).write_text(schema, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
