/*
 * host[":" port]: the part that targets, addresses and Host fields have in
 * common (RFC 3986, section 3.2, without userinfo).
 */
#ifndef SALLYPORT_POLICY_AUTHORITY_H
#define SALLYPORT_POLICY_AUTHORITY_H

#include "policy/host.h"

/* An authority taken apart, not yet judged; slices of the text it was made from. */
struct authority {
    struct span host;
    struct span port; /* what stands behind the colon, "" too */
    bool has_port;    /* there is a colon */
};

/* False: userinfo, or more than one colon outside brackets; ERROR says why. */
bool authority_split(struct span text, struct authority *authority, struct error *error);

/* Digits without leading zeros, 1..65535. */
bool authority_parse_port(struct span digits, uint16_t *port, struct error *error);

/*
 * TEXT (UTF-8) as host and port; where no port is written it is DEFAULT_PORT.
 * False: ERROR says why (no place).
 */
bool authority_parse(struct span text, uint16_t default_port, struct host *host, uint16_t *port,
                     struct error *error);

/* The length of the authority that TEXT begins with: up to "/", "?", "#" or the end. */
size_t authority_length(struct span text);

/*
 * True where TEXT is SCHEME "://" REST, whatever SCHEME is ("" too); false, and
 * nothing written, where it begins with an authority.
 */
bool authority_split_scheme(struct span text, struct span *scheme, struct span *rest);

#endif
