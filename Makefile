# make          say what there is
# make demo     set everything up, measure this machine, and say where the report lies
# make test     set everything up, then pass every check: format, lint, types, tests
# make check    the same checks on what is set up already
# make compare-alike   compare two short sweeps of this machine: a verdict must be written
# make fmt      mend format and lint; renew the published JSON Schemas
# make fuzz     change fields of valid inputs 10,000 times; each must be read or refused
# make torture  kill, starve, race and lie to moeprof for a quarter of an hour; torture-full: for hours
# make rehearsal  run the whole GPU path on a stand-in of a GPU: some ten minutes on a quiet machine
# make gpu      try all that moeprof measures on this machine, in eight minutes
# make test-matrix   the tests of a CPU and of compiled kernels under other torch and Triton versions
# make bench    run every benchmark, quickly
# make clean    remove what the others made, except runs
.PHONY: help demo test check compare-alike fmt fuzz torture torture-full rehearsal gpu test-matrix bench clean
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONSAFEPATH = 1   # the root holds folders named parsers/, kernels/: never import them so

help:
	@sed -n 's/^# //p' Makefile

# One stamp for both targets: pip runs again only when what it installs has changed.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "moeprof needs Python 3.11 or newer; name one with PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/moeprof doctor || [ $$? = 1 ]
	$(BIN)/moeprof profile --ops all --batch-sizes 1..512 --preset small --budget 3m || [ $$? = 4 ]
	$(BIN)/moeprof build-model
	$(BIN)/moeprof validate --against holdout || case $$? in 1|125) ;; *) exit 1; esac
	$(BIN)/moeprof cost fc1 --batch-size 37
	@echo "The report, to open in a browser:"
	@$(BIN)/moeprof report

test: .venv/installed
	$(MAKE) check

check:
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --dist worksteal

# Two sweeps of one build are alike. Whether their times are is the machine's to say, so any verdict
# is right here, but one must be written.
compare-alike: .venv/installed
	runs=$$(mktemp -d); trap 'rm -rf "$$runs"' EXIT; \
	for side in old new; do \
	  $(BIN)/moeprof profile --ops gelu --device cpu --batch-sizes 1,64 --sampling all \
	    --no-power --force --store $$runs/$$side || exit; \
	done; \
	$(BIN)/moeprof compare $$runs/old/* $$runs/new/* --json > $$runs/verdict.json; \
	case $$? in 0|1|125) ;; *) exit 1;; esac; \
	$(BIN)/python -c 'import json, sys; print("verdict:", json.load(sys.stdin)["verdict"])' \
	  < $$runs/verdict.json

fmt: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m moeprof.store.schemas

fuzz: .venv/installed
	PYTHONPATH=.path $(BIN)/python -m moeprof.tests.fuzz $(FUZZ)

torture: .venv/installed
	PYTHONPATH=.path $(BIN)/python -m moeprof.tests.torture $(TORTURE)

torture-full: .venv/installed
	PYTHONPATH=.path $(BIN)/python -m moeprof.tests.torture --size full $(TORTURE)

# A machine with a GPU may have no network, and a torch of its own: where PYTHON has what the selftest
# needs, nothing is installed.
NEEDED := msgspec numpy pandas pyarrow pynvml rich scipy torch typer
HAS := import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))
rehearsal: .venv/installed
	PYTHONPATH=.path $(BIN)/python -m moeprof.tests.rehearsal

gpu:
	@[ -e .venv/installed ] || $(PYTHON) -c '$(HAS)' $(NEEDED) || $(MAKE) .venv/installed
	@python=$(PYTHON); [ ! -e .venv/installed ] || python=$(BIN)/python; \
	PYTHONPATH=.path$${PYTHONPATH:+:$$PYTHONPATH} $$python -m moeprof selftest $(SELFTEST)

test-matrix:
	PYTHONPATH=.path $(PYTHON) -m moeprof.tests.matrix $(MATRIX)

bench: .venv/installed
	for file in $(wildcard benchmarks/*.py); do $(BIN)/python $$file --quick || exit; done

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
