/*
 * One message of a stream, from its pair of sockets to HTTP/2: HTTP/1 heads, and the payload of a
 * body without its framing. Nothing is read from the pair before it can be sent, but for one
 * buffer.
 */
#ifndef SALLYPORT_PROXY_HTTP2_OUTBOUND_H
#define SALLYPORT_PROXY_HTTP2_OUTBOUND_H

#include "proxy/buffer.h"
#include "proxy/http_chunked.h"
#include "proxy/transport.h"

struct http2_outbound {
    struct buffer input;
    size_t searched;     /* bytes of input known not to hold a head's end */
    enum http_body body; /* what is still to come of it; HTTP_BODY_NONE: nothing */
    uint64_t left;       /* HTTP_BODY_SIZED */
    struct http_chunked decoder;
    size_t payload;       /* bytes of it that input begins with … */
    size_t behind;        /* … and of framing behind them */
    struct text trailers; /* field lines */
};

enum http2_outbound_result {
    HTTP2_OUTBOUND_MORE,   /* there was some, and there will be more */
    HTTP2_OUTBOUND_WAIT,   /* an edge will tell when there is more */
    HTTP2_OUTBOUND_END,    /* that was all */
    HTTP2_OUTBOUND_BROKEN, /* cut short, or its framing is none */
};

void http2_outbound_init(struct http2_outbound *outbound);

/* Wipes and frees. */
void http2_outbound_clear(struct http2_outbound *outbound);

/*
 * The head that comes next, or what there is of it, is worth a look: *bytes. TRANSPORT_AGAIN: not
 * yet; else it will not be.
 */
enum transport_result http2_outbound_read_head(struct http2_outbound *outbound,
                                               struct transport *transport, struct span *bytes);

/* It was LENGTH bytes long. */
void http2_outbound_take_head(struct http2_outbound *outbound, size_t length);

/* That was the last; a body of BODY (LENGTH bytes, if sized) follows. UNTIL_CLOSE has no end that
 * could be told from a cut: the first look at it is HTTP2_OUTBOUND_BROKEN. */
void http2_outbound_begin(struct http2_outbound *outbound, enum http_body body, uint64_t length);

/* At most SIZE bytes of the body, *count of them, also with HTTP2_OUTBOUND_END. */
enum http2_outbound_result http2_outbound_read(struct http2_outbound *outbound,
                                               struct transport *transport, void *bytes,
                                               size_t size, size_t *count);

#endif
