/*
 * An HTTP/2 connection (RFC 9113), by nghttp2, as an adapter: each of its streams is handed on as
 * an HTTP/1.1 connection of its own, for one request, over a pair of sockets. One end of the pair
 * is an ordinary transport of whoever serves the request or sends it; the other, `inner`, belongs
 * to the stream. Between it and HTTP/2 heads are written anew (http2_fields.h) and bodies framed
 * anew (http2_inbound.h, http2_outbound.h). So what is decided, limited, logged and relayed of a
 * request has one way, and knows nothing of HTTP/2.
 *
 * The base serves both directions; what differs is a role's:
 *   a server (http2_server.h): the peer opens streams; their requests come by HTTP/2,
 *   a client: we open streams (http2_open); their requests come out of the pair.
 *
 * Pressure: what is not taken out of the pair stays in it, then in its stream, at most the
 * stream's window, which opens as bytes go in. The connection's window opens at once, so that one
 * slow stream stops no other. The other way, bytes leave the pair only as the peer's windows let
 * them. A message that was cut short ends by RST_STREAM there and by a close without its end here,
 * never like one that is whole.
 *
 * Whoever owns the connection calls http2_pump when its transport or (`wake`) a stream has
 * something.
 */
#ifndef SALLYPORT_PROXY_HTTP2_H
#define SALLYPORT_PROXY_HTTP2_H

#include <sys/queue.h>

#include "proxy/http2_fields.h"
#include "proxy/http2_inbound.h"
#include "proxy/http2_outbound.h"
#include "proxy/metrics.h"
#include "proxy/relay.h"

struct http2;

struct http2_stream {
    TAILQ_ENTRY(http2_stream) link;
    TAILQ_ENTRY(http2_stream) ready_link;
    struct http2 *http2;
    void *owner;                          /* its role's; NULL: nobody's any more */
    int32_t id;                           /* 0: a client's request whose head is not out yet */
    struct transport inner;               /* the stream's end of the pair */
    char method[HTTP_METHOD_MAXIMUM + 1]; /* of the request; "": not known */
    struct http2_inbound inbound;         /* HTTP/2 → pair */
    struct http2_outbound outbound;       /* pair → HTTP/2 */
    bool head_received; /* the peer's (final) head: what comes now are data and trailers */
    bool peer_ended;
    bool head_sent;      /* our (final) head: what is sent now are data and trailers */
    bool is_whole;       /* our message was sent to its end */
    bool is_reset;       /* RST_STREAM is on its way */
    bool is_deaf;        /* what the peer still sends is dropped */
    bool is_closed;      /* by HTTP/2's count; it is there for what still has to go into the pair */
    bool is_ready;       /* in the list of those that are to be looked at */
    bool has_moved;      /* since http2_tick was called */
    bool is_deferred;    /* nghttp2 waits for data of its body */
    bool was_sent;       /* a client's request head went to the peer */
    uint32_t code;       /* is_closed: how it ended (RFC 9113, section 7) */
    const char *problem; /* what was wrong with the peer's message; NULL: nothing; static */
};

TAILQ_HEAD(http2_stream_list, http2_stream);

struct http2_role {
    bool is_server;
    uint32_t streams; /* that a peer may have open at a time (server) */
    uint32_t window;  /* bytes of one stream that the peer may send ahead; at most 192 KiB */

    /* Server: STREAM has come. FD is the far end of its pair, taken over whatever is returned.
     * False: it is refused (REFUSED_STREAM; the client may try again), and not closed. */
    bool (*begin)(struct http2_stream *stream, int fd);

    /* HEAD came whole (`problem`: perhaps wrong), ENDS: and nothing follows. Writes it as HTTP/1 to
     * inbound.out; with a final one http2_stream_begin_inbound. False: the stream is reset. */
    bool (*take_head)(struct http2_stream *stream, struct http2_head *head, bool ends);

    /* BYTES of the pair are worth a look: if they are a head, it is submitted, taken
     * (http2_outbound_take_head), and with a final one http2_stream_begin_outbound. Else the stream
     * is reset. */
    enum http_parse (*send_head)(struct http2_stream *stream, struct span bytes);

