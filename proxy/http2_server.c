/*
 * Rests on: sessions are never ended from here, only told to end (session_cancel) and then run by
 * turns, so it is of no matter who is looking at which session when a connection breaks.
 */
#include "proxy/http2_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/session.h"

#define WINDOW_BYTES 65535U /* of a stream; RFC 9113, section 6.9.2: what a client begins with */

struct http2_server {
    struct session *session;
    struct http2 *http2;
    const char *outcome; /* of streams that do not come to their end */
    size_t child_count;  /* more than the streams: also those that are about to end */
    LIST_HEAD(http2_child_list, http2_child) children;
};

static session_stage stage_serve;
static session_stage stage_over;
static session_stage stage_refuse;
static session_stage stage_malformed;

/* ---- streams ------------------------------------------------------------------------ */

static struct http2_child *child_of(const struct http2_stream *stream)
{
    return stream->owner;
}

static bool can_begin(const struct http2_server *server)
{
    struct overload *overload = server->session->worker->overload;
    return server->child_count < HTTP2_SERVER_STREAMS &&
           (overload == NULL || !overload_is_full(overload));
}

static bool begin(struct http2_stream *stream, int fd)
{
    struct http2_server *server = http2_owner(stream->http2);
    struct http2_child *child;
    if (!can_begin(server)) {
        close(fd);
        return false;
    }
    struct session *session = session_start_inside(server->session, fd);
    if (session == NULL)
        return false;
    child = &session->inside->child;
    *child = (struct http2_child){.session = session, .server = server, .stream = stream};
    LIST_INSERT_HEAD(&server->children, child, link);
    server->child_count++;
    stream->owner = child;
    return true;
}

void http2_server_forget(struct http2_child *child)
{
    if (child->stream != NULL)
        child->stream->owner = NULL;
    if (child->server == NULL)
        return;
    LIST_REMOVE(child, link);
    child->server->child_count--;
}

/* The client wants no more of it, or cannot have it; unless it has all of it. */
static void closed(struct http2_stream *stream)
{
    struct http2_child *child = child_of(stream);
    child->stream = NULL;
    if (stream->is_whole)
        return;
    if (stream->problem != NULL)
        child->problem = (struct http_problem){stream->problem, 400};
    if (child->problem.text == NULL) {
        session_cancel(child->session, child->server->outcome);
        return;
    }
    child->session->stage = stage_malformed;
    turns_resume(child->session);
}

/* ---- a request's head ----------------------------------------------------------------- */

static void keep_method(struct http2_stream *stream, const struct http2_head *head)
{
    const struct span method = http2_head_pseudo(head, HTTP2_METHOD);
    if (method.length < sizeof(stream->method))
        memcpy(stream->method, method.data, method.length);
}

/* The session answers it, so that it is told and logged like any other. */
static bool take_head(struct http2_stream *stream, struct http2_head *head, bool ends)
{
    struct outbox *out = &stream->inbound.out;
    struct http2_child *child = child_of(stream);
    keep_method(stream, head); /* of one that is refused, too: HEAD's answer has no content */
    http2_stream_begin_inbound(stream, HTTP_BODY_NONE, 0);
    if (http2_head_write_request(head, SPAN("https"), ends, &out->text)) {
        http2_stream_begin_inbound(stream, head->body, head->content_length);
        return true;
    }
    outbox_clear(out);
    stream->is_deaf = true;
    child->problem = head->problem;
    child->session->stage = stage_refuse;
    turns_resume(child->session);
    return true;
}

/* However long that takes: what is wrong is not forgotten for want of room. */
static bool may_log(struct session *session)
{
    deadline_end(session->worker->deadlines, &session->deadline);
    return session_log_has_room(session);
}

static enum progress stage_refuse(struct session *session)
{
    const struct http_problem *problem = &session->inside->child.problem;
    if (!may_log(session))
        return PROGRESS_WAIT;
    return answer_malformed(session, problem->status, problem->text);
}

/* The head was wrong, or what followed did not agree with it. The stream is gone by now; the log
 * says why. */
static enum progress stage_malformed(struct session *session)
{
    const char *problem = session->inside->child.problem.text;
    if (!may_log(session))
        return PROGRESS_WAIT;
    session_log_unfinished(session);
    if (session->record.started == 0) /* the head was not even read */
        session_log_decision(session, VERDICT_DENY, REASON_INVALID_TARGET, problem);
    if (session->exchange != NULL)
        session->exchange->problem = problem;
    session_log_close(session, "malformed");
    metrics_add(session->worker->metrics, METRIC_REQUESTS_MALFORMED, 1);
    session_free_exchange(session, true);
    return PROGRESS_END;
}

/* ---- a response's head ------------------------------------------------------------------ */

static bool submit_interim(const struct http2_stream *stream, const struct http2_fields *fields)
{
    return nghttp2_submit_headers(http2_session(stream->http2), NGHTTP2_FLAG_NONE, stream->id, NULL,
                                  fields->items, fields->count, NULL) == 0;
}

