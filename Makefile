# Sallyport: one non-recursive Makefile; everything it makes lies under build/.
#
#   make            build/sallyport
#   make run        install what is missing, build, run on the sample configuration
#   make test       install what is missing, build, pass every test
#   make help       the other targets
#
# Nothing here calls pkg-config or a compiler while make reads the file: on a bare machine
# they are there only after the first recipe has installed them.

# ---- What is needed, in one place (Debian 12) --------------------------------
PACKAGES_BUILD := gcc make pkg-config libc6-dev libevent-dev libssl-dev libyaml-dev \
	libc-ares-dev libidn2-dev libpsl-dev zlib1g-dev libseccomp-dev libpcre2-dev libnghttp2-dev
PACKAGES_RUN   := openssl curl ca-certificates
PACKAGES_TEST  := $(PACKAGES_RUN) check python3 python3-requests python3-websockets nginx-light \
	dnsmasq-base git wget nodejs node-undici python3-h2 nghttp2-client procps zsh fish mandoc groff-base
PACKAGES_CLIENTS := openjdk-17-jdk-headless golang-go
PACKAGES_CHECK := check clang clang-format clang-tidy cppcheck shellcheck python3
PACKAGES_FUZZ  := clang libclang-rt-14-dev
PACKAGES_MEMCHECK := valgrind libc6-dbg
PACKAGES_BENCH := python3 squid tinyproxy
PACKAGES_BYPASS := python3 squid tinyproxy iproute2 util-linux

# ---- How it is built ---------------------------------------------------------
BUILD   ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
VERSION := 0.1.0

LIBRARIES := libevent_core libevent_extra openssl yaml-0.1 libcares libidn2 libpsl zlib libseccomp libpcre2-8 libnghttp2

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -D_FORTIFY_SOURCE=3
HARDENING_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPTIMISE := -O2 -g
ifdef SANITIZE
HARDENING := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDENING_LINK := -fsanitize=$(SANITIZE)
OPTIMISE := -O1 -g
endif
ifdef COVER
HARDENING := --coverage
HARDENING_LINK := --coverage
OPTIMISE := -O0 -g
endif

CPPFLAGS += -I. -D_GNU_SOURCE -DSALLYPORT_VERSION='"$(VERSION)"'
CFLAGS   += -std=c11 $(OPTIMISE) $(WARNINGS) $(HARDENING) -pthread
LDFLAGS  += $(HARDENING_LINK) -pthread
LDLIBS   = $(shell pkg-config --libs $(LIBRARIES))

# EXCLUDE=a.c leaves a source out of the library.
SOURCES := $(filter-out proxy/main.c $(EXCLUDE),$(wildcard policy/*.c certs/*.c conf/*.c proxy/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libsallyport.a
PROGRAM := $(BUILD)/sallyport

# What several tests share: test/ROOM/*.c that is no test itself.
TEST_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %_test.c,$(wildcard \
	test/policy/*.c test/certs/*.c test/conf/*.c test/proxy/*.c)))
TEST_LIBRARY := $(BUILD)/libtest.a
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/*/*_test.c))
FUZZERS    := $(patsubst %.c,$(BUILD)/%,$(wildcard test/fuzz/fuzz_*.c))
BENCHES    := $(patsubst %.c,$(BUILD)/%,$(filter-out %/bench_net.c %/bench_hello.c,$(wildcard test/bench/*.c)))

comma := ,

# V=1 shows every command as it is.
Q   := $(if $(V),,@)
SAY  = $(if $(V),,@echo '  $(1)  $(if $(filter %.c,$<),$<,$@)')

ALL_C     = $(wildcard policy/*.[ch] certs/*.[ch] conf/*.[ch] proxy/*.[ch] test/*.[ch] test/*/*.[ch])
ALL_SHELL = $(shell grep -rlE '^\#!(/usr/bin/env (ba)?sh|/bin/(ba)?sh)' .ci conf test 2>/dev/null)

# As many jobs as processors, unless whoever called make has said how many.
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/proxy/main.o $(LIBRARY)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIBRARY): $(OBJECTS)
	$(call SAY,AR)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What people read and what shells load, written by the program from its own help texts.
DOCUMENTS := $(BUILD)/sallyport.1 $(addprefix $(BUILD)/completion/sallyport.,bash zsh fish)
.PHONY: documents
documents: $(DOCUMENTS) ## build/sallyport.1 and the shells' completions
$(BUILD)/sallyport.1: $(PROGRAM)
	$(call SAY,MAN)
	$(Q)$(PROGRAM) help --man > $@.new && mv $@.new $@
$(BUILD)/completion/sallyport.%: $(PROGRAM)
	@mkdir -p $(@D)
	$(call SAY,GEN)
	$(Q)$(PROGRAM) completion $* > $@.new && mv $@.new $@

# What scenarios use besides the program.
TEST_TOOLS := $(BUILD)/test/differential/understood
.PHONY: unit-tests
unit-tests: $(UNIT_TESTS) $(TEST_TOOLS)

$(TEST_LIBRARY): $(TEST_HELPERS)
	$(call SAY,AR)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/test/%_test: $(BUILD)/test/%_test.o $(TEST_LIBRARY) $(LIBRARY)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter-out $(LIBRARY),$^) $(LIBRARY) $(shell pkg-config --libs check) $(LDLIBS)


