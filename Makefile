# Every target does its own set-up; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift

# Extra flags of both test runs, for instance `make test TESTFLAGS='--filter TidyTests'`.
TESTFLAGS ?=
# Suites that run a second time in release mode, where the engines' loops are what users run.
# Empty leaves that run out.
RELEASE_TESTS ?= DifferentialTests
# How long `make fuzz` searches, in seconds.
FUZZ_SECONDS ?= 60
# What `make bench` passes to the benchmark: its product's name, then its arguments.
BENCH ?=

SOURCES := $(wildcard Sources Tests Benchmarks Fuzzing Tools Package.swift)
DEMO := .build/release/switchyard
PARSER := Examples/parser.o
CAPTURE := Examples/captures/mixed.pcap

.PHONY: help demo build test lint format bench fuzz objects captures clean

help: ## say what each target does
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build the command line in release mode
	@Scripts/setup.sh build
	$(SWIFT) build -c release --product switchyard

demo: build ## run the layered parser over a capture, without root
	@echo
	@echo '$$ switchyard chain show $(PARSER)'
	@$(DEMO) chain show $(PARSER)
	@echo
	@echo '$$ switchyard run $(PARSER) --program entry -r $(CAPTURE)'
	@$(DEMO) run $(PARSER) --program entry -r $(CAPTURE)

test: ## lint, then every test in debug mode and the long ones in release mode
	@Scripts/setup.sh test
	@$(MAKE) --no-print-directory lint
ifneq ($(strip $(RELEASE_TESTS)),)
	$(SWIFT) test -c release --filter '$(RELEASE_TESTS)' $(TESTFLAGS)
endif
	$(SWIFT) test $(TESTFLAGS)

lint: ## check the formatting of every Swift file
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

format: ## format every Swift file in place
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

bench: ## measure, print a table per topic and write .build/bench/results.json
	@Scripts/setup.sh build
	$(SWIFT) run -c release --package-path Benchmarks --scratch-path .build/benchmarks $(BENCH)

fuzz: ## look for crashes of the readers for FUZZ_SECONDS
	@Scripts/setup.sh build
	mkdir -p .build/fuzzing-corpus
	$(SWIFT) run -c release --sanitize fuzzer --package-path Fuzzing --scratch-path .build/fuzzing \
	  FuzzObject -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
	  -artifact_prefix=.build/fuzzing- .build/fuzzing-corpus Tests/Fixtures/objects

objects: ## compile the BPF sources of examples and fixtures again
	@Scripts/setup.sh objects
	$(MAKE) -C Examples objects
	$(MAKE) -C Tests/Fixtures/objects

captures: ## record and generate the captures of the examples again (needs root)
	@Scripts/setup.sh captures
	$(MAKE) -C Examples captures

clean: ## remove everything that was built
	rm -rf .build
