# On a fresh machine with Python 3.11 or newer, `make demo` is all it takes: what is needed is installed into .venv, once,
# from the hash-locked files in requirements/. `make help` lists the rest.

VENV   ?= .venv
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$python" && break; done)
ARGS   ?=
SEEDS  ?= 50
TARGET ?= sse
SECONDS ?= 60
WORKERS ?= 2

PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --quiet --quiet --disable-pip-version-check --no-input
UV     := uv==0.13.9
# The official SDKs that the tests compare us with are exact, and so may be younger than a week.
PEERS  := $(foreach peer,anthropic botocore google-genai openai,--exclude-newer-package "$(peer)=2026-11-23")
LOCK   := $(VENV)/bin/uv pip compile --no-config --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --exclude-newer "7 days" $(PEERS) $(UPGRADE) pyproject.toml

# The tests that run components of other makes, or measure against them.
PARTS  := tests/peers tests/examples tests/benchmarks

# What covers the router and the providers; the rest of the suite adds nothing to it.
MEASURED := tests/config tests/providers tests/router tests/wire
# Of these, what takes minutes under the count.
LONG := tests/router/engine/test_storms.py tests/router/engine/test_poisoned_requests.py

# Stamps: made when a set-up step is done, older than their inputs when it has to be done again.
RUNTIME := $(VENV)/.runtime-installed
DEV     := $(VENV)/.dev-installed
FUZZ    := $(VENV)/.fuzz-installed
BESIDE  := $(VENV)/peers/.installed
MODULES := tests/peers/node/node_modules/.installed
# The SDKs of Node: where there is no npm, the tests that want them are skipped, and in CI they fail.
NODE    := $(if $(shell command -v npm 2>/dev/null),$(MODULES))
FRONT   := $(VENV)/gateways/.installed

.DEFAULT_GOAL := help
.PHONY: help demo serve test parts check format bench pictures sim fuzz build lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME)  ## watch a stream survive a failing provider; needs no key and no network beyond the set-up
	@$(VENV)/bin/standby demo $(ARGS)

serve: $(RUNTIME)  ## serve OpenAI's and Anthropic's protocols; a simulator answers where there is no key; make serve ARGS=standby.yaml
	@$(VENV)/bin/standby serve $(ARGS)

test: $(DEV)  ## run the tests; make test ARGS="-k breaker -x"
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(foreach folder,$(PARTS),--ignore=$(folder)) $(ARGS)

parts: $(DEV) $(NODE)  ## run the tests with components of other makes (official SDKs, also those of Node, Celery, Gunicorn, Uvicorn), and those of the benchmarks
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PARTS) $(ARGS)

coverage: $(DEV)  ## run the tests of the router and the providers, and fail below 97 % of their lines and branches
	@rm -rf .coverage
	@mkdir .coverage
	@for folder in $(or $(ARGS),$(MEASURED)); do \
		$(PY) -m coverage run -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -p no:cacheprovider --hypothesis-profile=ci \
			$(foreach file,$(LONG),--ignore=$(file)) "$$folder" || exit 1; \
	done
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

check: $(DEV)  ## format, lint, types of the installed package, direction of imports
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) .ci/types.py mypy pyright
	@$(PY) .ci/knowledge.py
	@$(PY) -m pytest -q tests/project/test_imports_point_one_way.py

format: $(DEV)  ## format the code and mend what the linter can
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(DEV) $(if $(findstring --peers,$(ARGS)),$(BESIDE)) $(if $(findstring --gateway,$(ARGS)),$(FRONT))  ## measure what standby costs; make bench ARGS=--help tells the rest
	@$(PY) -m benchmarks $(ARGS)

pictures: $(DEV)  ## draw what a terminal shows of the commands, for the docs; make pictures ARGS=drill
	@$(PY) .ci/pictures.py $(ARGS)

sim: $(DEV)  ## play simulated worlds full of faults in virtual time; make sim SEEDS=500
	@$(PY) -m worlds --seeds $(SEEDS)
	@$(PY) -m worlds --seeds 100 --http public

fuzz: $(FUZZ)  ## look for bytes that break a promise of a parser; make fuzz TARGET=sse SECONDS=600
	@$(PY) tests/fuzz/run_atheris.py $(TARGET) $(SECONDS)

build: $(DEV)  ## make the sdist, and the wheel from it, in dist/
	@rm -rf dist
	@$(PY) -m build --no-isolation

lock: | $(PY)  ## write requirements/*.txt anew from pyproject.toml; make lock UPGRADE=--upgrade takes newer versions
	@$(PIP) install $(UV)
	@echo "Locking requirements/dev.txt ..."
	@$(LOCK) --all-extras --group build --group dev --group peers --output-file requirements/dev.txt >/dev/null
	@echo "Locking requirements/runtime.txt, which is a part of it ..."
	@$(LOCK) --extra cli --group build --constraint requirements/dev.txt \
		--output-file requirements/runtime.txt >/dev/null
	@echo "Locking requirements/fuzz.txt, for make fuzz alone ..."
	@$(LOCK) --group fuzz --constraint requirements/dev.txt --output-file requirements/fuzz.txt >/dev/null

clean:  ## remove .venv and everything that was made
	@rm -rf $(VENV) $(dir $(MODULES)) .coverage .fuzz build dist standby.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@test -n "$(PYTHON)" || { echo "standby needs Python 3.11 or newer, and none was found." \
		"Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is not Python 3.11 or newer; name another: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version) ..."
	@"$(PYTHON)" -m venv --clear "$(VENV)" || { echo "This Python cannot make virtual environments;" \
		"on Debian and Ubuntu install the package python3-venv." >&2; rm -rf "$(VENV)"; exit 1; }

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(PY)
	@echo "Installing what standby needs (once, well under a minute) ..."
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "Installing what development needs (once) ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(BESIDE): benchmarks/peers.txt $(DEV)
	@$(PY) -m benchmarks.peers
	@touch $@

$(FRONT): benchmarks/gateways.txt $(DEV)
	@$(PY) -m benchmarks.gateway.install
	@touch $@

$(MODULES): tests/peers/node/package-lock.json
	@echo "Installing the SDKs of Node that the tests compare us with (once) ..."
	@npm ci --prefix $(dir $<) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(FUZZ): requirements/fuzz.txt $(DEV)
	@echo "Installing what fuzzing needs (once) ..."
	@$(PIP) install --require-hashes -r requirements/fuzz.txt
	@touch $@
