# Two commands for a newcomer: make demo, make test.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check bench drill lock install dev clean secrets compose-up compose-down compose-demo

demo: install
	@$(BIN)/soc demo $(DEMO_ARGS)

test: dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(TEST_ARGS)
	@$(MAKE) --no-print-directory check

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/soc rules check --quiet

bench: dev
	$(BIN)/python -m tests.bench

install: $(VENV)/.installed
dev: $(VENV)/.dev

# Wheels only, every one checked against its hash; the project itself is linked, not built.
$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing (once)..."
	@$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.installed
	@$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements-dev.lock
	@touch $@

# Faults against real servers on this machine; the table says what was lost, twice or different. At most 20 minutes.
drill: dev
	$(BIN)/python -m tests.services.drills $(DRILL_ARGS)

# The distributed engine in containers: docker, or podman with podman-compose.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo podman-compose)

secrets:
	@sh deploy/secrets.sh

compose-up: secrets
	$(COMPOSE) build init
	$(COMPOSE) up -d
	@sh deploy/wait.sh $(COMPOSE)

compose-demo: export SOC_SETTINGS = ./deploy/demo.yml
compose-demo: export SOC_INVENTORY = ./soc/story/inventory.yml
compose-demo: export SOC_MODELS = ./soc/story/models/anomaly
compose-demo: export SOC_SHARE = 3650d
compose-demo: compose-up
	@sh deploy/demo.sh $(COMPOSE)

# Volumes stay; "$(COMPOSE) down -v" removes them as well.
compose-down:
	$(COMPOSE) down

# After a change of dependencies in pyproject.toml; needs uv. Locks for Python 3.11 and later, without addresses:
# what one machine needs, what the servers need on top, and what development needs.
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
  --no-emit-find-links --only-binary :all: --group build
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --extra stream --extra elastic --extra anomaly --extra share pyproject.toml -o requirements-server.lock
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) soc-data
