# Everything here works on a machine with python3 >= 3.11, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
# One process a core, a file of tests at a time, so that what a file sets up is set up once; slow files come first.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test check bench lock clean

help: ## list what make can do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED) ## run the whole pipeline on stand-in clips, offline, into work/demo
	$(BIN)/python -m flows build-dataset --workspace work/demo --preset demo
	$(BIN)/python -m flows train-cjme --workspace work/demo --preset demo

test: $(INSTALLED) ## run every test, the slow ones too
	$(BIN)/python -m pytest -q $(PARALLEL)

check: $(INSTALLED) ## lint, types, boundaries between the rooms, fast tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(PARALLEL) -m "not slow"

bench: $(INSTALLED) ## measure speed and memory, as ratios of two things in one run
	$(BIN)/python benchmarks/build_manifest.py
	$(BIN)/python benchmarks/cut_accuracy.py
	$(BIN)/python benchmarks/fetch_clips.py
	$(BIN)/python benchmarks/fault_storm.py
	$(BIN)/python benchmarks/decode_clips.py
	$(BIN)/python benchmarks/i3d_speed.py
	$(BIN)/python benchmarks/end_to_end.py
	$(BIN)/python benchmarks/vector_shards.py
	$(BIN)/python benchmarks/word_tables.py
	$(BIN)/python benchmarks/foreign_features.py
	$(BIN)/python benchmarks/classification_speed.py
	$(BIN)/python benchmarks/retrieval_speed.py
	$(BIN)/python benchmarks/closed_forms.py
	$(BIN)/python benchmarks/ranking_baselines.py
	$(BIN)/python benchmarks/cjme_pass.py
	$(BIN)/python benchmarks/structured_orderings.py
	test ! -d "$${AZSL_REAL_DATA:-../shared/data}" || $(BIN)/python benchmarks/esc10_cross_validation.py
	test ! -d "$${AZSL_REAL_DATA:-../shared/data}" || $(BIN)/python benchmarks/real_clips.py
	test ! -d "$${AZSL_REAL_DATA:-../shared/data}" || $(BIN)/python benchmarks/real_vggish.py

lock: $(INSTALLED) ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
	    --extra factory --extra dev --extra towers pyproject.toml -o requirements.lock

clean: ## remove the environment, caches and the demo's files
	rm -rf .venv work .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# uv takes a minute where pip takes several; pip does it where uv cannot reach the index that pip is set up for.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("python3 is %d.%d, expected 3.11 or newer; set PYTHON=..." % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock \
	    || $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
