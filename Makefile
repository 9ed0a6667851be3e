# What a newcomer types. Each target installs or names what it needs.

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint reference nextest clean

# Flags for the demo: `make demo DEMO_FLAGS=--once` takes the tour itself and ends.
DEMO_FLAGS ?=
# Flags for the benchmark: `make bench BENCH_FLAGS=--quick` shows that it works, not how fast.
BENCH_FLAGS ?=

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: ## Build Courant, load the example app into a private PostgreSQL, and say what to try
	@scripts/ensure-cargo
	@scripts/ensure-postgres >/dev/null
	cargo build --profile demo --package courant
	@COURANT_PG_BIN="$$(scripts/ensure-postgres)" exec target/demo/courant demo $(DEMO_FLAGS)

test: lint ## Run every check and every test
	@scripts/ensure-postgres >/dev/null
	@scripts/ensure-node
	COURANT_PG_BIN="$$(scripts/ensure-postgres)" scripts/test-workspace
	cargo build --package courant
	COURANT_PG_BIN="$$(scripts/ensure-postgres)" compat/run
	compat/cases/run
	COURANT_PG_BIN="$$(scripts/ensure-postgres)" compat/http-cache/run
	compat/apps/run
	compat/docs/run
	compat/page/run

bench: ## Measure what the reports claim, before and behind Courant (BENCH_FLAGS=--quick: some minutes)
	@scripts/ensure-cargo
	@mkdir -p target/bench
	COURANT_PG_BIN="$$(scripts/ensure-postgres)" cargo xtask bench reports --json target/bench/reports.json \
		--markdown target/bench/reports.md --svg target/bench/reports.svg $(BENCH_FLAGS)

lint: ## Check format, lints and the rules of the house
	@scripts/ensure-cargo fmt clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo xtask tidy

reference: ## Write the generated pages under docs/
	cargo xtask reference

nextest: ## Install the faster test runner (some minutes; without it, tests run under cargo test)
	cargo install cargo-nextest --locked

clean: ## Remove what was built and the private database
	cargo clean
	rm -rf .courant compat/node_modules compat/http-cache/node_modules examples/crm-express/node_modules \
		examples/crm-remix/node_modules examples/crm-remix/build
