# make help lists the targets.

GO ?= go

# Tools of `make lint` and `make fmt`, at fixed versions, outside go.mod.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# -count=1: what a test sees depends on kernel and libfuse, of which Go's test cache knows nothing.
TESTFLAGS ?= -count=1 -timeout 10m
FUZZTIME ?= 30s
# The Debian releases that `make compat` tests on, the one that it cross-compiles on, and where their root directories are kept.
COMPAT_SUITES ?= trixie forky
COMPAT_BUILD ?= bookworm
export COMPAT_ROOTS ?= $(HOME)/.cache/go-libfuse3/roots

# Go's build cache does not notice that another libfuse is installed: the objects built with the old headers would be
# used on. A define that nobody looks at makes them other objects. (Not := : make deps may install pkg-config first.)
base_cgo_cflags := $(or $(CGO_CFLAGS),-O2 -g)
export CGO_CFLAGS = $(base_cgo_cflags) -DLIBFUSE_UNDER_TEST=$(shell pkg-config --modversion fuse3 2>/dev/null)
# Without this, building fails in a checkout that belongs to another user (containers, sudo).
export GOFLAGS := $(strip $(filter-out -buildvcs=%,$(GOFLAGS)) -buildvcs=false)

# Packages that need a mount; the others need neither root nor /dev/fuse.
needs_mount := /examples/|/test/(integration|stress|compat)
unit_pkgs = $(shell $(GO) list ./... | grep -Ev '$(needs_mount)')
integration_pkgs = $(shell $(GO) list ./... | grep -E '/examples/|/test/(integration|compat)')
stress_pkgs = $(shell $(GO) list ./... | grep /test/stress)
shim_pkgs = ./cshim/... ./lowlevel/... ./test/fusetest/...
with_c = ./test/cprogram/... ./examples/adopt ./examples/embed ./examples/embed_hl ./examples/mixed
# Directories with a go.mod of their own, but for the benchmark.
modules := $(filter-out test/bench,$(patsubst %/go.mod,%,$(wildcard test/*/go.mod examples/*/go.mod)))

.NOTPARALLEL:
.PHONY: help build demo test check unit integration static race asan fuzz stress stress-short bench apicov apicov-check lint fmt examples install uninstall clean deps
.PHONY: compat compat-suites compat-arm64 compat-musl compat-static compat-user

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 15

build: ## build everything
	$(GO) build ./...

demo: ## install what is missing, mount a filesystem written in Go, and use it
	@scripts/deps.sh run
	@scripts/need-fuse.sh
	@scripts/demo.sh

test: ## install what is missing and run all that CI runs
	@scripts/deps.sh
	@scripts/need-fuse.sh
	@$(MAKE) --no-print-directory build check unit integration static stress-short race asan fuzz apicov-check
	@echo "make test: passed"

check:
	@fmt=$$(gofmt -l .); if [ -n "$$fmt" ]; then echo "gofmt: not formatted (make fmt):" $$fmt; exit 1; fi
	$(GO) vet ./...

unit: ## tests that need neither root nor /dev/fuse
	$(GO) test $(TESTFLAGS) $(unit_pkgs)

integration: ## tests on real mounts
	$(if $(integration_pkgs),$(GO) test $(TESTFLAGS) $(integration_pkgs))
	$(foreach m,$(modules),(cd $(m) && $(GO) test $(TESTFLAGS) ./...) &&) true

static: ## tests of examples that are linked statically
	@scripts/static.sh $(TESTFLAGS)

race: ## the fake-kernel tests with Go's race detector, and with what is borrowed poisoned after use
	$(GO) test -race -tags fusedebug $(TESTFLAGS) $(shim_pkgs) ./highlevel/...

asan: ## the fake-kernel tests, and programs of C and Go, with the address sanitizer on the C side
	@scripts/asan.sh $(TESTFLAGS) $(shim_pkgs) $(with_c)

fuzz: ## each fuzz target for FUZZTIME (30s)
	@scripts/fuzz.sh $(FUZZTIME)

