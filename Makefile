# The commands people type. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := 1.0.0
CONFIGURATION ?= release
BUILD := build
LIBRARY := $(BUILD)/lib/libprognos.so.$(VERSION)
EMBEDDED := .build-embedded
SOURCES := Package.swift $(shell find Sources include -type f)

# Embedded Swift links the tables of Unicode from the toolchain. Setting this variable is what makes
# Package.swift compile the library that ships.
unicode_tables = $(shell swiftc -print-target-info | python3 -c 'import json,sys,pathlib as p; \
  i=json.load(sys.stdin); r=p.Path(i["paths"]["runtimeResourcePath"]); \
  print(r/"embedded"/i["target"]["unversionedTriple"]/"libswiftUnicodeDataTables.a")')

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: build
build: $(LIBRARY) ## build the library that ships, into build/lib

$(LIBRARY): $(SOURCES)
	PROGNOS_EMBEDDED=$(unicode_tables) swift build -c $(CONFIGURATION) --scratch-path $(EMBEDDED) \
	  --product prognos
	mkdir -p $(BUILD)/lib
	cp -f $(EMBEDDED)/$(CONFIGURATION)/libprognos.so $@.debug
	objcopy --strip-all --remove-section=.swift_modhash $@.debug $@
	ln -sf libprognos.so.$(VERSION) $(BUILD)/lib/libprognos.so.1
	ln -sf libprognos.so.1 $(BUILD)/lib/libprognos.so
