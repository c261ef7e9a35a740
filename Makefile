# `make run` and `make test` work on a fresh machine with Python >= 3.11 and make: they build .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# What `make example` compares, and the figures it keeps: of some sixty, those that say most.
EXAMPLE := results/example
EXAMPLE_SCENARIOS ?= scenarios/baseline.yaml scenarios/otay-mesa-east.yaml
EXAMPLE_FIGURES ?= waits-vehicle waits-truck cargo-value week-otay-mesa-truck-standard

.PHONY: run test test-fast check format schema example bench clean

run: $(INSTALLED)  ## today against Otay Mesa East, twelve replications of 1 + 4 weeks, into results/
	$(BIN)/portsim compare scenarios/baseline.yaml scenarios/otay-mesa-east.yaml --replications 12 --weeks 4

test: $(INSTALLED)  ## all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

test-fast: $(INSTALLED)  ## the tests that take seconds
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

check: $(INSTALLED)  ## format, lint, spelling and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(INSTALLED)  ## write scenarios/schema.json and docs/scenario-reference.md anew
	$(BIN)/portsim schema > scenarios/schema.json
	$(BIN)/python tools/scenario_reference.py > docs/scenario-reference.md

example: $(INSTALLED)  ## write results/example anew: a study as it is kept in git
	rm -rf $(EXAMPLE)
	$(BIN)/portsim compare $(EXAMPLE_SCENARIOS) --replications 12 --weeks 4 --out $(EXAMPLE)
	rm -r $(EXAMPLE)/parts $(EXAMPLE)/report.html $(EXAMPLE)/tables.xlsx
	find $(EXAMPLE)/figures -type f $(foreach figure,$(EXAMPLE_FIGURES),! -name $(figure).png) -delete

bench: $(INSTALLED)  ## portsim beside plain SimPy and Ciw, into docs/benchmarks.md; about five minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]' -c constraints.txt
	$(BIN)/python benchmarks/bench.py

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
