/*
 * Why: the configuration, the address guard and the dialler must agree on what
 * an address is, so one file reads and writes them all.
 * Rests on inet_pton, which takes dotted decimal without leading zeros and RFC
 * 4291 text, and no zone id.
 */
#include "conf/ip.h"

#include <arpa/inet.h>

#include "policy/text.h"

#define PORT_MAXIMUM 65535

static size_t address_size(const struct ip *ip)
{
    return ip->family == 4 ? 4 : 16;
}

static int socket_family(const struct ip *ip)
{
    return ip->family == 4 ? AF_INET : AF_INET6;
}

bool ip_parse(struct span text, struct ip *ip)
{
    char terminated[INET6_ADDRSTRLEN];
    if (text.length == 0 || text.length >= sizeof(terminated) ||
        memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(terminated, text.data, text.length);
    terminated[text.length] = '\0';

    struct ip parsed = {.family = memchr(text.data, ':', text.length) == NULL ? 4 : 6};
    if (inet_pton(socket_family(&parsed), terminated, parsed.bytes) != 1)
        return false;
    *ip = parsed;
    return true;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, address_size(a)) == 0;
}

/* Each log record has addresses: inet_ntop's way to IPv4 is by way of printf. */
static void add_ipv4(struct text *text, const uint8_t bytes[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            text_add_char(text, '.');
        text_add_decimal(text, bytes[i]);
    }
}

static void add_ipv6(struct text *text, const uint8_t bytes[16])
{
    char address[INET6_ADDRSTRLEN];
    text_add_string(text, inet_ntop(AF_INET6, bytes, address, sizeof(address)));
}

void ip_format(const struct ip *ip, char buffer[IP_TEXT_SIZE])
{
    struct text text;
    text_init_fixed(&text, buffer, IP_TEXT_SIZE);
    if (ip->family == 4)
        add_ipv4(&text, ip->bytes);
    else
        add_ipv6(&text, ip->bytes);
    text_add_char(&text, '\0');
}

void ip_format_with_port(const struct ip *ip, uint16_t port, char buffer[IP_TEXT_SIZE])
{
    struct text text;
    text_init_fixed(&text, buffer, IP_TEXT_SIZE);
    if (ip->family == 4) {
        add_ipv4(&text, ip->bytes);
    } else {
        text_add_char(&text, '[');
        add_ipv6(&text, ip->bytes);
        text_add_char(&text, ']');
    }
    text_add_char(&text, ':');
    text_add_decimal(&text, port);
    text_add_char(&text, '\0');
}

socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *address)
{
    memset(address, 0, sizeof(*address));
    if (ip->family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)address;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, ip->bytes, 4);
        return sizeof(*v4);
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    memcpy(&v6->sin6_addr, ip->bytes, 16);
    return sizeof(*v6);
}

bool ip_from_sockaddr(const struct sockaddr *address, struct ip *ip, uint16_t *port)
{
    *ip = (struct ip){0};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        ip->family = 4;
        memcpy(ip->bytes, &v4->sin_addr, 4);
        *port = ntohs(v4->sin_port);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        ip->family = 6;
        memcpy(ip->bytes, &v6->sin6_addr, 16);
        *port = ntohs(v6->sin6_port);
        return true;
    }
    return false;
}

struct ip ip_unmapped(const struct ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct ip plain = {.family = 4};
    if (ip->family != 6 || memcmp(ip->bytes, mapped, sizeof(mapped)) != 0)
        return *ip;
    memcpy(plain.bytes, ip->bytes + sizeof(mapped), sizeof(plain.bytes) - sizeof(mapped));
    return plain;
}

/* The first PREFIX bits of A and B are the same. */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
    unsigned whole = prefix / 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    unsigned rest = prefix % 8;
    if (rest == 0)
        return true;
    unsigned mask = (0xffU << (8 - rest)) & 0xffU;
    return ((a[whole] ^ b[whole]) & mask) == 0;
}

/* No bit behind the prefix is set. */
static bool is_base_of_its_range(const struct ip_range *range)
{
    struct ip cut = {.family = range->base.family};
    unsigned whole = range->prefix / 8;
    unsigned rest = range->prefix % 8;
    memcpy(cut.bytes, range->base.bytes, whole);
    if (rest != 0)
        cut.bytes[whole] = (uint8_t)(range->base.bytes[whole] & (0xffU << (8 - rest)));
    return ip_equal(&cut, &range->base);
}

bool ip_range_parse(struct span text, struct ip_range *range)
{
    struct ip_range parsed = {0};
    size_t slash = span_find(text, '/');
    if (!ip_parse(span_slice(text, 0, slash), &parsed.base))
        return false;

    uint64_t bits = address_size(&parsed.base) * 8;
    if (slash < text.length && !span_parse_decimal(span_after(text, slash + 1), bits, &bits))
        return false;
    parsed.prefix = (uint8_t)bits;
    if (!is_base_of_its_range(&parsed))
        return false;
    *range = parsed;
    return true;
}

bool ip_range_contains(const struct ip_range *range, const struct ip *ip)
{
    return range->base.family == ip->family &&
           bits_equal(range->base.bytes, ip->bytes, range->prefix);
}

/* Where the address ends: behind the bracket of an IPv6 literal, else at the colon. */
static bool split_endpoint(struct span text, struct span *address, struct span *rest)
{
    if (text.length == 0 || text.data[0] != '[') {
        size_t colon = span_find(text, ':');
        *address = span_slice(text, 0, colon);
        *rest = span_after(text, colon);
        return true;
    }
    size_t bracket = span_find(text, ']');
    if (bracket == text.length)
        return false;
    *address = span_slice(text, 1, bracket - 1);
    *rest = span_after(text, bracket + 1);
    return span_find(*address, ':') < address->length;
}

bool ip_endpoint_parse(struct span text, uint16_t default_port, struct ip *ip, uint16_t *port)
{
    struct span address;
    struct span rest;
    struct ip parsed;
    if (!split_endpoint(text, &address, &rest) || !ip_parse(address, &parsed))
        return false;

    uint64_t number = default_port;
    if (rest.length == 0 && default_port == 0)
        return false;
    if (rest.length > 0 &&
        (rest.data[0] != ':' || !span_parse_decimal(span_after(rest, 1), PORT_MAXIMUM, &number)))
        return false;
    *ip = parsed;
    *port = (uint16_t)number;
    return true;
}
