# The commands that people type. CI runs .ci/run, which has all of them and more.

.PHONY: build test short race lint fuzz bench docs ci

build: ## build ./outflow
	go build ./cmd/outflow

test: ## all tests that need nothing but Go and a C compiler
	go test ./...

short: ## the same without the long ones
	go test -short ./...

race: ## the short tests under the race detector
	go test -race -short ./...

lint: ## formatting, vet, staticcheck, limits of functions and lines
	.ci/lint

fuzz: ## every fuzz target for a few seconds: make fuzz SECONDS=20
	.ci/fuzz $(or $(SECONDS),5)

bench: ## every benchmark once; figures come from the commands in docs/benchmarks.md
	go test ./... -run '^$$' -bench . -benchtime 1x

docs: ## links, names and excerpts in the documentation
	go test ./internal/docstest
	go test ./cmd/outflow -run TestReadme

ci: ## everything that CI runs
	.ci/run
