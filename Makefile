# The verbs of the house; CI runs the same ones. `make help` lists them.

TOOLS := $(or $(REDIS_CLUSTER_GEN_TOOLS),$(HOME)/.cache/redis-cluster-gen/tools)
export REDIS_CLUSTER_GEN_TOOLS := $(TOOLS)

CARGO := cargo
STAGE := .ci/stage

# Every test target of Cargo.toml; the slow ones wait for `make test`.
TARGETS := $(shell sed -n '/^\[\[test\]\]/{n;s/^name = "\(.*\)"/\1/p;}' Cargo.toml)
SLOW := fuzz judges lab yaml
QUICK := $(filter-out $(SLOW),$(TARGETS))

.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be done
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

.PHONY: check
check: tools fmt clippy deny shell yamllint ## before a push: everything that is quick
	@$(STAGE) "quick tests" $(CARGO) test --locked --lib --bins $(addprefix --test ,$(QUICK))

.PHONY: test
test: tools fmt clippy deny shell yamllint ## everything, of the lab a quick set; installs what it needs
	@$(STAGE) "tests" $(CARGO) test --locked --no-fail-fast
	@$(STAGE) "lab, quick set" $(CARGO) test --locked --test lab

.PHONY: bless
bless: ## write expected output and examples anew; read the diff before you commit it
	BLESS=1 $(CARGO) test --locked --no-fail-fast --lib --bins $(addprefix --test ,$(QUICK))

.PHONY: lab
lab: ## the rendered documents on real servers: ENGINE=redis-7.0 SCENARIO=f7 LAYOUT=single RUNS=3 JOBS=2 REPORT=docs/fault-tests.md
	$(CARGO) test --locked --test lab -- --all $(if $(ENGINE),--engine $(ENGINE)) \
		$(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(LAYOUT),--layout $(LAYOUT)) \
		$(if $(RUNS),--runs $(RUNS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(REPORT),--report $(REPORT))

.PHONY: mutations
mutations: ## break the rendered files in every known way; the lab has to notice each: REPORT=docs/fault-tests.md
	$(CARGO) test --locked --test lab -- --mutation all $(if $(ENGINE),--engine $(ENGINE)) $(if $(REPORT),--report $(REPORT))

.PHONY: scrapes
scrapes: ## read the metrics that the alerts are tested with anew, from real servers in the lab: SCENARIO=lag
	$(CARGO) test --locked --test lab -- --engine $(or $(ENGINE),redis-7.0) --scrape tests/judges/scrapes \
		$(if $(SCENARIO),--scenario $(SCENARIO))

.PHONY: rules
rules: ## take each rule about changes out of the table; a case has to notice
	$(CARGO) test --locked --test diff no_rule_can_be_taken_out_unnoticed -- --nocapture

.PHONY: bench
bench: ## CPU and memory of a render, beside /bin/true, kustomize and Helm
	$(CARGO) bench --locked --bench render

.PHONY: fuzz
fuzz: ## a million hostile specs through the checks
	FUZZ_INPUTS=$${FUZZ_INPUTS:-1000000} $(CARGO) test --locked --release --test fuzz -- --nocapture

.PHONY: tools
tools: ## install the outside tools that the tests use
	@$(STAGE) "tools" tests/judges/install

# The parts of check and test.

.PHONY: fmt
fmt:
	@$(STAGE) "formatting" $(CARGO) fmt --check

.PHONY: clippy
clippy:
	@$(STAGE) "clippy" $(CARGO) clippy --locked --all-targets -- -D warnings
	@$(STAGE) "clippy of the lab" $(CARGO) clippy --locked --test lab -- -D warnings

# `cargo deny` asks cargo for the crates of all platforms, so they have to be there before it works offline.
.PHONY: deny
deny: tools
	@$(CARGO) fetch --quiet --locked
	@$(STAGE) "licences and sources" $(TOOLS)/bin/cargo-deny --offline --locked check \
		--hide-inclusion-graph bans licenses sources

.PHONY: shell
shell: tools
	@$(STAGE) "shell scripts" .ci/shell

.PHONY: yamllint
yamllint: tools
	@$(STAGE) "yamllint" $(TOOLS)/bin/yamllint --strict .yamllint.yaml .github $(wildcard examples)