static bool submit_final(struct http2_stream *stream, const struct http_response *response,
                         const struct http2_fields *fields)
{
    const nghttp2_data_provider body = http2_stream_body(stream);
    const bool is_empty = response->body == HTTP_BODY_NONE ||
                          (response->body == HTTP_BODY_SIZED && response->content_length == 0);
    http2_stream_begin_outbound(stream, response->body, response->content_length);
    stream->is_whole = is_empty;
    return nghttp2_submit_response(http2_session(stream->http2), stream->id, fields->items,
                                   fields->count, is_empty ? NULL : &body) == 0;
}

static enum http_parse send_head(struct http2_stream *stream, struct span bytes)
{
    struct http_response response;
    struct http2_fields fields;
    const enum http_parse parse = http_response_parse(bytes, span_of(stream->method), &response);
    if (parse != HTTP_DONE)
        return parse;
    http2_fields_of_response(&response, &fields);
    const bool submitted = response.status < 200 ? submit_interim(stream, &fields)
                                                 : submit_final(stream, &response, &fields);
    http2_outbound_take_head(&stream->outbound, response.length);
    return submitted ? HTTP_DONE : HTTP_BAD;
}

/* ---- the connection ----------------------------------------------------------------------- */

static const struct http2_role role = {.is_server = true,
                                       .streams = HTTP2_SERVER_STREAMS,
                                       .window = WINDOW_BYTES,
                                       .begin = begin,
                                       .take_head = take_head,
                                       .send_head = send_head,
                                       .closed = closed};

static void wake(void *owner)
{
    const struct http2_server *server = owner;
    turns_resume(server->session);
}

static struct http2_server *server_new(struct session *session)
{
    struct worker *worker = session->worker;
    struct http2_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return NULL;
    const struct http2_place place = {.transport = &session->client,
                                      .poller = worker->poller,
                                      .lender = worker->lender,
                                      .metrics = worker->metrics,
                                      .wake = wake,
                                      .owner = server};
    server->session = session;
    server->outcome = "client_reset";
    LIST_INIT(&server->children);
    server->http2 = http2_new(&role, &place);
    if (server->http2 != NULL)
        return server;
    free(server);
    return NULL;
}

bool http2_server_is_idle(const struct http2_server *server)
{
    return http2_stream_count(server->http2) == 0;
}

void http2_server_free(struct http2_server *server, const char *outcome)
{
    struct http2_child *child;
    if (server == NULL)
        return;
    server->outcome = outcome;
    http2_free(server->http2);
    LIST_FOREACH(child, &server->children, link)
    child->server = NULL;
    free(server);
}

enum progress http2_server_begin(struct session *session)
{
    const enum progress progress = session_next_request(session);
    if (session->stage != session_read_head)
        return progress;
    session->inside->http2 = server_new(session);
    session->stage = stage_serve;
    return session->inside->http2 == NULL ? PROGRESS_END : progress;
}

void http2_server_drain(struct http2_server *server)
{
    http2_end(server->http2);
    turns_resume(server->session);
}

bool http2_server_tick(struct http2_server *server)
{
    turns_resume(server->session);
    return http2_tick(server->http2);
}

/* ---- its session's stages ------------------------------------------------------------------ */

/* Streams have deadlines of their own; without any the connection is like one between requests. */
static void watch(struct session *session)
{
    const struct http2 *http2 = session->inside->http2->http2;
    enum deadline_kind kind = DEADLINE_IDLE;
    if (session->is_withdrawn)
        return;
    if (http2_stream_count(http2) == 0)
        kind = http2_is_ending(http2) ? DEADLINE_LINGER : DEADLINE_KEEP_ALIVE;
    if (session->deadline.kind != kind || !session->deadline.running)
        deadline_start(session->worker->deadlines, &session->deadline, kind);
}

static enum progress stage_serve(struct session *session)
{
    struct http2 *http2 = session->inside->http2->http2;
    if (session->worker->draining)
        http2_end(http2);
    switch (http2_pump(http2)) {
    case HTTP2_YIELD:
        turns_resume(session);
        break;
    case HTTP2_WAIT:
        break;
    case HTTP2_OVER:
    case HTTP2_BROKEN:
        session->stage = stage_over;
        return PROGRESS_ON;
    }
    watch(session);
    return PROGRESS_WAIT;
}

/* What is no HTTP/2 is a request that cannot be understood: of no stream, but it is logged. */
static void log_problem(struct session *session, const char *problem)
{
    session_log_decision(session, VERDICT_DENY, REASON_INVALID_TARGET, problem);
    session_log_close(session, "malformed");
    metrics_add(session->worker->metrics, METRIC_REQUESTS_MALFORMED, 1);
}

static enum progress stage_over(struct session *session)
{
    struct inside *inside = session->inside;
    const char *problem = http2_problem(inside->http2->http2);
    const bool is_broken = http2_is_broken(inside->http2->http2);
    if (problem != NULL) {
        if (!session_log_has_room(session))
            return PROGRESS_WAIT;
        log_problem(session, problem);
    }
    http2_server_free(inside->http2, "client_reset");
    inside->http2 = NULL;
    return is_broken ? PROGRESS_END : session_linger(session);
}