$(TEST_TOOLS): %: %.o $(LIBRARY)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Lets a test fail the library's allocations one by one.
$(BUILD)/test/policy/out_of_memory_test: LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,malloc calloc reallocarray posix_memalign)

# Lets a test say what memory held before it was given.
$(BUILD)/test/policy/trie_test: LDFLAGS += -Wl,--wrap=posix_memalign

# Lets a test end a command at each of its steps on the disk.
$(BUILD)/test/policy/ledger_crash_test: LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,write fsync ftruncate openat renameat unlinkat mkdirat)

# Lets a test say whether expressions become machine code.
$(BUILD)/test/policy/narrow_test: LDFLAGS += -Wl,--wrap=pcre2_jit_compile_8

# Lets a test say what time it is.
$(addprefix $(BUILD)/test/proxy/,turns_test http2_upstream_test): LDFLAGS += -Wl,--wrap=clock_gettime

# Runs whole sessions in the session fuzzer's world, where clock, timers, sockets and names are in
# the test's hand.
SESSION_WORLD := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/fuzz/session_*.c))
SESSION_WRAPPED := $(addprefix -Wl$(comma)--wrap=,clock_gettime socket connect \
	getsockopt event_add event_del event_free event_pending resolver_lookup resolver_cancel \
	keyring_context)
SESSION_TESTS := $(addprefix $(BUILD)/test/proxy/,session_memory_test session_wiping_test)
$(SESSION_TESTS): $(BUILD)/test/fuzz/fuzz_session.o $(SESSION_WORLD)
$(SESSION_TESTS): LDFLAGS += $(SESSION_WRAPPED) \
	$(addprefix -Wl$(comma)--wrap=,malloc calloc realloc reallocarray)
$(BUILD)/test/proxy/session_wiping_test: LDFLAGS += -Wl,--wrap=free

$(BUILD)/test/bench/load: $(BUILD)/test/bench/bench_hello.o
$(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o $(BUILD)/test/bench/bench_net.o $(LIBRARY)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---- The two commands --------------------------------------------------------
.PHONY: run
run: ## install what is missing, build, run on the sample configuration
	@test/need $(PACKAGES_BUILD) $(PACKAGES_RUN)
	@$(SUBMAKE) all
	@BUILD=$(BUILD) test/run_sample

.PHONY: test
test: ## install what is missing, build, pass every test
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all unit-tests
	@BUILD=$(BUILD) test/run $(TESTS)

.PHONY: scenarios
scenarios: all $(TEST_TOOLS) ## the whole-program tests alone (TESTS="test_connect …" for some)
	@BUILD=$(BUILD) test/run $(or $(TESTS),scenarios)

.PHONY: clients
clients: ## clients that are too large for every `make test`: Java and Go (three quarters of a gigabyte)
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_CLIENTS)
	@$(SUBMAKE) all
	@BUILD=$(BUILD) test/run test_java test_go

# ---- Checks ------------------------------------------------------------------
.PHONY: check
check: ## format, clang-tidy, cppcheck, shellcheck, include directions, hardening, gcc and clang without warnings
	@test/need $(PACKAGES_BUILD) $(PACKAGES_CHECK)
	$(Q)clang-format --dry-run -Werror $(ALL_C)
	$(Q)test/check_includes
	$(Q)test/check_scripts $(ALL_SHELL)
	@$(SUBMAKE) all unit-tests
	$(Q)test/check_hardening $(PROGRAM)
	@$(SUBMAKE) BUILD=build/clang CC=clang all unit-tests
	@$(SUBMAKE) tidy cppcheck

