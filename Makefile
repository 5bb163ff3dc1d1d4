# Each target works from a fresh clone: it sets up .venv from the lock file first.
# PYTHON chooses the interpreter (3.11 to 3.13); RUN_FLAGS are handed to `resale-bench run`.
PYTHON ?= python3
RUN_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run demo test lint lock clean

run: $(READY)            ## the main job at full size: 100,000 products, 10,000,000 events
	$(BIN)/resale-bench run --scale 1 $(RUN_FLAGS)

demo: $(READY)           ## the same at one hundredth
	$(BIN)/resale-bench run --scale 0.01 --visit-seconds 2 $(RUN_FLAGS)

docs: $(READY)           ## the figures, commands and schemas in README and docs, made anew
	$(BIN)/python -m tests.figures
	$(BIN)/python -m tests.cli_page
	$(BIN)/python -m tests.schemas

test: $(READY)           ## every test, in two processes, a module at a time
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)           ## style, imports and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:                    ## pin every dependency anew (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean:                   ## remove the environment, seeded databases and every run but the reference
	rm -rf $(VENV) data
	find results -mindepth 1 -maxdepth 1 ! -name reference ! -name README.md ! -name validation.json -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "resale-bench needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: name another with `make PYTHON=python3.12 ...`." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
