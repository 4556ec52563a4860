/*
 * How long a message's body is (RFC 9112, section 6), read so that no two
 * parsers can differ: one Content-Length or one "chunked", never both.
 */
#ifndef SALLYPORT_PROXY_HTTP_FRAMING_H
#define SALLYPORT_PROXY_HTTP_FRAMING_H

#include "proxy/http_syntax.h"

struct http_framing {
    bool chunked;
    bool has_length;
    uint64_t length; /* at most INT64_MAX */
};

/*
 * Reads the framing fields of a message of HTTP/1.MINOR. Refused: 413 for a length
 * beyond 63 bits, 501 for a transfer coding other than chunked, else 400.
 */
bool http_framing_read(const struct http_fields *fields, unsigned minor,
                       struct http_framing *framing, struct http_problem *problem);

/* Something follows the head: a chunked body (even an empty one) or a length above 0. */
static inline bool http_framing_has_body(const struct http_framing *framing)
{
    return framing->chunked || framing->length > 0;
}

#endif
