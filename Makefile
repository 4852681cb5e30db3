# Two commands from a bare checkout, in either order: `make run` and `make test`.
# Needed beforehand: python3 (3.11 or newer) with pip, make, git. Everything else is set up here.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# uv from the search path, else our own copy, which pip puts into a folder of the checkout: that
# works where the system forbids plain installs and where the venv module is missing.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
UV_WANTED := uv>=0.9,<1
RUN := $(UV) run --frozen --no-sync
SYNCED := .make/synced
SYNCED_ALL := .make/synced-all
SYNCED_AUDIT := .make/synced-audit
SYNCED_DOCS := .make/synced-docs
SYNCED_CLUSTER := .make/synced-cluster
SYNCED_BROWSER := .make/synced-browser
SYNCED_FUZZ := .make/synced-fuzz
SYNCED_MUTANTS := .make/synced-mutants
PEERS_READY := .make/peers .make/peers-nautilus
WIRE_READY := $(addprefix .make/wire-,trade_api ccxt lumibot node)

# A Python that is not there is a clear message, not a download that is retried for minutes.
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV

# Compiled modules are kept in the checkout, also where nothing may be written beside the sources:
# a start of Python costs a third of the CPU then, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pyc

# Tests run in this many processes, one more than two cores because many tests wait for something;
# PYTEST_FLAGS goes to pytest, as in PYTEST_FLAGS="-k tier".
JOBS ?= 3
PYTEST_FLAGS ?=
SECONDS ?= 60
SEED ?= 0
N ?= 200
STATES ?= 20000
EVERY ?= 1
RATE ?= 100
PYTEST := $(RUN) pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

SETS ?= 1000
ROUNDS ?= 3
BENCHES := bench-gateway bench-kernel bench-peers

.PHONY: help run notebook test test-long test-all simulate model planted crash power-loss io-errors troubles fuzz fuzz-deep mutants soak audit wire browser cluster package image bench $(BENCHES) fmt lint vectors docs clean

help:  ## List the targets (the default)
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- use ------------------------------------------------------------------------------------------

run: $(SYNCED)  ## Set up and run the demo: an account over its caps, on embedded parts
	@$(RUN) smart-leverage demo

notebook: $(SYNCED)  ## Open a notebook in the browser: would a policy have helped?
	@$(RUN) marimo edit examples/would_it_have_helped.py

# --- check ----------------------------------------------------------------------------------------

test: $(SYNCED)  ## Set up and run the tests; JOBS=3, PYTEST_FLAGS="-k tier"
	@$(PYTEST) $(PYTEST_FLAGS)

test-long: $(SYNCED)  ## The longer of the tests: years of real prices, more seeds, more mistakes
	@$(PYTEST) --long -m long $(PYTEST_FLAGS)

test-all: $(SYNCED_ALL)  ## All of them with every extra installed and many more generated examples
	@$(PYTEST) --long --hypothesis-profile=thorough $(PYTEST_FLAGS)

lint: $(SYNCED)  ## Check style, format, types and layers; changes nothing
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	@echo "lint: style, format, types and layers are clean"

fmt: $(SYNCED)  ## Sort imports, apply safe fixes, format
	@$(RUN) ruff check --fix-only
	@$(RUN) ruff format

vectors: $(if $(FILE),$(SYNCED))  ## Run FILE=vectors.json through the public functions, a line per function
	@test -n "$(FILE)" || { echo "vectors: say which, as in: make vectors FILE=vectors.json" >&2; exit 2; }
	@$(RUN) python -m tests.golden.vectors "$(FILE)"

simulate: $(SYNCED)  ## Play accounts with faults on all cores, judged by an oracle; SECONDS=60 SEED=0
	@$(RUN) python -m tests.simulation.simulate $(SECONDS) $(SEED)

model: $(SYNCED)  ## Search every interleaving of the submit protocol in small worlds; STATES=20000 bounds each
	@$(RUN) python -m tests.model.run $(STATES)

planted: $(SYNCED)  ## Plant every mistake, tell who saw it, and renew docs/concepts/planted-mistakes.md
	@$(RUN) python -m tests.simulation.mistakes_table

crash: $(SYNCED)  ## Kill an account's process N=200 times and compare with one that nobody killed
	@$(RUN) python -m tests.crash.crash $(N)

power-loss: $(SYNCED)  ## Open N=200 disks as power cuts may leave them, and ask for all that was promised
	@$(RUN) python -m tests.power.power_loss $(N)

io-errors: $(SYNCED)  ## Let every call that changes a file fail once, or every 10th with EVERY=10
	@$(RUN) python -m tests.power.io_errors $(EVERY)

troubles: $(SYNCED)  ## Play troubles of disk, file, second instance and clock, and tell what happened
	@$(RUN) python -m tests.simulation.troubles