    /* STREAM, with `owner` set, is over; the pair is closed next. */
    void (*closed)(struct http2_stream *stream);
};

/* Where a connection is. All of it outlives the connection. */
struct http2_place {
    struct transport *transport; /* its owner tells of its edges (http2_pump) */
    struct poller *poller;       /* for the streams' ends */
    struct relay_lender *lender; /* its scratch, and how much may move in a turn */
    struct metrics *metrics;     /* NULL: none */
    transport_wake *wake;        /* http2_pump is to be called; never called from within it */
    void *owner;
};

/* NULL: memory is out. */
struct http2 *http2_new(const struct http2_role *role, const struct http2_place *place);

/* Ends all streams (`closed`), says nothing. NULL is fine. */
void http2_free(struct http2 *http2);

enum http2_progress {
    HTTP2_WAIT,   /* an edge or `wake` will tell */
    HTTP2_YIELD,  /* its turn is over, more is ready */
    HTTP2_OVER,   /* all is said, GOAWAY too: to be freed */
    HTTP2_BROKEN, /* nothing can be said any more: to be freed */
};

/* Moves what can be moved, for one turn. Not from within a role's functions. */
enum http2_progress http2_pump(struct http2 *http2);

/* GOAWAY: no stream is begun any more; when those there are have ended, HTTP2_OVER. */
void http2_end(struct http2 *http2);

/* Streams that there are, those included that have only bytes to deliver. */
size_t http2_stream_count(const struct http2 *http2);

/* The peer has done what no HTTP/2 peer does; NULL: it has not. Static. */
const char *http2_problem(const struct http2 *http2);

/* http2_pump has said HTTP2_BROKEN. */
bool http2_is_broken(const struct http2 *http2);

/* http2_end was called. */
bool http2_is_ending(const struct http2 *http2);

/*
 * To be called now and then, as long as there are streams. One of a server that has no owner any
 * more (only its peer is waited for) and of which nothing went since the last call is reset. False:
 * frames have been waiting all that time, and not a byte went.
 */
bool http2_tick(struct http2 *http2);

/* The peer has sent its SETTINGS, with which it begins (RFC 9113, section 3.4). */
bool http2_is_greeted(const struct http2 *http2);

/* The owner in http2_place. */
void *http2_owner(const struct http2 *http2);

/* ---- for clients ---- */

/* Another stream may be opened now: the peer says no GOAWAY, and allows as many. */
bool http2_has_room(struct http2 *http2);

/* A stream for OWNER; *fd is the far end of its pair, the caller's: what is written there is its
 * request. NULL: descriptors or memory are out. */
struct http2_stream *http2_open(struct http2 *http2, void *owner, int *fd);

/* ---- for roles ---- */

/* For nghttp2_submit_…: only within a role's functions. */
nghttp2_session *http2_session(struct http2 *http2);

/* What reads STREAM's outbound body: for nghttp2_submit_…. */
nghttp2_data_provider http2_stream_body(struct http2_stream *stream);

/* STREAM's (final) head is in inbound.out; a body of BODY (LENGTH bytes, if sized) follows. */
static inline void http2_stream_begin_inbound(struct http2_stream *stream, enum http_body body,
                                              uint64_t length)
{
    stream->head_received = true;
    http2_inbound_begin(&stream->inbound, body, length);
}

/* The (final) head is submitted; a body of BODY follows, out of the pair. */
static inline void http2_stream_begin_outbound(struct http2_stream *stream, enum http_body body,
                                               uint64_t length)
{
    stream->head_sent = true;
    http2_outbound_begin(&stream->outbound, body, length);
}

/* RST_STREAM with CODE; what the peer still sends of it is dropped. `closed` follows. */
void http2_stream_reset(struct http2_stream *stream, uint32_t code);

/* STREAM has something to do. */
void http2_stream_mark_ready(struct http2_stream *stream);

#endif
