/*
 * Why: a declared name may resolve to anything; what it may never lead to is the
 * machine itself, its neighbours and the cloud's metadata.
 * Rests on: two tables, the IANA special-purpose registries (RFC 6890 and its
 * updates), first match wins, and on unwrapping: an address is judged together
 * with the IPv4 addresses it carries, since a gateway on the way unwraps them.
 */
#include "proxy/address_guard.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct prohibited_range {
    struct ip_range range;
    const char *words;
};

#define V4(a, b, c, d, prefix)                                                                     \
    {                                                                                              \
        {4, {a, b, c, d}}, prefix                                                                  \
    }
#define V6(prefix, ...)                                                                            \
    {                                                                                              \
        {6, {__VA_ARGS__}}, prefix                                                                 \
    }

/* More specific ranges first. */
static const struct prohibited_range prohibited_v4[] = {
    {V4(0, 0, 0, 0, 32), "unspecified"},
    {V4(0, 0, 0, 0, 8), "this network (RFC 791)"},
    {V4(10, 0, 0, 0, 8), "private (RFC 1918)"},
    {V4(100, 64, 0, 0, 10), "shared address space (RFC 6598)"},
    {V4(127, 0, 0, 0, 8), "loopback"},
    {V4(168, 63, 129, 16, 32), "cloud platform services"},
    {V4(169, 254, 0, 0, 16), "link-local (cloud metadata)"},
    {V4(172, 16, 0, 0, 12), "private (RFC 1918)"},
    {V4(192, 0, 0, 0, 24), "IETF protocol assignments (RFC 6890)"},
    {V4(192, 0, 2, 0, 24), "documentation (RFC 5737)"},
    {V4(192, 88, 99, 0, 24), "6to4 relay (RFC 7526)"},
    {V4(192, 168, 0, 0, 16), "private (RFC 1918)"},
    {V4(198, 18, 0, 0, 15), "benchmarking (RFC 2544)"},
    {V4(198, 51, 100, 0, 24), "documentation (RFC 5737)"},
    {V4(203, 0, 113, 0, 24), "documentation (RFC 5737)"},
    {V4(224, 0, 0, 0, 4), "multicast"},
    {V4(255, 255, 255, 255, 32), "broadcast"},
    {V4(240, 0, 0, 0, 4), "reserved (RFC 1112)"},
};

static const struct prohibited_range prohibited_v6[] = {
    {V6(128, 0), "unspecified"},
    {V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "loopback"},
    {V6(96, 0), "IPv4-compatible (RFC 4291)"},
    {V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), "local NAT64 (RFC 8215)"},
    {V6(64, 0x01, 0x00), "discard only (RFC 6666)"},
    {V6(32, 0x20, 0x01, 0x00, 0x00), "Teredo (RFC 4380)"},
    {V6(28, 0x20, 0x01, 0x00, 0x20), "ORCHIDv2 (RFC 7343)"},
    {V6(23, 0x20, 0x01, 0x00, 0x00), "IETF protocol assignments (RFC 2928)"},
    {V6(32, 0x20, 0x01, 0x0d, 0xb8), "documentation (RFC 3849)"},
    {V6(20, 0x3f, 0xff), "documentation (RFC 9637)"},
    {V6(16, 0x5f, 0x00), "segment routing (RFC 9602)"},
    {V6(128, 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54), "cloud metadata"},
    {V6(7, 0xfc), "unique local (RFC 4193)"},
    {V6(10, 0xfe, 0x80), "link-local"},
    {V6(10, 0xfe, 0xc0), "site-local (RFC 3879)"},
    {V6(8, 0xff), "multicast"},
};

static const struct ip_range nat64 = V6(96, 0x00, 0x64, 0xff, 0x9b);
static const struct ip_range global_unicast = V6(3, 0x20);
static const struct ip_range loopback_v4 = V4(127, 0, 0, 0, 8);

/* Where an IPv6 address carries an IPv4 address, and whether its bits are turned over. */
static const struct embedding {
    struct ip_range range;
    uint8_t offset;
    uint8_t mask;
} embeddings[] = {
    {V6(96, 0), 12, 0x00},                                  /* compatible, RFC 4291 2.5.5.1 */
    {V6(96, 0x00, 0x64, 0xff, 0x9b), 12, 0x00},             /* RFC 6052 2.1 */
    {V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), 12, 0x00}, /* RFC 8215, as a /96 */
    {V6(16, 0x20, 0x02), 2, 0x00},                          /* 6to4, RFC 3056 section 2 */
    {V6(32, 0x20, 0x01, 0x00, 0x00), 4, 0x00},  /* Teredo's server, RFC 4380 section 4 */
    {V6(32, 0x20, 0x01, 0x00, 0x00), 12, 0xff}, /* Teredo's client */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char own_listener_words[] = "the proxy's own listener";