.PHONY: tidy
TIDIED := $(patsubst %.c,tidy/%,$(filter %.c,$(ALL_C)))
tidy: $(TIDIED)
.PHONY: $(TIDIED)
$(TIDIED): tidy/%: %.c
	$(call SAY,tidy)
	$(Q)clang-tidy --quiet $< -- $(CPPFLAGS) -std=c11 2>/dev/null

.PHONY: cppcheck
cppcheck:
	$(Q)cppcheck --quiet --std=c11 --library=bsd --error-exitcode=1 --inline-suppr -j $(shell nproc) \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		-I. -D_GNU_SOURCE --include=test/cppcheck_queue.h $(filter %.c,$(ALL_C))

.PHONY: format
format: ## clang-format over every C file
	clang-format -i $(ALL_C)

.PHONY: asan tsan memcheck
asan: ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=address,undefined SALLYPORT_SLOW=4 test
tsan: ## every test under ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=build/tsan SANITIZE=thread SALLYPORT_SLOW=8 test
# Under valgrind: every unit test, and the whole program where TLS, HTTP/2, certificates and identities
# are in its hands. TESTS="test_http2 mint" and the like for some.
MEMCHECKED = unit $(basename $(notdir $(wildcard $(patsubst %,test/scenario/test_%*.py, \
	ca mtls identity proxy_protocol keys origination inspect narrow withdrawal http2 nghttp))))
memcheck: ## the unit tests, and the program in the scenarios of TLS and HTTP/2, under valgrind
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_MEMCHECK)
	@$(SUBMAKE) all unit-tests
	@BUILD=$(BUILD) SALLYPORT_SLOW=20 test/run --valgrind $(or $(TESTS),$(MEMCHECKED))
export SALLYPORT_SLOW

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: ## every fuzzer for FUZZ_SECONDS (60) each
	@test/need $(PACKAGES_BUILD) $(PACKAGES_FUZZ)
	@$(SUBMAKE) BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzzers
	@test/fuzz/run build/fuzz $(FUZZ_SECONDS)

.PHONY: fuzzers
fuzzers: $(FUZZERS)
$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(LIBRARY)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $(filter-out $(LIBRARY),$^) $(LIBRARY) $(LDLIBS)

$(BUILD)/test/fuzz/fuzz_http2: $(BUILD)/test/proxy/http2_plain.o
$(BUILD)/test/fuzz/fuzz_session: $(SESSION_WORLD)
$(BUILD)/test/fuzz/fuzz_session: LDFLAGS += $(SESSION_WRAPPED)

# PAIRS and SEED: how many pairs of policy and target, and which; a difference prints its seed.
PAIRS ?= 10000000
.PHONY: prove
prove: ## the trie against the plain matcher over PAIRS (10^7) pairs; SEED chooses them
	@test/need $(PACKAGES_BUILD) check
	@$(SUBMAKE) $(BUILD)/test/policy/property_test
	SALLYPORT_PAIRS=$(PAIRS) $(if $(SEED),SALLYPORT_SEED=$(SEED)) $(BUILD)/test/policy/property_test

.PHONY: mutate
mutate: ## small mistakes put into trie, host and address: the tests have to notice each
	@test/need $(PACKAGES_BUILD) check python3
	@$(SUBMAKE) unit-tests
	@BUILD=$(BUILD) test/mutate $(MUTATE)

.PHONY: bench
bench: ## the figures, side by side with a bare relay, squid and tinyproxy
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_BENCH)
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) test/bench/bench.py $(BENCH)

.PHONY: inspection
inspection: ## what it costs to look into tunnels, beside squid's ssl_bump (INSPECTION="--rounds 3" …)
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_BENCH)
	@test/unpack $(BUILD)/peers squid-openssl
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) test/bench/inspection.py $(INSPECTION)

.PHONY: fairness
fairness: ## what one app feels of the others: latency beside load, idle tunnels, giving way (FAIRNESS="latency --first" …)
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) test/bench/fairness.py $(FAIRNESS)

.PHONY: approval
approval: ## how long an approval takes to be in force, among 1,000 apps of 100 installations
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all
	@BUILD=$(BUILD) test/bench/approval.py $(APPROVAL)

.PHONY: growth
growth: ## whether the price stays as tunnels, rules and workers grow; the sandbox's price
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) test/bench/growth.py $(GROWTH)

.PHONY: reloads
reloads: ## 100 reloads, then 10 upgrades, under CONNECTs as fast as they come: is each served and logged?
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) test/bench/reloads.py $(RELOADS)

