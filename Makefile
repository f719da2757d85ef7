# `make demo` and `make test` do all the set-up themselves; everything lands in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN ?= results/demo-$(shell date +%Y%m%d-%H%M%S)

.PHONY: demo test test-slow test-vm lint format bench conformance-random fuzz lock clean

$(READY): requirements.lock pyproject.toml
	@echo "setting up $(VENV) (once; a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## train briefly, compare tuners on real recordings, write a report
	$(BIN)/damosrl train experiment=demo out=$(RUN)/train
	$(BIN)/damosrl compare experiment=demo "tuners+=[$(RUN)/train/artifact]" out=$(RUN)/compare

test: $(READY) lint  ## everything a change must pass; -n 2 uses both cores
	$(BIN)/pytest -q -n 2 --dist loadfile

test-slow: $(READY)  ## the minutes-long cases
	$(BIN)/pytest -q -n 2 -m slow

test-vm: $(READY)  ## boots real kernels in QEMU; builds the lab first (needs root for packages)
	$(BIN)/damosrl vm build
	$(BIN)/damosrl vm build --kernel 6.12
	$(BIN)/pytest -q -m vm

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## ratios of design targets, measured in one run, and how cost grows
	@mkdir -p results/published/bench
	$(BIN)/damosrl bench > results/published/bench/bench.json
	$(BIN)/damosrl bench --scaling results/published/bench
	@cat results/published/bench/bench.json

fuzz: $(READY)  ## a million random documents: no crash, no hang, no violated invariant
	$(BIN)/damosrl conformance --fuzz 1000000 --seed 2026 --jobs 2

conformance-random: $(READY)  ## a million random machines: engine against plain-Python reference
	$(BIN)/damosrl conformance --random 1000000 --seed 2026 --jobs 2

lock: $(READY)  ## write requirements.lock anew from what .venv holds
	@echo '# Exact versions for `make demo` and `make test`; made with `make lock`.' > requirements.lock
	@$(BIN)/pip freeze --all --exclude-editable | grep -v -E '^(pip|setuptools|damosrl)==' | sed 's/+cpu//' >> requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
