# All that a newcomer types: make setup, check, test, docs, demo, bench, clean.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: setup demo check test docs bench clean
.DEFAULT_GOAL := setup

setup: $(STAMP)

# The stamp makes a second `make setup` free, until what is to be installed changes.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'unseen needs Python 3.11 or newer: make setup PYTHON=python3.11' >&2; exit 1; }
	@echo 'Installing into .venv: one to two minutes on a fresh machine'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

demo: setup
	$(BIN)/unseen demo

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyrefly check

test: setup
	$(BIN)/python -m pytest --numprocesses 2

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html

bench: setup
	$(BIN)/python benchmarks/train_speed.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/denormals.py
	$(BIN)/python benchmarks/many_seeds.py
	$(BIN)/python benchmarks/closed_form_grid.py
	$(BIN)/python benchmarks/second_load.py
	$(BIN)/python benchmarks/remse_speed.py
	$(BIN)/python benchmarks/resnet_speed.py
	$(BIN)/python benchmarks/izf_speed.py
	$(BIN)/python benchmarks/continual_time.py
	$(BIN)/python benchmarks/eszsl_choice.py
	$(BIN)/python benchmarks/real_data.py variants
	$(BIN)/python benchmarks/real_data.py training

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis docs/_build dist build
