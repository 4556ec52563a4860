/*
 * The chunked transfer coding, decoded and encoded (RFC 9112, section 7.1).
 * Strict: sizes of 1..16 hex digits that fit 63 bits, CRLF only, extensions
 * read past within a bound and not forwarded, trailers checked like fields and
 * refused when they name framing, routing or authentication.
 */
#ifndef SALLYPORT_PROXY_HTTP_CHUNKED_H
#define SALLYPORT_PROXY_HTTP_CHUNKED_H

#include "proxy/http_head.h"

#define HTTP_CHUNK_LINE_MAXIMUM 256  /* bytes of a size line, extensions included */
#define HTTP_TRAILERS_MAXIMUM   8192 /* bytes of the trailer section */

struct http_chunked {
    unsigned state;
    uint64_t chunk_left;
    const char *problem; /* HTTP_BAD: what is wrong */
};

void http_chunked_init(struct http_chunked *decoder);

/*
 * Reads from BYTES: *consumed of them were taken, and *data (a slice of them) is
 * payload, possibly empty. HTTP_MORE: call again with what follows the consumed
 * bytes, and more of it if nothing was consumed. HTTP_DONE: the body is whole; *trailers
 * is the checked trailer section without its closing empty line (a slice; mostly empty).
 */
enum http_parse http_chunked_read(struct http_chunked *decoder, struct span bytes, size_t *consumed,
                                  struct span *data, struct span *trailers);

/* DATA (not empty) as one chunk, its size line and CRLF written around it. */
void http_chunk_write(struct span data, struct text *out);
/* The last chunk, TRAILERS (as http_chunked_read gave them) and the end. */
void http_last_chunk_write(struct span trailers, struct text *out);

#endif
