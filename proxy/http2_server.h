/*
 * The client's side of HTTP/2, inside of a tunnel that is looked into. A stream is a session of its
 * own: of the same tenant, for the same host (`inside`), its client the far end of the stream's
 * pair. So the stages of session.h serve it like any other request, and log, limit and refuse it.
 *
 * The session that has the connection itself (the parent) serves no requests any more, only the
 * connection. It may go before its streams' sessions, which are told to end then, or after them.
 */
#ifndef SALLYPORT_PROXY_HTTP2_SERVER_H
#define SALLYPORT_PROXY_HTTP2_SERVER_H

#include "proxy/http2.h"

#define HTTP2_SERVER_STREAMS 100 /* of one connection, at a time */

enum progress;
struct session;
struct http2_server;

/* What a stream's session keeps of where it belongs. */
struct http2_child {
    LIST_ENTRY(http2_child) link;
    struct session *session;
    struct http2_server *server; /* NULL: the connection is gone */
    struct http2_stream *stream; /* NULL: it is over */
    struct http_problem problem; /* what is wrong with its request's fields; text NULL: nothing */
};

/* The client of SESSION, whose handshake is done, has chosen HTTP/2: it is served so from now on.
 */
enum progress http2_server_begin(struct session *session);

/* Takes no more streams; the session ends when those there are have. */
void http2_server_drain(struct http2_server *server);

/* Nothing has moved for a while that should have: false, it is to be ended. Else what nobody
 * serves any more is. */
bool http2_server_tick(struct http2_server *server);

/* No stream is under way. */
bool http2_server_is_idle(const struct http2_server *server);

/* Its session goes: those of its streams are told to, with OUTCOME. NULL is fine. */
void http2_server_free(struct http2_server *server, const char *outcome);

/* CHILD's session goes. */
void http2_server_forget(struct http2_child *child);

#endif
