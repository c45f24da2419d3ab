# Riverline's commands. `make` alone lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   := .venv
RUN    := $(VENV)/bin/python
# Tests mostly wait, for Kafka and for processes that start: three workers, each with a Kafka of its own.
WORKERS := -n 3 --dist worksteal
# The slow ones have brokers to kill and limits to keep: two, the longest first (tests/conftest.py).
OF_ALL  := -n 2 --dist loadfile --no-loadscope-reorder
FUZZ_SECONDS ?= 450

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.installed ## install all that is needed into .venv (done by the others when due)

# Made anew when the locked packages change; a second call costs nothing.
$(VENV)/.installed: requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(RUN) || "$(PYTHON)" -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python's venv module is needed (Debian: python3-venv)"; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## the main job end to end on an embedded Kafka, with pictures
	@$(RUN) examples/demo.py

test: setup ## the tests that take seconds (about six minutes on two cores)
	@$(RUN) -m pytest -m "not slow" $(WORKERS)

test-all: setup ## every test, those that take minutes too (kills, clients, browser)
	@$(RUN) -m pytest $(OF_ALL)

check: setup ## style, types, import directions, then the tests
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(MAKE) --no-print-directory test

bench: setup $(VENV)/peers/.installed ## the benchmark, against an embedded Kafka (BENCH=--help for its options)
	@$(RUN) benchmarks/bench.py $(BENCH)

fuzz: $(VENV)-fuzz/.installed ## fuzz what reads bytes from outside, 38 minutes (FUZZ_SECONDS=450 for each target)
	@$(VENV)-fuzz/bin/python fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZ)

$(VENV)-fuzz/.installed: requirements-fuzz.lock requirements.lock pyproject.toml
	@test -x $(VENV)-fuzz/bin/python || "$(PYTHON)" -m venv $(VENV)-fuzz
	@$(VENV)-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements.lock -r requirements-fuzz.lock
	@$(VENV)-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

wheel: setup ## build the wheel into dist/
	@$(RUN) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

sbom: $(VENV)-sbom/.installed ## bills of materials of what runs, CycloneDX, into sbom/ (needs npm)
	@$(VENV)-sbom/bin/python deploy/sbom.py

$(VENV)-sbom/.installed: requirements-sbom.lock
	@test -x $(VENV)-sbom/bin/python || "$(PYTHON)" -m venv $(VENV)-sbom
	@$(VENV)-sbom/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements-sbom.lock
	@touch $@

# The peers ask for older packages than the lock has, so they live in an environment of their own.
$(VENV)/peers/.installed: requirements-bench.lock $(VENV)/.installed
	@test -x $(VENV)/peers/bin/python || $(RUN) -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements-bench.lock && touch $@ || echo "The peers can't be installed; on without them."

environment: setup ## write the variables that the gateway reads too, after a change of theirs
	@$(RUN) -m deploy.environment

reference: setup ## write the reference pages of the documentation, after a change of settings, metrics or contract/
	@$(RUN) -m deploy.reference

docs: $(VENV)-docs/.installed ## build the documentation as a site, into site/
	@NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict --quiet

$(VENV)-docs/.installed: requirements-docs.lock
	@test -x $(VENV)-docs/bin/python || "$(PYTHON)" -m venv $(VENV)-docs
	@$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements-docs.lock
	@touch $@

monitoring: setup ## write Grafana's dashboard and Kubernetes' alerts, after a change of deploy/
	@$(RUN) -m deploy.grafana.dashboard
	@$(RUN) -m deploy.kubernetes.rules

lock: setup ## pin every package with its hashes, after a change of pyproject.toml
	$(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --all-extras \
	  --all-build-deps --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock pyproject.toml
	$(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --extra otel -c requirements.lock \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements-run.lock pyproject.toml
	{ cat requirements-bench.in; sed -n 's/^\(river\|numpy\|scipy\|orjson\)==\([^ ]*\).*/\1==\2/p' requirements.lock; } \
	  | $(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --output-file requirements-bench.lock -
	for name in fuzz sbom docs; do $(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements-$$name.lock \
	  requirements-$$name.in; done

clean: ## remove what setup and the tests made
	rm -rf $(VENV) $(VENV)-docs $(VENV)-fuzz $(VENV)-sbom .fuzz sbom site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help setup demo test test-all check bench fuzz sbom wheel environment reference docs monitoring lock clean
