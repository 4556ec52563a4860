# Sallyport: one non-recursive Makefile; everything it makes lies under build/.
#
#   make            build/sallyport
#   make run        install what is missing, build, run on the sample configuration
#   make test       install what is missing, build, pass every test
#   make help       the other targets

# ---- What is needed, in one place (Debian 12) --------------------------------
PACKAGES_BUILD := gcc make pkg-config libc6-dev libevent-dev libssl-dev libyaml-dev libpcre2-dev \
	libc-ares-dev libidn2-dev libpsl-dev
PACKAGES_TEST  := check
PACKAGES_CHECK := clang clang-format clang-tidy cppcheck shellcheck

# ---- How it is built ---------------------------------------------------------
BUILD   ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
VERSION := 0.1.0

LIBRARIES := libevent_core libevent_extra libevent_openssl openssl yaml-0.1 libpcre2-8 libcares libidn2 libpsl

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -D_FORTIFY_SOURCE=3
HARDENING_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPTIMISE := -O2 -g
ifdef SANITIZE
HARDENING := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDENING_LINK := -fsanitize=$(SANITIZE)
OPTIMISE := -O1 -g
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

UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard test/*/*_test.c))

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/proxy/main.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIBRARY): $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

$(BUILD)/test/%_test: $(BUILD)/test/%_test.o $(LIBRARY)
	$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check) $(LDLIBS)

.PRECIOUS: $(BUILD)/%.o
-include $(OBJECTS:.o=.d) $(BUILD)/proxy/main.d $(UNIT_TESTS:%=%.d)
