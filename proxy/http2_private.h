/* Private to http2.c and http2_stream.c, http2_callbacks.c: what a connection is made of. */
#ifndef SALLYPORT_PROXY_HTTP2_PRIVATE_H
#define SALLYPORT_PROXY_HTTP2_PRIVATE_H

#include "proxy/http2.h"

struct http2 {
    const struct http2_role *role;
    struct http2_place place;
    nghttp2_session *session;
    struct http2_stream_list streams;
    struct http2_stream_list ready;
    size_t count;
    struct http2_head head; /* the section that is coming */
    struct outbox out;      /* frames on their way */
    size_t moved;           /* bytes, in this turn */
    uint64_t sent_at_tick;
    bool is_ending; /* GOAWAY is submitted */
    bool is_broken;
    bool is_done; /* nghttp2 has no more to say or to hear */
    bool is_greeted;
    uint64_t resets_paid_at; /* milliseconds, monotonic */
    int64_t allowance;       /* bytes that may come before more heads and payload have to */
    const char *problem;
};

/*
 * So many more BYTES may come: for a head, or payload, that came or went, or nobody wants any more.
 * What brings nobody anything (PING and SETTINGS and their like, without end) costs time, and its
 * sender is sent away.
 */
void http2_allow(struct http2 *http2, size_t bytes);

/*
 * A stream is reset for what its client has done to it. That costs as much as if the client had
 * cancelled it, which nghttp2 counts. False: it does so too often, and is to be sent away.
 */
bool http2_pay_for_reset(struct http2 *http2);

/* ---- http2_stream.c ---- */

/* One with a pair; *fd: its far end. NULL: descriptors or memory are out. */
struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id, int *fd);

/* Its role is told (`closed`), unless its owner is NULL. */
void http2_stream_free(struct http2_stream *stream);

/* Looks what its ends let it do. It may be gone afterwards. */
void http2_stream_turn(struct http2_stream *stream);

/* nghttp2 counts it no more. It may be gone afterwards. */
void http2_stream_close(struct http2_stream *stream, uint32_t code);

/* ---- http2_callbacks.c ---- */

/* What nghttp2 is to call. NULL: memory is out. */
nghttp2_session_callbacks *http2_callbacks_new(void);

#endif