SOAK_MINUTES ?= 30
.PHONY: soak
soak: ## mixed work for SOAK_MINUTES (30), then: is memory flat, are descriptors back, is each record written?
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all $(BENCHES)
	@BUILD=$(BUILD) SOAK_MINUTES=$(SOAK_MINUTES) test/bench/soak.py

.PHONY: bypass
bypass: ## every way past it that test/bypass knows, beside squid and tinyproxy
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_BYPASS)
	@$(SUBMAKE) all
	@BUILD=$(BUILD) test/bypass/run.py $(BYPASS)

MESSAGES ?= 50000
.PHONY: differential
differential: ## MESSAGES (50000) requests, read by nginx, Python and Node as by the proxy; SEED chooses them
	@test/need $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(SUBMAKE) all $(TEST_TOOLS)
	@BUILD=$(BUILD) PYTHONPATH=test/scenario test/differential/run.py --messages $(MESSAGES) $(if $(SEED),--seed $(SEED))

.PHONY: cover
cover: ## line coverage of the whole test suite, per room and file
	@$(MAKE) --no-print-directory BUILD=build/cover COVER=1 SALLYPORT_SLOW=2 test
	@test/coverage build/cover

# ---- Installation --------------------------------------------------------------
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
DOCDIR     ?= $(PREFIX)/share/doc/sallyport
MAN             := $(PREFIX)/share/man/man1/sallyport.1
COMPLETION_BASH := $(PREFIX)/share/bash-completion/completions/sallyport
COMPLETION_ZSH  := $(PREFIX)/share/zsh/site-functions/_sallyport
COMPLETION_FISH := $(PREFIX)/share/fish/vendor_completions.d/sallyport.fish

# What the installed configuration's own words refer to lies beside it.
SAMPLES = sallyport.yml $(patsubst conf/%,%,$(shell find conf/sample -type f))

.PHONY: install uninstall
install: all documents ## to DESTDIR, PREFIX (/usr/local): program, man page, completions, systemd unit, samples
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/sallyport
	install -D -m 644 conf/sallyport.service $(DESTDIR)$(UNITDIR)/sallyport.service
	sed -i -e 's|/usr/bin/sallyport|$(PREFIX)/bin/sallyport|' -e 's|/usr/local/share/doc/sallyport|$(DOCDIR)|' \
		$(DESTDIR)$(UNITDIR)/sallyport.service
	install -D -m 644 conf/sallyport.logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/sallyport
	for file in $(SAMPLES); do install -D -m 644 conf/$$file $(DESTDIR)$(DOCDIR)/$$file || exit; done
	install -m 644 README.md SECURITY.md CHANGELOG.md LICENSE $(DESTDIR)$(DOCDIR)/
	install -D -m 644 $(BUILD)/sallyport.1 $(DESTDIR)$(MAN)
	install -D -m 644 $(BUILD)/completion/sallyport.bash $(DESTDIR)$(COMPLETION_BASH)
	install -D -m 644 $(BUILD)/completion/sallyport.zsh $(DESTDIR)$(COMPLETION_ZSH)
	install -D -m 644 $(BUILD)/completion/sallyport.fish $(DESTDIR)$(COMPLETION_FISH)
uninstall: ## takes away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/sallyport $(DESTDIR)$(UNITDIR)/sallyport.service
	rm -f $(DESTDIR)$(SYSCONFDIR)/logrotate.d/sallyport $(DESTDIR)$(MAN)
	rm -f $(addprefix $(DESTDIR),$(COMPLETION_BASH) $(COMPLETION_ZSH) $(COMPLETION_FISH))
	rm -rf $(DESTDIR)$(DOCDIR)

.PHONY: clean help
clean: ## removes build/
	rm -rf $(BUILD)
help: ## this list
	@echo '  make            build/sallyport'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1#\2/p' Makefile | awk -F'#' '{printf "%-17s %s\n", $$1, $$2}'

.PRECIOUS: $(BUILD)/%.o
-include $(OBJECTS:.o=.d) $(BUILD)/proxy/main.d $(UNIT_TESTS:%=%.d) $(TEST_TOOLS:%=%.d) $(TEST_HELPERS:.o=.d) $(FUZZERS:%=%.d) $(SESSION_WORLD:.o=.d) $(BUILD)/test/fuzz/fuzz_session.d $(BENCHES:%=%.d) $(BUILD)/test/bench/bench_net.d
