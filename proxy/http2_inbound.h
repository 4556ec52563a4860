/*
 * One message of a stream, from HTTP/2 into its pair of sockets: a head, the payload of DATA frames
 * in HTTP/1's framing, trailers. What the pair does not take yet is held, at most a stream's
 * window; how much went in is told, so that the window opens again no sooner.
 */
#ifndef SALLYPORT_PROXY_HTTP2_INBOUND_H
#define SALLYPORT_PROXY_HTTP2_INBOUND_H

#include "proxy/buffer.h"
#include "proxy/http_head.h"
#include "proxy/outbox.h"

struct http2_inbound {
    size_t maximum;       /* bytes held */
    struct outbox out;    /* the head, and what of the body is framed */
    size_t payload_out;   /* bytes of payload in `out`, which are still to be told */
    struct buffer held;   /* payload that came and is not framed yet */
    struct text trailers; /* field lines of HTTP/1 */
    enum http_body body;
    uint64_t left;   /* HTTP_BODY_SIZED: bytes that are still to come */
    bool ended;      /* the peer has said all */
    bool end_in_out; /* and so does `out` */
};

/* At most MAXIMUM bytes are held: the peer is to have no larger window. */
void http2_inbound_init(struct http2_inbound *inbound, size_t maximum);

/* Wipes and frees. */
void http2_inbound_clear(struct http2_inbound *inbound);

/* The head is in `out`; a body of BODY (LENGTH bytes, if sized) follows. */
void http2_inbound_begin(struct http2_inbound *inbound, enum http_body body, uint64_t length);

/* False: more than was announced, or a body where none may be, or memory is out. */
bool http2_inbound_add(struct http2_inbound *inbound, struct span data);

/* The last has come, with LINES as trailers (dropped where HTTP/1 has no place for them). False:
 * less than was announced. */
bool http2_inbound_end(struct http2_inbound *inbound, struct span lines);

/* TRANSPORT_OK: all that came has gone in. *consumed grows by bytes of payload that did. */
enum transport_result http2_inbound_flush(struct http2_inbound *inbound,
                                          struct transport *transport, size_t *consumed);

/* The whole message has gone in. */
bool http2_inbound_is_done(const struct http2_inbound *inbound);

#endif
