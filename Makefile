GO      ?= go
BIN     := bin/millrace
PACKAGES = $(shell $(GO) list ./... 2>/dev/null | grep -v -e /integration -e /bench)
MODULE   = $(shell $(GO) list -m)
# Neither these packages nor their tests have more than one goroutine, which internal/lint checks: there are no races to detect.
# What goroutines share of columnar's values, windows and batch use.
ALONE    = columnar dstream internal/jobspec internal/parquettable internal/state internal/yaml
# Unit tests make small things and drop them, and so does the compiler: a quarter of their time went into collecting these.
# Whole jobs have what they have in production.
TEST_GOGC = $(or $(GOGC),400)
# The race detector needs a C compiler.
RACE    := $(shell command -v cc >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/millrace
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -o $(BIN) ./cmd/millrace

.PHONY: demo
demo: build ## real flights through an embedded broker into Parquet, killed once on the way
	@MILLRACE=$(BIN) GO=$(GO) ./examples/flights/demo.sh

.PHONY: replay-demo
replay-demo: build ## the same once more into another directory, to the same bytes; then one byte is changed, and found
	@MILLRACE=$(BIN) ./examples/flights/replay.sh

.PHONY: test
test: lint ## all tests, then the table of what they have proven; uses real Kafka and DuckDB where Java, Maven and Python are there
	@GO="$(GO)" MAKE="$(MAKE)" .ci/test
	@bin/gotest table bin/proofs-short bin/proofs-jobs

.PHONY: test-short
test-short: ## unit and simulation tests
	@GO=$(GO) GOGC=$(TEST_GOGC) MILLRACE_PROOFS=bin/proofs-short .ci/gotest -timeout 40m $(PACKAGES)

.PHONY: test-race
test-race: ## the same with fewer cases and the race detector on, where there is a C compiler; columnar with its pointers checked
ifeq ($(RACE),)
	@echo "no C compiler: the race detector is off"
else
	@GO=$(GO) GOGC=$(TEST_GOGC) MILLRACE_PROOFS=bin/proofs-race .ci/gotest -timeout 40m -race -short $(filter-out $(addprefix $(MODULE)/,$(ALONE)),$(PACKAGES))
endif
	@GO=$(GO) MILLRACE_PROOFS=bin/proofs-pointers .ci/gotest -short -gcflags=$(MODULE)/columnar=-d=checkptr ./columnar

.PHONY: test-jobs
test-jobs: ## whole jobs on real servers
	@GO=$(GO) MILLRACE_PROOFS=bin/proofs-jobs .ci/gotest -timeout 40m -parallel 4 ./integration/... ./bench/...

.PHONY: proofs
proofs: ## the tests that print figures of what they have proven, and nothing else: the table, and how long each took
	@GO=$(GO) MILLRACE_REQUIRE_KAFKA=1 MILLRACE_REQUIRE_DUCKDB=1 .ci/gotest proofs

.PHONY: test-long
test-long: ## more seeds, kills and fuzzing; takes long
	MILLRACE_LONG=1 $(GO) test -timeout 120m $(RACE) $(PACKAGES)
	MILLRACE_LONG=1 $(GO) test -timeout 120m ./integration/... ./bench/...
	./.ci/fuzz

.PHONY: crash
crash: ## kill the program on real Kafka in every phase of a batch, N=2000 times, and stop drivers and wake them up behind a take-over
	@GO=$(GO) MILLRACE_REQUIRE_KAFKA=1 MILLRACE_REQUIRE_DUCKDB=1 MILLRACE_CRASH_KILLS=$(or $(N),2000) .ci/gotest -count=1 -timeout 120m -run 'KafkaExactlyOnce' ./integration

.PHONY: mutants
mutants: ## plant faults, two at a time, and see a test fail each time: in windows, log, store, state, sinks and driver. ONLY= some, 'close|late'
	MILLRACE_MUTANTS=1 $(GO) test ./internal/mutants -count=1 -timeout 180m -parallel 2 -run '^TestMutants$$/^($(or $(ONLY),.*))$$' -v

.PHONY: bench
bench: build ## what is promised about speed, with figure and bar: a table, behind the benchmarks in Go's format. ONLY= some of it, RECORDS= of the long job
	@$(GO) run ./bench/table -millrace $(BIN) -only "$(ONLY)" -records "$(or $(RECORDS),20000000)"

.PHONY: bench-go
bench-go: ## all benchmarks of the packages, in Go's format
	$(GO) test -run '^$$' -bench . -benchtime 1s $(PACKAGES)

.PHONY: bench-ysb
bench-ysb: build ## Yahoo Streaming Benchmark from real Kafka to Parquet; one JSON line. BROKERS= TOPIC= ADS= EXPECTED= use events that lie there already
	@$(GO) run ./bench/ysb -millrace $(BIN) -records "$(or $(RECORDS),20000000)" -brokers "$(BROKERS)" -topic "$(TOPIC)" -ads "$(ADS)" -expected "$(EXPECTED)"

.PHONY: bench-kafka
bench-kafka: ## reading from and writing to real Kafka beside franz-go and kafka-go, in Go's format. RECORDS= per run, ROUNDS=
	MILLRACE_BENCH_RECORDS=$(RECORDS) MILLRACE_REQUIRE_KAFKA=1 $(GO) test -run '^$$' -bench . -benchtime $(or $(ROUNDS),5)x -timeout 60m ./bench/kafka

.PHONY: lint
lint: ## formatting, vet, the laws of the house
	@test -z "$$(gofmt -l .)" || { echo "gofmt:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) test -count=1 ./internal/lint

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: generate
generate: ## rewrite golden files from what the code prints today; read the diff
	$(GO) test ./cmd/millrace ./columnar ./dstream ./internal/gotest ./internal/jobspec ./internal/sql ./internal/wal ./internal/yaml ./windows -rewrite
