/*
 * IP addresses, ranges and endpoints as the configuration writes them and the
 * proxy uses them. Network order throughout.
 */
#ifndef SALLYPORT_CONF_IP_H
#define SALLYPORT_CONF_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "policy/span.h"

struct ip {
    uint8_t family; /* 4 or 6 */
    uint8_t bytes[16];
};

/* Room for "[address]:port" and its NUL, and for every shorter form. */
#define IP_TEXT_SIZE 56

/* An address without brackets, dotted decimal or RFC 4291; no zone id. */
bool ip_parse(struct span text, struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);

/* "192.0.2.1", "2001:db8::1". */
void ip_format(const struct ip *ip, char buffer[IP_TEXT_SIZE]);
/* "192.0.2.1:443", "[2001:db8::1]:443". */
void ip_format_with_port(const struct ip *ip, uint16_t port, char buffer[IP_TEXT_SIZE]);

socklen_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *address);
/* False: neither AF_INET nor AF_INET6. A v4-mapped address stays IPv6. */
bool ip_from_sockaddr(const struct sockaddr *address, struct ip *ip, uint16_t *port);

/* An IPv4 address in IPv6's clothes (RFC 4291, section 2.5.5.2) as what it is; others as they are.
 */
struct ip ip_unmapped(const struct ip *ip);

struct ip_range {
    struct ip base;
    uint8_t prefix; /* bits that count: 0..32 or 0..128 */
};

/* "10.0.0.0/8" or one address; bits behind the prefix must be zero. */
bool ip_range_parse(struct span text, struct ip_range *range);
bool ip_range_contains(const struct ip_range *range, const struct ip *ip);

/* "127.0.0.1:3128", "[::1]:3128"; the port is required unless DEFAULT_PORT is not 0. */
bool ip_endpoint_parse(struct span text, uint16_t default_port, struct ip *ip, uint16_t *port);

#endif
