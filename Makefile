# The familiar verbs. The build itself is CMake with presets: CMakeLists.txt, CMakePresets.json.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
PRESETS ?= dev release clang asan-ubsan tsan
SEEDS ?= 200

.PHONY: all demo test survey test-cheri bench bench-revoke bench-report install uninstall deps check format clean help
.DEFAULT_GOAL := all

all: ## the libraries and the program, in build/release
	@tools/deps --tell build && mkdir -p build
	@cmake --preset release -DCMAKE_INSTALL_PREFIX='$(PREFIX)' >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release --target product -j $(JOBS)

demo: ## run real programs, a bug and the tour on capalloc and show what happened
	@tools/deps build
	@tools/quietly build/demo.log 'building capalloc ...' $(MAKE) --no-print-directory all
	@examples/demo.sh

test: ## build with every compiler and sanitizer in PRESETS, run all tests
	@tools/deps build test
	@tools/test-presets -j $(JOBS) $(PRESETS)

survey: all ## every misuse in every mode, with SEEDS seeds: the tables of docs/hardening.md and README.md
	@cmake --build --preset release -j $(JOBS) --target misuse_survey
	@tests/misuse/survey/survey.py build/release/tests/misuse/misuse_survey --seeds $(SEEDS) --write

test-cheri: ## the cases of src/cap on the emulator that CAPALLOC_CHERI_QEMU names, compared with the software
	@tools/test-cheri

bench: all ## compare with other allocators; the doors with a layout, and Rust
	@tools/deps bench
	@cmake --build --preset release -j $(JOBS)
	@bench/bench
	@bench/instructions --allocators ours --sizes 64 --align 64
	-@bench/rust

bench-revoke: all ## what --delay and --revoke cost real programs
	@tools/deps bench
	@cmake --build --preset release -j $(JOBS)
	@bench/revoke

bench-report: all ## all numbers and pictures of docs/benchmarks.md; 15 rounds, up to an hour
	@tools/deps bench
	@cmake --build --preset release -j $(JOBS)
	@bench/report

install: all ## into $(DESTDIR)$(PREFIX)
	@DESTDIR='$(DESTDIR)' cmake --install build/release

uninstall: ## what install put there, from $(DESTDIR)$(PREFIX)
	@DESTDIR='$(DESTDIR)' tools/uninstall build/release '$(PREFIX)'

deps: ## install the Debian packages of tools/packages.txt
	@tools/deps build test check bench

check: ## layers, sizes, contract, words, ranks, format, Rust, clang-tidy
	@tools/deps build test check
	@tools/check && mkdir -p build
	@cmake --preset tidy >build/tidy.log 2>&1 || { cat build/tidy.log; exit 1; }
	@nice cmake --build --preset tidy -j $(JOBS) --target capalloc_engine capalloc_plain capalloc_program

format: ## rewrite the C files as .clang-format says
	@tools/check format --write

clean: ## remove everything that was built
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
