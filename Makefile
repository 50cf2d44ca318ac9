# mxward. `make help` lists the targets.

VERSION  = 0.1.0
PREFIX  ?= /usr/local
BINDIR   = $(PREFIX)/bin
SBINDIR  = $(PREFIX)/sbin
SHAREDIR = $(PREFIX)/share
MANDIR   = $(SHAREDIR)/man
DATADIR  = $(SHAREDIR)/mxward
SYSCONFDIR ?= /etc
STATEDIR   ?= /var/lib/mxward
RUNDIR     ?= /run/mxward
UNITDIR    ?= $(PREFIX)/lib/systemd/system

BUILD   ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	   -Wpointer-arith -Wformat=2 -Wundef
HARDEN  ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE \
	   -fstack-clash-protection
HARDLD  ?= -pie -Wl,-z,relro,-z,now

# Without these there is no mxward; those of OPTIONAL are used where they are.
REQUIRED = libevent_core libevent_extra libpcre2-8 libconfuse sqlite3 jansson
OPTIONAL = libnftables libmnl libsystemd libseccomp libcap-ng
FOUND   := $(shell for l in $(OPTIONAL); do pkg-config --exists $$l && \
		echo $$l; done)
HAVE     = $(foreach l,$(FOUND),-DHAVE_$(shell echo $(l) | tr a-z- A-Z_))

DEFS     = -D_GNU_SOURCE -DPCRE2_CODE_UNIT_WIDTH=8 -Iinclude \
	   -DMXWARD_VERSION='"$(VERSION)"' \
	   -DMXWARD_CONF='"$(SYSCONFDIR)/mxward/mxward.conf"' \
	   -DMXWARD_STATEDIR='"$(STATEDIR)"' -DMXWARD_RUNDIR='"$(RUNDIR)"' \
	   -DMXWARD_FILTERS='"$(DATADIR)/filters"' $(HAVE)
LIBCFLAGS := $(shell pkg-config --cflags $(REQUIRED) $(FOUND) 2>/dev/null)
LIBS      := $(shell pkg-config --libs $(REQUIRED) $(FOUND) 2>/dev/null) -pthread
COMPILE  = $(CC) -std=c17 $(CFLAGS) $(WARN) $(HARDEN) $(SAN) $(DEFS) \
	   $(LIBCFLAGS) -MMD -MP

MODULES  = core config sources doors enforcers store
LIBSRC   = $(foreach m,$(MODULES),$(wildcard src/$(m)/*.c)) \
	   src/daemon/log.c src/daemon/msg.c
DAEMON   = $(filter-out src/daemon/log.c src/daemon/msg.c, \
		$(wildcard src/daemon/*.c))
CTL      = $(wildcard src/ctl/*.c)
UNIT     = $(patsubst tests/unit/%.c,$(BUILD)/unit/%, \
		$(wildcard tests/unit/test_*.c))
BENCH    = $(patsubst tests/bench/%.c,$(BUILD)/bench/%, \
		$(wildcard tests/bench/*.c))
FUZZ     = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%, \
		$(wildcard tests/fuzz/fuzz_*.c))
LIB      = $(BUILD)/libmxward.a
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))
SOURCES  = $(wildcard src/*/*.c include/mxward/*.h src/*/*.h tests/*/*.c \
		tests/*/*.h)

# `make V=1` shows the whole commands.
Q        = $(if $(V),,@)
quiet    = $(V)$(findstring s,$(firstword -$(MAKEFLAGS)))
say      = @$(if $(quiet),:,printf '  %-5s %s\n' $(1) $(2))

.PHONY: all deps deps-test demo run check unit system sanitize samples fuzz \
	bench install uninstall format format-check clean help FORCE
.SECONDARY:

all: $(BUILD)/mxward $(BUILD)/mxwardctl ## build mxward and mxwardctl

$(BUILD)/mxward: $(call objects,$(DAEMON)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(HARDLD) -o $@ $^ $(LIBS)

$(BUILD)/mxwardctl: $(call objects,$(CTL)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN) $(HARDLD) -o $@ $^ $(LIBS)

$(LIB): $(call objects,$(LIBSRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar qcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

# Other flags (a PREFIX, a compiler) make other objects.
$(BUILD)/flags: Makefile FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(COMPILE))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(COMPILE))' >$@

$(BUILD)/unit/%: tests/unit/%.c $(LIB)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Itests/unit -o $@ $< $(LIB) $(HARDLD) -lcmocka $(LIBS)

$(BUILD)/bench/%: tests/bench/%.c $(LIB)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -o $@ $< $(LIB) $(HARDLD) $(LIBS)

# libFuzzer targets, and the library again with clang's instrumentation.
FUZZCC   = clang -std=c17 -O1 -g $(DEFS) $(LIBCFLAGS) -MMD -MP \
	   -fsanitize=$(1),address,undefined

$(BUILD)/fuzz-obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call FUZZCC,fuzzer-no-link) -c -o $@ $<

$(BUILD)/fuzz/%: tests/fuzz/%.c $(patsubst %.c,$(BUILD)/fuzz-obj/%.o,$(LIBSRC))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call FUZZCC,fuzzer) -o $@ $(filter-out %.h,$^) $(LIBS)

deps: ## install what the build needs
	@sh tests/deps.sh build

deps-test:
	@sh tests/deps.sh test

demo: deps ## build, and show a ban from log line to refusal, without root
	@$(MAKE) --no-print-directory -j2 all
	@bash tests/demo.sh $(BUILD)

run: all ## run in the foreground with conf/quickstart.conf
	@bash tests/run.sh $(BUILD)

check: deps-test ## install what the tests need, and run all of them
	@bash tests/check.sh

unit: $(UNIT)
	@bash tests/unit/run.sh $(UNIT)

system: all $(BENCH)
	@bats --tap tests/system

samples: $(BUILD)/mxwardctl
	@mkdir -p build/check && bash tests/samples.sh

sanitize: ## the unit tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/san HARDEN= \
		CFLAGS="-O1 -g -fno-omit-frame-pointer" \
		SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined" \
		unit

fuzz: $(FUZZ) ## run every fuzz target for FUZZTIME seconds
	@bash tests/fuzz/run.sh $(BUILD)/fuzz $(or $(FUZZTIME),5)

bench: all $(BENCH) ## measure, as ratios against what runs in the same minute
	@bash tests/bench/run.sh $(BUILD)

format: ## apply .clang-format
	clang-format -i $(SOURCES)

format-check:
	clang-format --dry-run -Werror $(SOURCES)

# What install.sh fills into man pages, the unit and the configuration.
INSTALL_SH = BUILD='$(BUILD)' DESTDIR='$(DESTDIR)' VERSION='$(VERSION)' \
	   SBINDIR='$(SBINDIR)' BINDIR='$(BINDIR)' MANDIR='$(MANDIR)' \
	   SHAREDIR='$(SHAREDIR)' DATADIR='$(DATADIR)' \
	   SYSCONFDIR='$(SYSCONFDIR)' STATEDIR='$(STATEDIR)' \
	   RUNDIR='$(RUNDIR)' UNITDIR='$(UNITDIR)' sh contrib/install.sh

install: all ## install under PREFIX (DESTDIR is honoured)
	@$(INSTALL_SH)

uninstall: ## remove it again; configuration and state stay
	@$(INSTALL_SH) uninstall

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 14

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
