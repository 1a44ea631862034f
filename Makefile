# Two commands matter first: 'make demo' and 'make test'. 'make help' lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CONFIGURATION := Release
PUBLISH := artifacts/publish
FUZZ_SECONDS ?= 3600
SECONDS ?= 60

# Tests of Gramine's manifest, of packages and of the enclave VM start what 'make publish', 'make packages' and 'make enclave-vm' left: 'make test-gramine', 'make test-packages'
# and 'make test-enclave-vm' run them.
TESTS := $(filter-out tests/Cloister.Gramine.Tests tests/Cloister.Packages.Tests tests/Cloister.EnclaveVm.Tests $(WITHOUT),$(sort $(wildcard tests/Cloister.*.Tests)))

# What eng/check.slnf builds.
CHECKED := $(shell sed -n 's|^ *"\(tests/[^/]*\)/.*|\1|p' eng/check.slnf)

.PHONY: help demo build check harness test conformance attacks attacks-table failures storm long bench publish pack fuzz setup aot-gate install repro-check tcb-report measurement test-gramine manifests packages test-packages enclave-vm test-enclave-vm release clean

help:          ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: harness  ## the baseline and the demonstrations on this machine; needs the .NET SDK only. './cloister demo' builds no API server for it
	@./cloister demo

build:         ## everything, warnings as errors
	dotnet build Cloister.slnx -c $(CONFIGURATION)

setup:         ## Debian packages that tests and publishing need, by name
	@eng/setup

harness:       ## API server, etcd and kubectl for tests and 'make demo', into a cache; the first time about 12 CPU-minutes, and 100 MB to fetch
	@eng/apiserver-harness >/dev/null || [ $$? -eq 77 ]

check:         ## the inner loop: builds and runs the unit tests that start no process; three minutes
	@dotnet build eng/check.slnf -c $(CONFIGURATION) -v quiet --nologo
	@CLOISTER_TESTS_BUILT=1 eng/run-tests --filter-not-namespace '*.Processes' $(CHECKED)

test: setup harness ## unit, build-guard and process tests
	@eng/run-tests $(TESTS)

conformance: setup  ## real API-server code, etcd and kubectl against the plugin; directly and through the relay; about 6 minutes
	@eng/run-tests tests/Cloister.Conformance

attacks:       ## what the threat model promises, attacked; ATTACK=NAME for one, ATTACKS_OUTPUT=json; minutes (docs/attacks.md)
	@eng/attacks --output '$(ATTACKS_OUTPUT)' --only '$(ATTACK)'

attacks-table: ## the catalogue's table into docs/attacks.md
	@eng/attacks --table

failures: setup ## real brokers, enclaves and PostgreSQL killed, away, swapped; minutes
	@eng/run-tests --explicit on --filter-class '*KillTests' --filter-class '*HostileHostTests' tests/Cloister.Broker.Tests

storm: setup   ## gateway, etcd and broker killed at random while API servers write, for SECONDS (60); CLOISTER_STORM_SEED repeats one
	@CLOISTER_STORM_SECONDS=$(SECONDS) eng/run-tests tests/Cloister.Storm

long: setup    ## the long job: ten minutes of storm, a list of 100,000 Secrets, every fuzz target for a minute; about an hour
	@$(MAKE) --no-print-directory storm SECONDS=600
	@CLOISTER_LIST_SECRETS=100000 eng/run-tests --filter-class '*MemoryTests' tests/Cloister.Gateway.Tests
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=60

bench: setup publish  ## against the Go peer, alternating; results under bench/results
	@bench/run
	@bench/run-attestation || [ $$? -eq 77 ]

fuzz:          ## every fuzz target, FUZZ_SECONDS each (an hour)
	@dotnet run --project fuzz/Cloister.Fuzz -c $(CONFIGURATION) -- --seconds $(FUZZ_SECONDS)
	@CLOISTER_FUZZ_SECONDS=$(FUZZ_SECONDS) dotnet run --project tests/Cloister.Attestation.Tests -c $(CONFIGURATION) -- --filter-class Cloister.Attestation.Tests.Hostile.FuzzTests

publish: setup ## artifacts/publish/{cloister,cloister-enclave,cloister-broker} and the simulated enclave beside them
	@eng/publish $(PUBLISH)

pack:          ## NuGet packages of the attestation library into artifacts/packages; SOURCE_URL=... links symbols to published source
	@eng/pack artifacts/packages '$(SOURCE_URL)'

aot-gate: setup ## the enclave compiles ahead of time without a warning, in size, and refuses to start without a TEE
	@eng/aot-gate $(PUBLISH)

install:       ## what 'make publish' left into place on this machine, a node or ROLE=broker, under DESTDIR if given (docs/install.md)
	@eng/install $(PUBLISH) '$(DESTDIR)' '$(or $(ROLE),node)'

packages: setup ## artifacts/packages: .deb, .rpm and OCI images of what 'make publish' left; VERSION=, or that of the source
	@[ -x $(PUBLISH)/cloister ] || eng/publish $(PUBLISH)
	@eng/packages $(if $(VERSION),--version '$(VERSION)') $(PUBLISH) artifacts/packages

manifests:     ## deploy/kubernetes/broker: the Helm chart as plain manifests
	@eng/manifests

release: setup  ## packages of VERSION from a clean tree, with bill of materials and digests; SIGNING_KEY=PEM signs them
	@SIGNING_KEY='$(SIGNING_KEY)' eng/release '$(VERSION)' $(PUBLISH) artifacts/packages

test-packages: setup harness ## what 'make packages' left, installed in a Debian that systemd boots; root; minutes
	@eng/run-tests tests/Cloister.Packages.Tests

enclave-vm: setup ## artifacts/enclave-vm: kernel and initramfs of a virtual machine that holds the enclave and nothing else (docs/enclave-vm.md)
	@[ -x $(PUBLISH)/cloister-enclave ] || eng/publish $(PUBLISH)
	@eng/enclave-vm $(PUBLISH) artifacts/enclave-vm

test-enclave-vm: setup harness ## what 'make enclave-vm' left, booted under QEMU without a TEE; about 2 minutes
	@eng/run-tests tests/Cloister.EnclaveVm.Tests

repro-check: setup ## cloister-enclave comes out the same, bit for bit, from two folders
	@eng/repro-check

tcb-report: publish ## lines of each zone, packages, bytes and digest of what has to be trusted, against eng/tcb-budget
	@eng/tcb-report $(PUBLISH)/cloister-enclave

measurement:   ## MRENCLAVE of the published enclave; exit 2 and what is missing where Gramine's signing tool is not installed
	@$(MAKE) --no-print-directory -C deploy/gramine measurement $(if $(CONFIG),CONFIG='$(abspath $(CONFIG))')

test-gramine: harness ## the published enclave in what its manifest gives it, under gramine-direct where that is installed; root; about 5 minutes
	@$(MAKE) --no-print-directory -C deploy/gramine test

clean:         ## remove what was built
	rm -rf artifacts
	find . -type d \( -name bin -o -name obj \) -not -path './.git/*' -prune -exec rm -rf {} +
