# All that a newcomer types: make setup, check, test, docs, demo, bench, clean; and, more rarely,
# make coverage and test-oldest.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: setup demo check test coverage test-oldest docs bench clean
.DEFAULT_GOAL := setup

# Images of Docker set it; without bytecode each process of the tests compiles PyTorch anew.
unexport PYTHONDONTWRITEBYTECODE

setup: $(STAMP)

# The stamp makes a second `make setup` free, until what is to be installed changes. Python compiles
# what is imported when it is: few of the files, and half of the time to install.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'unseen needs Python 3.11 or newer: make setup PYTHON=python3.11' >&2; exit 1; }
	@echo 'Installing into .venv: about a minute on a fresh machine'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --quiet --no-compile --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

demo: setup
	$(BIN)/unseen demo

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyrefly check

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# Fails where less than 95 % of the lines of one of these run in their own tests.
COVERED := data decide metrics continual
coverage: setup
	$(BIN)/python -m pytest --numprocesses 2 tests/data tests/test_decide.py tests/metrics \
	  tests/continual $(COVERED:%=--cov=unseen.%) --cov-report=
	@for part in $(COVERED); do \
	  echo "unseen.$$part:"; $(BIN)/coverage report --include="src/unseen/$$part.py,src/unseen/$$part/*" \
	    --show-missing --skip-covered --fail-under=95 || exit 1; \
	done

# The least versions that pyproject.toml allows, in a .venv of their own. PyTorch is the one of
# constraints.txt: of older versions there is no CPU build for every platform, and the others
# bring CUDA along. What old versions warn of in each other is not ours to mend; they have wheels for
# Python 3.11 and 3.12.
OLDEST := .venv/oldest
OLDEST_TESTS := tests --ignore tests/real --ignore tests/test_docs.py
test-oldest:
	$(PYTHON) -m venv --clear $(OLDEST)
	grep -oE '"[a-z0-9-]+>=[0-9.]+"' pyproject.toml | tr -d '"' | sed 's/>=/==/' \
	  | grep -v '^torch=' >$(OLDEST)/constraints.txt
	grep '^torch=' constraints.txt >>$(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check \
	  --constraint $(OLDEST)/constraints.txt --editable '.[dev]'
	$(OLDEST)/bin/python -m pytest --numprocesses 2 --dist worksteal $(OLDEST_TESTS) -W ignore::DeprecationWarning

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
	rm -rf .venv .coverage .pytest_cache .ruff_cache .hypothesis docs/_build dist build
