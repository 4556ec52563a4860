/*
 * What must hold of every host that policy/ accepts and of every error that it
 * gives, whatever the bytes were. Shared by the fuzzers.
 */
#ifndef SALLYPORT_TEST_FUZZ_HOST_INVARIANTS_H
#define SALLYPORT_TEST_FUZZ_HOST_INVARIANTS_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "policy/host.h"

static inline void require(bool holds)
{
    if (!holds)
        abort();
}

/* An error says something, and says it without a byte that a terminal would obey. */
static inline void require_readable(const struct error *error)
{
    require(error->message[0] != '\0');
    for (const char *byte = error->message; *byte != '\0'; byte++)
        require((unsigned char)*byte >= 0x20 && *byte != 0x7F);
}

/* The C library, as a second opinion, takes HOST for the same kind of thing. */
static inline void require_same_kind(const struct host *host)
{
    struct in_addr loose;
    uint8_t address[16] = {0};
    if (host->kind == HOST_NAME)
        require(inet_aton(host->text, &loose) == 0);
    if (host->kind == HOST_IPV4)
        require(inet_pton(AF_INET, host->text, address) == 1);
    if (host->kind == HOST_IPV6)
        require(inet_pton(AF_INET6, host->text, address) == 1);
    require(memcmp(address, host->address, sizeof(address)) == 0);
}

static inline void require_canonical(const struct host *host)
{
    static const char *const allowed[] = {
        [HOST_NAME] = "abcdefghijklmnopqrstuvwxyz0123456789-_.",
        [HOST_IPV4] = "0123456789.",
        [HOST_IPV6] = "0123456789abcdef:.",
    };
    char storage[300];
    struct text text;
    struct host again;
    struct error error;
    require(host->length > 0 && host->length <= 253);
    require(strspn(host->text, allowed[host->kind]) == host->length);
    require(host->text[host->length] == '\0');
    require_same_kind(host);
    text_init_fixed(&text, storage, sizeof(storage));
    host_add_to_text(host, &text);
    require(!text.overflow && host_parse(text_span(&text), &again, &error));
    require(again.kind == host->kind && strcmp(again.text, host->text) == 0);
}

#endif
