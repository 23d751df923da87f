# What a developer of quorate runs. `make help` lists it.
CARGO ?= cargo
.PHONY: help test lab-deps lint generated generate bench soak

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: lab-deps ## all tests: unit, snapshot, property, lab (QUORATE_LAB=off leaves the lab out)
	$(CARGO) test --quiet

lab-deps: ## install the lab's real peers, or say what to install
	@scripts/lab-deps

lint: ## formatting and clippy, warnings denied
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings

generated: ## fail when a committed schema or generated page is out of date
	$(CARGO) build --quiet
	scripts/generated --check

generate: ## write the committed schemas and generated pages anew
	$(CARGO) build --quiet
	scripts/generated

bench: lab-deps ## the ratios that README states, measured in one run
	@scripts/bench

soak: ## 10,000 conformance runs with the wire in chaos (QUORATE_SOAK_RUNS, QUORATE_SOAK_SEED)
	QUORATE_SOAK_RUNS=$${QUORATE_SOAK_RUNS:-10000} QUORATE_SOAK_SEED=$${QUORATE_SOAK_SEED:-$$(date +%s)} \
		$(CARGO) test --quiet --profile soak --test soak -- --nocapture
