/*
 * Why: the request head is the one thing that the app, which may be the
 * attacker, writes freely. It is understood here, once, and everything behind
 * works with what was understood.
 * Rests on: http_syntax for characters and lines, http_fields and http_framing
 * for the rest; first the whole head is cut into pieces, then the pieces are
 * judged together.
 */
#include <stddef.h>

#include "proxy/http_fields.h"
#include "proxy/http_framing.h"

/* --- the request line (RFC 9112, section 3) ----------------------------- */

static bool read_method(struct span part, struct http_request *request,
                        struct http_problem *problem)
{
    if (!http_is_token(part))
        return http_refuse(problem, 400, "the method is not a token");
    if (part.length > HTTP_METHOD_MAXIMUM)
        return http_refuse(problem, 400, "the method is too long");
    request->method = part;
    return true;
}

static bool read_target(struct span part, struct http_request *request,
                        struct http_problem *problem)
{
    if (http_count_bytes_of(part, HTTP_BYTE_TARGET) < part.length)
        return http_refuse(problem, 400, "a character that no request target may have");
    if (part.length > HTTP_TARGET_MAXIMUM)
        return http_refuse(problem, 414, "the request target is too long");
    request->target = part;
    return true;
}

/* What a line that ended behind the method or the target means: WHOLE, it is bad. */
static enum http_parse ends_early(bool whole, struct http_problem *problem)
{
    if (!whole)
        return HTTP_MORE;
    http_refuse(problem, 400, "the request line is not method, target and version");
    return HTTP_BAD;
}

/* LINE is the request line, or, if not WHOLE, what has come of it; not empty. */
static enum http_parse read_request_line(struct span line, bool whole, struct http_request *request,
                                         struct http_problem *problem)
{
    size_t end = span_find(line, ' ');
    if (!read_method(span_slice(line, 0, end), request, problem))
        return HTTP_BAD;
    if (end == line.length)
        return ends_early(whole, problem);
    line = span_after(line, end + 1);

    end = span_find(line, ' ');
    if (!read_target(span_slice(line, 0, end), request, problem))
        return HTTP_BAD;
    if (end == line.length)
        return ends_early(whole, problem);
    if (end == 0)
        return ends_early(true, problem);
    line = span_after(line, end + 1);

    if (!whole && line.length <= sizeof("HTTP/1.1") - 1)
        return HTTP_MORE;
    return http_parse_version(line, &request->minor, problem) ? HTTP_DONE : HTTP_BAD;
}

/* Judges what has come of a request line, so that what is no HTTP is refused at once. */
static enum http_parse check_partial_line(struct span part, struct http_request *request,
                                          struct http_problem *problem)
{
    if (part.length > 0 && part.data[part.length - 1] == '\r')
        part.length--;
    if (part.length == 0)
        return HTTP_MORE;
    return read_request_line(part, false, request, problem);
}

static enum http_parse take_request_line(struct span *rest, struct http_request *request,
                                         struct http_problem *problem)
{
    struct span line;
    enum http_parse result;
    for (int empty_lines = 0;; empty_lines++) {
        result = http_take_line(rest, &line);
        if (result != HTTP_DONE || line.length > 0)
            break;
        if (empty_lines == 2) {
            http_refuse(problem, 400, "too many empty lines before the request");
            return HTTP_BAD;
        }
    }
    if (result == HTTP_DONE)
        return read_request_line(line, true, request, problem);
    if (result == HTTP_MORE)
        return check_partial_line(*rest, request, problem);
    http_refuse(problem, 400, "a control character, bare CR or bare LF in the request line");
    return HTTP_BAD;
}

/* --- what the fields mean ----------------------------------------------- */

static bool read_host(struct http_request *request, struct http_problem *problem)
{
    size_t count = http_fields_find(&request->fields, SPAN("Host"), &request->host);
    if (count > 1)
        return http_refuse(problem, 400, "Host is repeated");
    if (count == 0 && request->minor == 1)
        return http_refuse(problem, 400, "Host is missing");
    if (count == 1 && request->host.length == 0)
        return http_refuse(problem, 400, "Host is empty");
    request->has_host = count == 1;
    return true;
}

