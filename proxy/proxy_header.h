/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): what a
 * front puts before the bytes that it passes on, to say who its client is. A pure
 * function over bytes; strict, since what is misread here would be believed.
 */
#ifndef SALLYPORT_PROXY_PROXY_HEADER_H
#define SALLYPORT_PROXY_PROXY_HEADER_H

#include "conf/ip.h"

/* Version 1 has 107 bytes at most; version 2 could have 64 KiB, of which nobody needs so many. */
#define PROXY_HEADER_MAXIMUM 4096

/* The type of ours, first of the custom ones: its value is the client's SPIFFE name. */
#define PROXY_HEADER_TYPE_SPIFFE 0xE0

enum proxy_header_parse {
    PROXY_HEADER_MORE, /* good so far */
    PROXY_HEADER_DONE,
    PROXY_HEADER_BAD, /* `problem` says why */
};

struct proxy_header {
    size_t length;    /* of the header; what follows is the client's */
    bool is_local;    /* the front itself: a health check, for nobody */
    bool has_client;  /* the client's address is told (else it came by other means) */
    struct ip client; /* family 0 where it is not told */
    uint16_t port;
    struct span spiffe;      /* value of PROXY_HEADER_TYPE_SPIFFE; "" where there is none */
    struct span common_name; /* of the certificate that the front verified; "" as above */
    const char *problem;     /* static */
};

/* BYTES: all that came so far. The spans are slices of them. */
enum proxy_header_parse proxy_header_parse(struct span bytes, struct proxy_header *header);

#endif
