# `make demo` and `make test` are all that a person needs; each sets up what is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
DEMO := $(if $(WORKSPACE),--workspace $(WORKSPACE)) $(if $(PARTS),--parts $(PARTS))
# Qt tests run on a screen where there is one, and in memory elsewhere.
OFFSCREEN := $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(QT_QPA_PLATFORM),,QT_QPA_PLATFORM=offscreen)

.PHONY: help demo test check ruff mypy layers installer clean

help:
	@echo "make demo       set up, open the window and run the demo line (WORKSPACE=folder, PARTS=n)"
	@echo "make test       set up and run the tests (ARGS=... goes to pytest)"
	@echo "make check      ruff, mypy, import-linter"
	@echo "make installer  build the folder application dist/norma"
	@echo "make clean      remove .venv and build results"

demo:
	@tools/setup.sh
	@.venv/bin/norma demo $(DEMO)

test: dev
	@$(OFFSCREEN) .venv/bin/python -m pytest $(ARGS)

check: ruff mypy layers

ruff mypy layers: dev

.PHONY: dev
dev:
	@tools/setup.sh dev

ruff:
	.venv/bin/ruff check .

mypy:
	.venv/bin/mypy --strict -p inspector_core -p app

layers:
	.venv/bin/lint-imports

installer:
	@tools/setup.sh installer
	.venv/bin/pyinstaller --noconfirm --clean --log-level WARN installer.spec

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