fuzz: $(SYNCED)  ## Send N=1000000 mutated order bodies through the gateway's reading; SEED=0
	@$(RUN) python -m tests.fuzz.run $(if $(filter command line,$(origin N)),$(N),1000000) $(SEED)

# The fuzzer has wheels for Linux and some versions of Python only, so it lives beside the rest.
fuzz-deep $(SYNCED_FUZZ): export UV_PROJECT_ENVIRONMENT := .tools/fuzz
fuzz-deep: $(SYNCED_FUZZ)  ## Let a fuzzer find its way by coverage into all that is read of others; SECONDS=60
	@$(RUN) python -m tests.fuzz.deep $(SECONDS) $(SEED)

mutants $(SYNCED_MUTANTS): export UV_PROJECT_ENVIRONMENT := .tools/mutants
mutants: $(SYNCED_MUTANTS)  ## Change rules and arithmetic in small ways for SECONDS=600, and tell what no test noticed; SEED=0
	@$(RUN) python -m tests.mutants.run $(if $(filter command line,$(origin SECONDS)),$(SECONDS),600) $(SEED)

soak: $(SYNCED)  ## Load an account for SECONDS=300, RATE=100 orders a second, LIVES=1, and look whether anything grows
	@$(RUN) python -m tests.soak.run $(if $(filter command line,$(origin SECONDS)),$(SECONDS),300) \
		$(if $(RATE),--rate $(RATE)) $(if $(CONNECTIONS),--connections $(CONNECTIONS)) $(if $(LIVES),--lives $(LIVES))

audit: $(SYNCED) $(SYNCED_AUDIT)  ## Look for weaknesses in dependencies, code and what is shipped; asks a service
	@UV=$(UV) $(RUN) python scripts/audit.py

wire: $(SYNCED) $(WIRE_READY)  ## Set up other people's clients and run them against the gateway
	@$(PYTEST) --complete $(PYTEST_FLAGS) tests/wire/others

# The driver of the browser is large, so it has an environment of its own; the browser is Debian's.
browser $(SYNCED_BROWSER): export UV_PROJECT_ENVIRONMENT := .tools/browser
browser: $(SYNCED_BROWSER) .make/chromium  ## Open the dashboard in Debian's chromium against real processes; renews its pictures
	@$(RUN) pytest --complete $(PYTEST_FLAGS) tests/browser

# Ray and a database server are large and nobody needs them on one machine, so they have an
# environment of their own as well.
cluster $(SYNCED_CLUSTER): export UV_PROJECT_ENVIRONMENT := .tools/cluster
cluster: $(SYNCED_CLUSTER)  ## Set up Ray and PostgreSQL and run sweeps on them: the same bytes, with workers killed
	@$(RUN) pytest --complete $(PYTEST_FLAGS) tests/cluster/test_*.py

# The image cannot be built without a container engine; what it installs and starts can be tried.
package: $(SYNCED) .make/package  ## Install as the image does, by the hashes of the lock, and run what it starts
	@SMART_LEVERAGE_PACKAGE=$(CURDIR)/.tools/package/made $(RUN) pytest --complete $(PYTEST_FLAGS) tests/package

ENGINES := docker podman buildah
ENGINE ?= $(firstword $(foreach one,$(ENGINES),$(shell command -v $(one))))
IMAGE ?= smart-leverage:0.1.0
IMAGE_FLAGS ?=
# The format of OCI drops the health check.
FORMAT := $(if $(findstring docker,$(firstword $(ENGINE))),,--format docker)

image:  ## Build the container image by docker, podman or buildah; BASE= another base, IMAGE= another name
	@test -n '$(ENGINE)' || { echo "image: needs one of $(ENGINES) on the search path" >&2; exit 2; }
	@$(ENGINE) build $(FORMAT) $(IMAGE_FLAGS) $(if $(BASE),--build-arg BASE=$(BASE)) \
	  --file deploy/container/Dockerfile --tag $(IMAGE) .

# --- measure --------------------------------------------------------------------------------------

bench-gateway: $(SYNCED)  ## Load the gateway for SECONDS=60 beside a bare server, halt it, audit all of it
	@$(RUN) python benchmarks/gateway $(SECONDS)

bench-kernel: $(SYNCED)  ## Run the compiled policy over 350,000 bars, for SETS=1000 policies, beside plain C
	@$(RUN) python benchmarks/kernel.py $(SETS)

bench-peers: $(SYNCED) $(PEERS_READY)  ## Run other backtesters with our policy beside ours, ROUNDS=3; renews docs/performance.md
	@$(RUN) python benchmarks/peers $(ROUNDS) --write

bench: $(SYNCED) $(PEERS_READY)  ## Run every benchmark, one after the other
	@for each in $(BENCHES); do $(MAKE) --no-print-directory $$each || exit; done

