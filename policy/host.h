/*
 * The one canonical form of a host. Every host that Sallyport reads (manifest,
 * command line, request target, Host field, SNI) passes through host_parse,
 * and two hosts are the same if and only if their `text` is the same.
 *
 * Names: lower case, A-form (UTS 46, non-transitional), one trailing dot
 * dropped, labels of 1..63 bytes out of [a-z0-9_-], 253 bytes in all.
 * IPv4: dotted decimal only. Every other spelling that a resolver would take
 * for an IPv4 address (decimal, octal, hex, one to four parts) is refused, with
 * the address it means, and never taken for a name.
 * IPv6: RFC 5952 text, kept without brackets; zone ids are refused.
 */
#ifndef SALLYPORT_POLICY_HOST_H
#define SALLYPORT_POLICY_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/error.h"
#include "policy/span.h"
#include "policy/text.h"

enum host_kind { HOST_NAME, HOST_IPV4, HOST_IPV6 };

struct host {
    enum host_kind kind;
    uint8_t length;      /* of text */
    char text[254];      /* canonical, NUL-terminated */
    uint8_t address[16]; /* network order: 4 bytes of an IPv4, 16 of an IPv6; zero for a name */
};

/*
 * Reads TEXT (UTF-8; an IPv6 literal in brackets) into HOST. False: not a host,
 * ERROR says why (no place), and what HOST holds means nothing. Allocates only
 * for international names: not plain ASCII, or with a label that begins "xn--".
 */
bool host_parse(struct span text, struct host *host, struct error *error);

static inline struct span host_span(const struct host *host)
{
    return (struct span){host->text, host->length};
}

/* As it stands in a URL: IPv6 in brackets. */
void host_add_to_text(const struct host *host, struct text *text);

#endif