struct own_listener {
    struct ip ip;
    uint16_t port;
    bool everywhere; /* bound to the unspecified address */
};

struct address_guard {
    struct ip_range *allowed;
    size_t allowed_count;
    struct own_listener *listeners;
    size_t listener_count;
};

struct address_guard *address_guard_new(const struct ip_range *allowed, size_t count)
{
    struct address_guard *guard = calloc(1, sizeof(*guard));
    if (guard == NULL)
        return NULL;
    guard->allowed = calloc(count + 1, sizeof(*guard->allowed));
    if (guard->allowed == NULL) {
        free(guard);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        guard->allowed[i] = allowed[i];
    guard->allowed_count = count;
    return guard;
}

void address_guard_free(struct address_guard *guard)
{
    if (guard == NULL)
        return;
    free(guard->allowed);
    free(guard->listeners);
    free(guard);
}

static struct ip ipv4_at(const struct ip *ip, size_t offset, uint8_t mask)
{
    struct ip inner = {.family = 4};
    for (size_t i = 0; i < 4; i++)
        inner.bytes[i] = ip->bytes[offset + i] ^ mask;
    return inner;
}

static bool is_unspecified(const struct ip *ip)
{
    static const uint8_t zero[16];
    return memcmp(ip->bytes, zero, ip->family == 4 ? 4 : 16) == 0;
}

bool address_guard_add_listener(struct address_guard *guard, const struct ip *ip, uint16_t port)
{
    struct own_listener *grown =
        realloc(guard->listeners, (guard->listener_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    guard->listeners = grown;
    struct ip plain = ip_unmapped(ip);
    grown[guard->listener_count++] =
        (struct own_listener){.ip = plain, .port = port, .everywhere = is_unspecified(&plain)};
    return true;
}

/*
 * Does IP belong to this machine now? Asked of the kernel (may it be bound?), since addresses
 * come and go while the proxy runs. In doubt (no descriptor left) it does.
 */
static bool is_local(const struct ip *ip)
{
    struct sockaddr_storage address;
    socklen_t length = ip_to_sockaddr(ip, 0, &address);
    if (ip_range_contains(&loopback_v4, ip))
        return true;
    int probe = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return errno != EAFNOSUPPORT;
    bool local = bind(probe, (struct sockaddr *)&address, length) == 0 || errno != EADDRNOTAVAIL;
    close(probe);
    return local;
}

/* Would a connection to IP and PORT arrive at one of our listeners? IP is unmapped. */
static bool is_own_listener(const struct address_guard *guard, const struct ip *ip, uint16_t port)
{
    for (size_t i = 0; i < guard->listener_count; i++) {
        const struct own_listener *own = &guard->listeners[i];
        if (own->port != port)
            continue;
        if (ip_equal(&own->ip, ip) || is_unspecified(ip))
            return true;
        if (own->everywhere && is_local(ip))
            return true;
    }
    return false;
}

static bool is_allowed(const struct address_guard *guard, const struct ip *ip)
{
    for (size_t i = 0; i < guard->allowed_count; i++) {
        if (ip_range_contains(&guard->allowed[i], ip))
            return true;
    }
    return false;
}

static const char *prohibited(const struct prohibited_range *table, size_t count,
                              const struct ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        if (ip_range_contains(&table[i].range, ip))
            return table[i].words;
    }
    return NULL;
}

static const char *refuses_ipv6(const struct address_guard *guard, const struct ip *ip,
                                uint16_t port)
{
    const char *carried = NULL;
    for (size_t i = 0; i < COUNT(embeddings); i++) {
        if (!ip_range_contains(&embeddings[i].range, ip))
            continue;
        struct ip inner = ipv4_at(ip, embeddings[i].offset, embeddings[i].mask);
        if (is_own_listener(guard, &inner, port))
            return own_listener_words;
        if (prohibited(prohibited_v4, COUNT(prohibited_v4), &inner) != NULL)
            carried = "a prohibited IPv4 address embedded in IPv6";
    }
    if (is_allowed(guard, ip))
        return NULL;
    const char *words = prohibited(prohibited_v6, COUNT(prohibited_v6), ip);
    if (words != NULL || carried != NULL)
        return words != NULL ? words : carried;
    if (ip_range_contains(&global_unicast, ip) || ip_range_contains(&nat64, ip))
        return NULL;
    return "not global unicast (RFC 4291)";
}

const char *address_guard_refuses(const struct address_guard *guard, const struct ip *ip,
                                  uint16_t port)
{
    struct ip plain = ip_unmapped(ip);
    if (is_own_listener(guard, &plain, port))
        return own_listener_words;
    if (plain.family == 6)
        return refuses_ipv6(guard, &plain, port);
    if (is_allowed(guard, ip) || is_allowed(guard, &plain))
        return NULL;
    return prohibited(prohibited_v4, COUNT(prohibited_v4), &plain);
}
