# The everyday commands. Each sets up what it needs first, on a fresh Debian 12 too.
# Everything is built under build/<preset> (see CMakePresets.json).

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= 2
PRESET ?= dev
JOBS_EACH ?= 10000

# ccache is used when it is there and never asked for. The base folder makes clones share.
CCACHE := $(shell command -v ccache 2>/dev/null)
LAUNCHER := $(if $(CCACHE),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

demo: build  ## build, run an honest job, a nosy one and a renderer, and tell what happened
	@tools/demo build/release

test: build  ## build and run every test; the last line counts them
	@tools/bootstrap vm || echo "without a virtual machine"
	@tools/run-tests --jobs $(JOBS) release

build: bootstrap build/release/build.ninja  ## leaves build/release/bin/moat
	@cmake --build --preset release

# Any preset by name: `make preset PRESET=asan` configures, builds and tests it.
preset: bootstrap-ci  ## configure, build and test PRESET=dev|gcc|clang|asan|tsan|cov|fuzz
	@$(MAKE) --no-print-directory build/$(PRESET)/build.ninja
	@cmake --build --preset $(PRESET)
	@tools/run-tests --jobs $(JOBS) $(PART) $(PRESET)

test-vm: build  ## the tests under Debian's 6.1 kernel and pure cgroup v2, in a virtual machine
	@tools/bootstrap vm
	@tools/run-tests --label '^vm$$' release

soak: build  ## 10,000 jobs of each kind (JOBS_EACH=N), and nothing has grown
	@MOAT_SOAK_JOBS=$(JOBS_EACH) MOAT_SOURCE_DIR=$(CURDIR) MOAT_BINARY_DIR=$(CURDIR)/build/release build/release/tests/soak_test
	@MOAT_SOAK_JOBS=$$(( $(JOBS_EACH) * 10 )) MOAT_SOURCE_DIR=$(CURDIR) MOAT_BINARY_DIR=$(CURDIR)/build/release build/release/tests/pool_soak

bench: build  ## measure beside other sandboxes, into docs/benchmarks.md (BENCH=--quick: not into it)
	@tools/bootstrap bench
	@tools/bench $(BENCH) build/release

lint: build  ## the laws of the house (docs/architecture.md)
	@tools/lint/all.py --build build/release

tidy: bootstrap-ci  ## clang-tidy over everything (slow)
	@$(MAKE) --no-print-directory build/tidy/build.ninja
	@cmake --build --preset tidy

format: bootstrap-ci  ## lay out the C++ sources; never checked
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-14 -i

install: build  ## into $(DESTDIR)$(PREFIX)
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

clean:  ## remove build/
	rm -rf build

bootstrap:
	@tools/bootstrap build

bootstrap-ci:
	@tools/bootstrap build ci

# Ninja asks cmake again by itself when a CMakeLists.txt changes, but not for the presets.
build/%/build.ninja: CMakePresets.json | bootstrap
	@mkdir -p build
	@cmake --preset $* $(LAUNCHER) > build/$*.log 2>&1 || { cat build/$*.log; exit 1; }
	@touch $@

.PHONY: help demo test test-vm soak build preset bench lint tidy format install clean bootstrap bootstrap-ci