stress: ## long tests under load
	$(if $(stress_pkgs),$(GO) test $(TESTFLAGS) -timeout 2h $(stress_pkgs),@echo "stress: no tests")

stress-short: ## 30 s of it
	STRESS_TIME=30s $(GO) test $(TESTFLAGS) $(stress_pkgs)

compat: ## all of these, in root directories of Debian that it makes (as root, needs debootstrap):
	@$(MAKE) --no-print-directory --keep-going compat-suites compat-arm64 compat-musl compat-static compat-user
	@echo "make compat: passed"

compat-%: export FUSE_TEST_REQUIRE = 1

compat-suites: ## unit, integration and static tests with the libfuse of other releases (COMPAT_SUITES)
	@scripts/compat.sh $(COMPAT_SUITES)

compat-arm64: ## cross-compiled for arm64, fake-kernel tests by qemu
	@scripts/in-root.sh -p "pkg-config gcc libc6-dev gcc-aarch64-linux-gnu libfuse3-dev libfuse3-dev:arm64 qemu-user-static fuse3 attr" \
		$(COMPAT_BUILD) scripts/cross-arm64.sh $(TESTFLAGS)

compat-musl: ## libfuse and the binding built for musl, linked dynamically and statically
	@scripts/in-root.sh -p "pkg-config gcc libc6-dev musl-tools meson ninja-build dpkg-dev fuse3 attr" \
		$(COMPAT_BUILD) scripts/musl.sh $(TESTFLAGS)

compat-static: ## linked statically, with glibc
	@COMPAT_TARGETS=static scripts/compat.sh $(COMPAT_BUILD)

compat-user: ## a user's project: vendored, and without cgo or Linux
	FUSE_TEST_COMPAT=1 $(GO) test $(TESTFLAGS) -v ./test/compat

bench: ## compare with C's passthrough_ll (BENCHFLAGS=-h for options)
	@scripts/deps.sh run
	@scripts/need-fuse.sh
	cd test/bench && $(GO) run . $(BENCHFLAGS)

apicov: ## compare with the C headers, write docs/api.md
	$(GO) run ./test/apicov

apicov-check:
	$(GO) run ./test/apicov -check

lint: check ## linters for Go, shell and C
	$(GO) run $(GOLANGCI_LINT) run ./...
	shellcheck -x scripts/*.sh .ci/run
	scripts/lint-c.sh
	$(foreach m,test/bench examples/squashfuse/halfway $(modules),(cd $(m) && $(GO) run $(GOLANGCI_LINT) run ./...) &&) true

fmt: ## format the Go code
	$(GO) run $(GOLANGCI_LINT) fmt ./...

# What `make install` installs for C programs, and where. The library has the filesystems of a Go package: those of an example, to try it out. (Your own: go-libfuse3-build.)
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
DESTDIR ?=
GO_FILESYSTEMS ?= ./examples/embed
VERSION ?= 0.1.0
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export BINDIR := $(BINDIR)
install uninstall: export INCLUDEDIR := $(INCLUDEDIR)
install uninstall: export LIBDIR := $(LIBDIR)
install uninstall: export PKGCONFIGDIR := $(PKGCONFIGDIR)
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export GO_FILESYSTEMS := $(GO_FILESYSTEMS)
install uninstall: export VERSION := $(VERSION)

install: ## header, libraries, pkg-config file for C programs (PREFIX, DESTDIR, LIBDIR, ...; GO_FILESYSTEMS: a Go package)
	@scripts/install.sh install

uninstall: ## remove them
	@scripts/install.sh uninstall

examples: ## build the examples into bin/
	@mkdir -p bin
	$(GO) build -o bin/ ./examples/...
	$(foreach m,$(filter examples/%,$(modules)),(cd $(m) && $(GO) build -o ../../bin/ .) &&) true

clean: ## remove what make has built
	rm -rf bin test/bench/bin

deps: ## install what building and testing need; does nothing when all is there
	@scripts/deps.sh
