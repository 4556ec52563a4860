/*
 * Why: an origin, too, may be hostile: a response that two parsers could read
 * differently would let it answer the next request, which may be another
 * app's. It is refused instead (502), and its connection not used again.
 * Rests on: the same lines, fields and framing as requests (http_syntax,
 * http_fields, http_framing); what the body is depends on the request's method.
 */
#include <stddef.h>

#include "proxy/http_fields.h"
#include "proxy/http_framing.h"

/*
 * The status line (RFC 9112, section 4). The space before an empty reason is
 * required there but left out by some servers; "HTTP/1.1 200" cannot be taken for
 * anything else, and it is written anew with the space.
 */
static bool read_status_line(struct span line, struct http_response *response,
                             struct http_problem *problem)
{
    uint64_t status;
    if (line.length < sizeof("HTTP/1.1 200") - 1)
        return http_refuse(problem, 502, "the status line is too short");
    if (!http_parse_version(span_slice(line, 0, 8), &response->minor, problem))
        return false;
    if (line.data[8] != ' ' || !span_parse_decimal(span_slice(line, 9, 3), 599, &status) ||
        status < 100)
        return http_refuse(problem, 502, "the status is not a number from 100 to 599");
    if (line.length > 12 && line.data[12] != ' ')
        return http_refuse(problem, 502, "the status is not followed by a space");
    if (line.length > 12)
        response->reason = span_after(line, 13);
    response->status = (unsigned)status;
    return true;
}

static enum http_parse take_status_line(struct span *rest, struct http_response *response,
                                        struct http_problem *problem)
{
    static const struct span beginning = {"HTTP/1.", 7};
    struct span line, part = *rest;
    enum http_parse result = http_take_line(rest, &line);
    if (part.length > beginning.length)
        part.length = beginning.length;
    if (result == HTTP_BAD || !span_starts_with(beginning, part)) {
        http_refuse(problem, 502, "this is not HTTP/1");
        return HTTP_BAD;
    }
    if (result == HTTP_MORE)
        return HTTP_MORE;
    return read_status_line(line, response, problem) ? HTTP_DONE : HTTP_BAD;
}

static bool answers_connect(const struct http_response *response, struct span method)
{
    return span_equal(method, SPAN("CONNECT")) && response->status / 100 == 2;
}

/* No body, and a framing field would say that there is one (RFC 9112, section 6.1). */
static bool is_without_content(const struct http_response *response, struct span method)
{
    return response->status < 200 || response->status == 204 || answers_connect(response, method);
}

/* RFC 9112, section 6.3. */
static bool read_body(struct http_response *response, struct span method,
                      struct http_problem *problem)
{
    struct http_framing framing;
    if (!http_framing_read(&response->fields, response->minor, &framing, problem))
        return false;
    if (is_without_content(response, method)) {
        if (http_framing_has_body(&framing))
            return http_refuse(problem, 502, "a body where none may be");
        return true;
    }
    if (response->status == 205 && framing.length > 0)
        return http_refuse(problem, 502, "a body where none may be");
    response->has_content_length = framing.has_length;
    response->content_length = framing.length;
    if (span_equal(method, SPAN("HEAD")) || response->status == 304)
        return true;
    response->body = HTTP_BODY_UNTIL_CLOSE;
    if (framing.has_length)
        response->body = HTTP_BODY_SIZED;
    if (framing.chunked)
        response->body = HTTP_BODY_CHUNKED;
    return true;
}

static bool check_switching(const struct http_response *response,
                            const struct http_connection *connection, struct http_problem *problem)
{
    if (response->status != 101)
        return true;
    if (response->minor == 1 && connection->upgrade &&
        http_upgrade_names(&response->fields, SPAN("websocket")))
        return true;
    return http_refuse(problem, 502, "101 to a protocol that was not asked for");
}

/*
 * What only this proxy may say: by these an app tells our denial from an
 * origin's answer. Proxy-Status goes too, though RFC 9209 section 2 would keep what proxies behind
 * us wrote: nobody can tell theirs from an origin's forgery of ours.
 */
static void mark_the_proxys_own(struct http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field *field = &fields->items[i];
        if (span_equal_nocase(field->name, SPAN("forge-proxy-error")) ||
            span_equal_nocase(field->name, SPAN("Proxy-Status")))
            field->hop_by_hop = true;
    }
}

static bool understand(struct http_response *response, struct span method,
                       struct http_problem *problem)
{
    struct http_connection connection;
    if (!http_connection_read(&response->fields, &connection, problem) ||
        !read_body(response, method, problem) || !check_switching(response, &connection, problem))
        return false;
    response->keep_alive = http_connection_persists(&connection, response->minor) &&
                           response->body != HTTP_BODY_UNTIL_CLOSE && response->status != 101;
    mark_the_proxys_own(&response->fields);
    return true;
}

static enum http_parse parse_head(struct span head, struct span method,
                                  struct http_response *response, struct http_problem *problem)
{
    struct span rest = head;
    enum http_parse result = take_status_line(&rest, response, problem);
    if (result != HTTP_DONE)
        return result;
    result = http_fields_take(&rest, &response->fields, problem);
    if (result != HTTP_DONE)
        return result;
    response->length = head.length - rest.length;
    return understand(response, method, problem) ? HTTP_DONE : HTTP_BAD;
}

enum http_parse http_response_parse(struct span bytes, struct span method,
                                    struct http_response *response)
{
    struct http_problem problem = {0};
    bool is_full = bytes.length >= HTTP_HEAD_MAXIMUM;
    /* As in http_request_parse. */
    memset(response, 0, offsetof(struct http_response, fields.items));
    if (is_full)
        bytes.length = HTTP_HEAD_MAXIMUM;
    enum http_parse result = parse_head(bytes, method, response, &problem);
    if (result == HTTP_MORE && is_full) {
        http_refuse(&problem, 502, "the head is too large");
        result = HTTP_BAD;
    }
    response->problem = problem.text;
    return result;
}
