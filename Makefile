# Two commands do all: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

ifdef EXPORT
RUN_ARGUMENTS := --export '$(EXPORT)'
endif
ifdef SIMULATED
RUN_ARGUMENTS += --simulated
endif

.PHONY: run test ui lint lock screenshots bench-pipeline bench-models bench-serving drill clean

run: $(READY)
	@$(BIN)/tactful run $(RUN_ARGUMENTS)

test: $(READY)
	@$(BIN)/python -m pytest

ui: $(READY)
	@$(BIN)/tactful ui

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Newest versions that pyproject.toml allows, with hashes and without the address of any index.
lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra test --extra googlesql \
		--generate-hashes --no-emit-index-url --upgrade pyproject.toml -o requirements.lock

# About a quarter of an hour on two cores; figures go to .tactful/bench/pipeline.json.
bench-pipeline: $(READY)
	@$(BIN)/python -m benchmarks.pipeline

# An hour or so on two cores; figures go to .tactful/bench/models.json.
bench-models: $(READY)
	@$(BIN)/python -m benchmarks.models

# Four or five minutes; figures of the decision service and of what it is measured beside go to .tactful/bench/serving.json.
bench-serving: $(READY)
	@$(BIN)/python -m benchmarks.serving

# Drifts, alarms, a new champion, a bad one sent back; figures go to .tactful/bench/drill.json.
drill: $(READY)
	@$(BIN)/python -m benchmarks.drill

screenshots: $(READY)
	@$(BIN)/python docs/take_screenshots.py

# What was built for these requirements is rebuilt when they change.
$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

clean:
	rm -rf $(VENV) .tactful dbt_project/target