# --- write ----------------------------------------------------------------------------------------

# The site's generator lives in an environment of its own, so that building the documentation never
# changes what tests and demo run on.
docs $(SYNCED_DOCS): export UV_PROJECT_ENVIRONMENT := .tools/docs
docs: $(SYNCED_DOCS)  ## Build the documentation into site/
	@rm -rf site
	@$(RUN) zensical build --clean --strict
	@echo "docs: $$(find site -name '*.html' ! -name 404.html | wc -l) pages, start at site/index.html"

clean:  ## Remove what builds and checks left; keeps .venv and your runs/
	@rm -rf .make .tools .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
	  .ruff_cache build dist site .cache demo-report.html
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: caches, builds and tools are gone; .venv and runs/ are untouched"

# --- set-up ---------------------------------------------------------------------------------------

.tools/bin/uv:
	@echo "set-up: no uv here, installing one into .tools" >&2
	@PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --upgrade --target .tools '$(UV_WANTED)'

# The second try is for networks with a certificate authority of their own.
twice = $(1) || { \
	  echo "set-up: failed; once more with the certificates of this system" >&2; \
	  UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $(1); }

define sync
	@mkdir -p .make
	@$(call twice,$(UV) sync --frozen $(1))
	@touch $@
endef

OUR_UV := $(filter .tools/bin/uv,$(UV))

$(SYNCED): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--extra research --extra stats --extra notebook --extra notify --extra ccxt)

$(SYNCED_ALL): $(SYNCED)
	$(call sync,--all-extras)

$(SYNCED_CLUSTER): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--extra research --extra ray --extra postgres)

$(SYNCED_BROWSER): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--group browser)

$(SYNCED_FUZZ): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--no-default-groups --group fuzz --extra research)

$(SYNCED_MUTANTS): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--group mutants --extra research --extra stats --extra notebook --extra notify)

# Letters are measured and photographed, so the browser comes with a font.
INSTALL_CHROMIUM := apt-get install --yes --no-install-recommends chromium fonts-dejavu-core

.make/chromium:
	@mkdir -p .make
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  echo "set-up: Debian's chromium" >&2; \
	  $(INSTALL_CHROMIUM) >/dev/null 2>&1 || { apt-get update && $(INSTALL_CHROMIUM); } >/dev/null 2>&1; } || { \
	  echo "browser: needs chromium on the search path; as root: apt-get install chromium" >&2; exit 2; }
	@touch $@

.make/package: pyproject.toml uv.lock $(wildcard deploy/container/*) $(shell find src -name '*.py') $(OUR_UV)
	@echo "set-up: the environment of the image" >&2
	@mkdir -p .make
	@$(UV) venv --quiet --clear .tools/package
	@$(call twice,$(UV) pip sync --quiet --require-hashes --python .tools/package deploy/container/build.txt)
	@rm -rf .tools/package/made
	@PATH=$(CURDIR)/.tools/package/bin:$$PATH; export PATH; $(call twice,deploy/container/install.sh .tools/package/made)
	@touch $@

# What audits is not installed beside what it audits.
$(SYNCED_AUDIT): export UV_PROJECT_ENVIRONMENT := .tools/audit
$(SYNCED_AUDIT): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--only-group audit)

$(SYNCED_DOCS): pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--only-group docs)

# Other backtesters stand in a group of the lock. One of them needs an older library than the rest.
.make/peers: export UV_PROJECT_ENVIRONMENT := .tools/peers
.make/peers: pyproject.toml uv.lock $(OUR_UV)
	$(call sync,--no-default-groups --group peers --extra research)

.make/peers-nautilus: benchmarks/peers/nautilus.txt $(OUR_UV)
	@mkdir -p .make
	@$(UV) venv --quiet --clear .tools/peers-nautilus
	@$(call twice,$(UV) pip sync --quiet --require-hashes --python .tools/peers-nautilus $<)
	@touch $@

# What other people's clients need excludes each other and us, so each has an environment of its own.
WIRE := tests/wire/others

.make/wire-node: $(WIRE)/node/package.json $(WIRE)/node/package-lock.json
	@node --version >/dev/null 2>&1 || { echo "wire: needs Node.js 20 or newer, with npm" >&2; exit 2; }
	@echo "set-up: the clients for Node.js" >&2
	@mkdir -p .make .tools/wire/node
	@cp $^ .tools/wire/node
	@cd .tools/wire/node && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.make/wire-%: $(WIRE)/clients/%.txt $(OUR_UV)
	@echo "set-up: the environment of the client $*" >&2
	@mkdir -p .make
	@$(UV) venv --quiet --clear .tools/wire/$*
	@$(call twice,$(UV) pip sync --quiet --require-hashes --python .tools/wire/$* $<)
	@touch $@
