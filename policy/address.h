/*
 * An egress address as a manifest declares it: "*", or
 * [scheme "://"] ["*."] host [":" port] ["/" path]: the platform's rules for egress.
 */
#ifndef SALLYPORT_POLICY_ADDRESS_H
#define SALLYPORT_POLICY_ADDRESS_H

#include "policy/target.h"

#define ADDRESS_LENGTH_MAXIMUM 1000 /* characters, not bytes */

struct address {
    enum scheme scheme; /* SCHEME_ANY for "*"; https where none is written */
    bool wildcard;      /* "*.host": every name below host, never host itself */
    bool has_path;      /* more than "/" was written behind the host (and decides nothing) */
    struct host host;   /* unset for "*" */
    uint16_t port;      /* 0 for "*"; the scheme's own where none is written */
};

/*
 * Reads TEXT (UTF-8). Names need a dot; a wildcard stands only as the whole first
 * label and never over an IP address. http and ws are read like the others: whether they may be
 * declared is the manifest reader's question. False: ERROR says why (no place).
 */
bool address_parse(struct span text, struct address *address, struct error *error);

/* A scheme (any case, no colon) that the platform refuses in every list: javascript, data, …
 */
bool address_scheme_refused(struct span name);

#endif
