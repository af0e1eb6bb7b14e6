# Every target sets up what it needs: Python 3.10 or newer and make are all a machine must have.
SHELL := /bin/sh
.DEFAULT_GOAL := help
# The environments of this folder are meant, whatever is active in the caller's shell.
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONPATH PYTHONHOME
# Without bytecode Meltano takes three times as long to start, and the connectors four times.
unexport PYTHONDONTWRITEBYTECODE
# uv looks at the certificates of the system as pip does: behind a company's TLS proxy its own are not enough. Two names of
# one setting, for older and newer versions.
export UV_NATIVE_TLS ?= 1
export UV_SYSTEM_CERTS ?= 1

OWN_UV := .make/uv/bin/uv
UV := $(or $(shell command -v uv 2>/dev/null),$(OWN_UV))
DISTRIBUTIONS := planhat-api planhat-sandbox tap-planhat target-planhat
LOCKED := pyproject.toml uv.lock examples/tap-warehouse/pyproject.toml $(DISTRIBUTIONS:%=%/pyproject.toml)

.PHONY: help demo meltano check test test-engines test-dagster test-airflow unit lint package bench bench-calls bench-machines docs clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: demo/.venv/ready ## A tenant into DuckDB, results of SQL back into Planhat: all on this machine, no account needed
	@demo/.venv/bin/python -m demo $(ARGS)

meltano: demo/.venv/ready ## Meltano, the sandbox and DuckDB for runs of your own
	@echo "Ready. This puts them on the path of your shell: . demo/.venv/bin/activate"

test: .venv/ready demo/.venv/ready ## All tests but those with engines
	@.venv/bin/python -m pytest $(ARGS)

# Each engine has an environment of its own. One waits for its quota while the other works.
test-engines: ## Tests with Dagster, Celery and Airflow
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-dagster test-airflow

test-dagster: .venv/ready dagster-planhat/.venv/ready
	@dagster-planhat/.venv/bin/python -m pytest --config-file=tests/engines/pytest.toml --rootdir=. tests/engines $(ARGS)

test-airflow: .venv/ready examples/airflow/.venv/ready
	@.venv/bin/python -m pytest --numprocesses=0 tests/airflow $(ARGS)

check: .venv/ready ## Style, types, imports and unit tests, side by side: for all the time
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint unit

# Unit tests wait for nothing and share nothing: one process for each core, and no file that all others wait for.
unit: .venv/ready ## Unit tests
	@.venv/bin/python -m pytest -q --numprocesses=2 --dist=worksteal tests/unit $(ARGS)

lint: .venv/ready dagster-planhat/.venv/ready ## Style, types, imports, dependencies, lock files
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@cd dagster-planhat && .venv/bin/mypy
	@PYTHONPATH=dagster-planhat .venv/bin/lint-imports --no-cache --no-logo
	@set -e; for each in $(DISTRIBUTIONS) examples/tap-warehouse; do \
		.venv/bin/deptry --no-ansi $$each --config $$each/pyproject.toml; \
	done
	@.venv/bin/deptry --no-ansi tests docs
	@cd dagster-planhat && .venv/bin/deptry --no-ansi .
	@$(UV) lock --check --quiet
	@$(UV) lock --check --quiet --project dagster-planhat
	@$(UV) lock --check --quiet --project demo
	@$(UV) lock --check --quiet --project examples/airflow

package: | $(UV) ## Build the distributions and install each from its wheel into an empty environment
	@.ci/package $(UV) $(DISTRIBUTIONS) dagster-planhat

bench: .venv/ready ## Speed and memory against peers
	@UV=$(UV) .venv/bin/python -m benchmarks $(ARGS)

bench-calls: .venv/ready ## Calls of an hourly sync, beside peers and the fewest possible
	@UV=$(UV) .venv/bin/python -m benchmarks.calls $(ARGS)

bench-machines: .venv/ready dagster-planhat/.venv/ready ## A backfill on several machines, some of which are lost
	@dagster-planhat/.venv/bin/python -m tests.engines.machines $(ARGS)

docs: .venv/ready ## Write what is generated: settings tables, plugin definitions, the table of streams
	@.venv/bin/python docs/generate.py
	@.venv/bin/python docs/streams.py

clean: ## Remove everything that the other targets made
	rm -rf .make .meltano .venv dagster-planhat/.venv demo/.venv examples/airflow/.venv benchmarks/.venvs output/* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/ready: $(LOCKED) | $(UV)
	@$(UV) sync --quiet --frozen --compile-bytecode --all-packages --group dev
	@touch $@

demo/.venv/ready: demo/pyproject.toml demo/uv.lock planhat-api/pyproject.toml planhat-sandbox/pyproject.toml | $(UV)
	@$(UV) sync --quiet --frozen --compile-bytecode --project demo
	@touch $@

dagster-planhat/.venv/ready: dagster-planhat/pyproject.toml dagster-planhat/uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --compile-bytecode --project dagster-planhat --all-extras --group dev
	@touch $@

examples/airflow/.venv/ready: examples/airflow/pyproject.toml examples/airflow/uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --compile-bytecode --project examples/airflow
	@touch $@

$(OWN_UV):
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed." >&2; exit 1; }
	@python3 -m venv .make/uv || { echo "python3 has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@.make/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"