static bool read_credentials(struct http_request *request, struct http_problem *problem)
{
    size_t count = http_fields_find(&request->fields, SPAN("Proxy-Authorization"),
                                    &request->proxy_authorization);
    if (count > 1)
        return http_refuse(problem, 400, "Proxy-Authorization is repeated");
    request->has_proxy_authorization = count == 1;
    return true;
}

static bool read_body(struct http_request *request, struct http_problem *problem)
{
    struct http_framing framing;
    if (!http_framing_read(&request->fields, request->minor, &framing, problem))
        return false;
    bool is_connect = span_equal(request->method, SPAN("CONNECT"));
    bool is_trace = span_equal(request->method, SPAN("TRACE"));
    if (is_connect || is_trace) {
        if (http_framing_has_body(&framing))
            return http_refuse(problem, 400, "a body where none may be");
        return true;
    }
    if (framing.has_length)
        request->body = HTTP_BODY_SIZED;
    if (framing.chunked)
        request->body = HTTP_BODY_CHUNKED;
    request->content_length = framing.length;
    return true;
}

/* RFC 9110, section 10.1.1: 100-continue from HTTP/1.0, or without a body, counts for nothing. */
static bool read_expect(struct http_request *request, struct http_problem *problem)
{
    struct span value;
    size_t count = http_fields_find(&request->fields, SPAN("Expect"), &value);
    if (count == 0)
        return true;
    if (count > 1)
        return http_refuse(problem, 400, "Expect is repeated");
    if (!span_equal_nocase(value, SPAN("100-continue")))
        return http_refuse(problem, 417, "an expectation other than 100-continue");
    request->expect_continue = request->minor == 1 && request->body != HTTP_BODY_NONE;
    return true;
}

/*
 * A server may ignore Upgrade, but one that does not and speaks HTTP/2 from here
 * on would carry requests that nobody decided; so the mere wish for h2c is refused.
 */
static bool read_upgrade(struct http_request *request, const struct http_connection *connection,
                         struct http_problem *problem)
{
    struct span value;
    if (http_upgrade_names(&request->fields, SPAN("h2c")) ||
        http_fields_find(&request->fields, SPAN("HTTP2-Settings"), &value) > 0)
        return http_refuse(problem, 400, "an h2c upgrade is not carried");
    request->upgrade_websocket = connection->upgrade &&
                                 http_upgrade_names(&request->fields, SPAN("websocket")) &&
                                 span_equal(request->method, SPAN("GET")) && request->minor == 1 &&
                                 request->body == HTTP_BODY_NONE;
    return true;
}

static bool understand(struct http_request *request, struct http_problem *problem)
{
    struct http_connection connection;
    if (!http_connection_read(&request->fields, &connection, problem) ||
        !read_host(request, problem) || !read_credentials(request, problem) ||
        !read_body(request, problem) || !read_expect(request, problem) ||
        !read_upgrade(request, &connection, problem))
        return false;
    request->keep_alive = http_connection_persists(&connection, request->minor);
    return true;
}

/* --- the whole head ------------------------------------------------------ */

static enum http_parse parse_head(struct span head, struct http_request *request,
                                  struct http_problem *problem)
{
    struct span rest = head;
    enum http_parse result = take_request_line(&rest, request, problem);
    if (result != HTTP_DONE)
        return result;
    result = http_fields_take(&rest, &request->fields, problem);
    if (result != HTTP_DONE)
        return result;
    request->length = head.length - rest.length;
    return understand(request, problem) ? HTTP_DONE : HTTP_BAD;
}

enum http_parse http_request_parse(struct span bytes, struct http_request *request)
{
    struct http_problem problem = {0};
    bool is_full = bytes.length >= HTTP_HEAD_MAXIMUM;
    /* Fields are set as they come. */
    memset(request, 0, offsetof(struct http_request, fields.items));
    if (is_full)
        bytes.length = HTTP_HEAD_MAXIMUM;
    enum http_parse result = parse_head(bytes, request, &problem);
    if (result == HTTP_MORE && is_full) {
        http_refuse(&problem, 431, "the head is too large");
        result = HTTP_BAD;
    }
    request->problem = problem.text;
    request->status = problem.status;
    return result;
}

void http_request_copy(struct http_request *to, const struct http_request *from)
{
    memcpy(to, from, offsetof(struct http_request, fields.items));
    memcpy(to->fields.items, from->fields.items,
           from->fields.count * sizeof(from->fields.items[0]));
}
