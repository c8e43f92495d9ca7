# `make demo` runs one coordination episode; `make test` runs the tests; `make bench` times the
# hot paths against what one would use otherwise (minutes).
# Both first make .venv with everything in it; nothing outside this folder changes.
PYTHON ?= python3
BIN := .venv/bin
MODELS := core grid market planning traffic uncertainty

.PHONY: demo test test-models test-agents lint bench clean
demo: .venv/ready
	$(BIN)/roadvolt run

# Two halves side by side: worker processes start in the second only.
test: .venv/ready
	$(MAKE) -j2 test-models test-agents

test-models:
	$(BIN)/python -m pytest -q $(MODELS:%=tests/%)

test-agents:
	$(BIN)/python -m pytest -q tests $(MODELS:%=--ignore=tests/%)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd .venv/ns && ../bin/mypy --config-file ../../pyproject.toml -p roadvolt
	cd .venv/ns && ../bin/lint-imports --config ../../pyproject.toml

bench: .venv/ready
	$(BIN)/python benchmarks/clearing.py
	$(BIN)/python benchmarks/opf.py
	$(BIN)/python benchmarks/power_flow.py
	$(BIN)/python benchmarks/planning_fdn.py
	$(BIN)/python benchmarks/dispatch.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv || true
	$(BIN)/uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[dev]' \
	  || $(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	mkdir -p .venv/ns && ln -sfn ../.. .venv/ns/roadvolt
	touch $@

clean:
	rm -rf .venv build *.egg-info
