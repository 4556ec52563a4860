/*
 * HTTP/1 heads, read strictly by RFC 9112 and RFC 9110: a head that two parsers
 * could read differently is refused, not repaired. Pure functions over bytes:
 * no I/O, no allocation, "need more" is an ordinary answer. Spans in the results
 * point into the bytes given.
 *
 * What is forwarded is written anew from what was understood; a head is never
 * copied raw.
 */
#ifndef SALLYPORT_PROXY_HTTP_HEAD_H
#define SALLYPORT_PROXY_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/host.h"
#include "policy/span.h"
#include "policy/text.h"

#define HTTP_HEAD_MAXIMUM   65536 /* bytes of a head, empty line included */
#define HTTP_TARGET_MAXIMUM 16384 /* bytes of a request target */
#define HTTP_FIELDS_MAXIMUM 128
#define HTTP_METHOD_MAXIMUM 32

enum http_parse {
    HTTP_MORE, /* not whole yet (and still within the maximum) */
    HTTP_DONE,
    HTTP_BAD, /* refuse and close; `problem` says why */
};

enum http_body {
    HTTP_BODY_NONE,
    HTTP_BODY_SIZED, /* Content-Length */
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_field {
    struct span name;
    struct span value; /* without the white space around it */
    bool hop_by_hop;   /* by name, or named in Connection, or not its sender's to say: stops here */
};

struct http_fields {
    size_t count;
    struct http_field items[HTTP_FIELDS_MAXIMUM];
};

struct http_request {
    size_t length; /* of the head in the bytes given */
    struct span method;
    struct span target;
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    enum http_body body;
    uint64_t content_length; /* HTTP_BODY_SIZED */
    bool keep_alive;         /* the client would keep the connection */
    bool expect_continue;    /* Expect: 100-continue, a body, and an HTTP/1.1 client */
    bool upgrade_websocket;  /* Connection: upgrade and Upgrade: websocket (RFC 6455) */
    bool has_host;
    struct span host; /* the Host field's value, not empty; for policy/target.h to read */
    bool has_proxy_authorization;
    struct span proxy_authorization; /* the field's value; never to be logged or forwarded */
    const char *problem;             /* HTTP_BAD: what is wrong, a static string */
    unsigned status;                 /* HTTP_BAD: 400, 413, 414, 417, 431, 501 or 505 */
    struct http_fields fields;       /* last: only those that are there are ever set or copied */
};

/* No byte of a body follows: none was announced, or one of no length. */
static inline bool http_request_is_bodiless(const struct http_request *request)
{
    return request->body == HTTP_BODY_NONE ||
           (request->body == HTTP_BODY_SIZED && request->content_length == 0);
}

/* Copies FROM, its spans still pointing where they did; costs no more than the fields it has. */
void http_request_copy(struct http_request *to, const struct http_request *from);

/*
 * Whether a head that HTTP_MORE was said of is worth another look, at the cost
 * of one look at each byte, however slowly they come. 0: not yet. Otherwise
 * http_request_parse or http_response_parse of BYTES will say HTTP_DONE or
 * HTTP_BAD: the empty line is here (its end is returned), or a byte that no head
 * may hold, or too many bytes (as many as were looked at is returned).
 * ALREADY_SEARCHED: how many of BYTES were here when this last said 0.
 *
 * So a session parses the first bytes that come (whole heads mostly come at
 * once, and what is no HTTP at all is refused at once), and after that only when
 * this is not 0.
 */
size_t http_head_find_end(struct span bytes, size_t already_searched);

/*
 * BYTES is all that has come so far of one request; empty lines before it (at
 * most two CRLF) are skipped. REQUEST is meaningful for HTTP_DONE, its
 * `problem` and `status` for HTTP_BAD. What is bad is refused as soon as the bytes
 * show it, whole or not.
 *
 * The target is checked for its characters only: its form, and whether it agrees
 * with Host, is for those who read it by policy/target.h. Refused besides what is
 * malformed: a body where none may be (CONNECT, TRACE), an h2c upgrade, a
 * Host that is missing (HTTP/1.1), empty or repeated.
 */
enum http_parse http_request_parse(struct span bytes, struct http_request *request);

struct http_response {
    size_t length;
    unsigned status; /* 100..599 */
    struct span reason;
    unsigned minor;
    enum http_body body;
    bool has_content_length; /* of the body, or (HEAD, 304) of the one that a GET would have had */
    uint64_t content_length;
    bool keep_alive; /* the upstream would keep the connection */
    const char *problem;
    struct http_fields fields; /* last: only those that are there are ever set */
};

/*
 * The answer to a request of METHOD. A 1xx is a response of its own with no
 * body (101 too: what follows is not HTTP). RESPONSE is meaningful for HTTP_DONE,
 * its `problem` for HTTP_BAD.
 *
 * Refused besides what is malformed: a body announced where none may be (1xx,
 * 204, 205 with a length, 2xx to CONNECT), which clients would read differently;
 * and a 101 that does not upgrade to WebSocket, the only upgrade that is ever
 * asked for (whether it was asked for is for the caller to know).
 *
 * Fields by which an origin could pass for the proxy are marked hop-by-hop:
 * forge-proxy-error, Proxy-Status and Proxy-Authenticate.
 */
enum http_parse http_response_parse(struct span bytes, struct span method,
                                    struct http_response *response);

/*
 * Writes REQUEST for the upstream: origin-form (PATH_AND_QUERY; "" becomes "/",
 * "?q" becomes "/?q", and "*" for OPTIONS without a path), Host from HOST and PORT
 * (left out when it is DEFAULT_PORT), end-to-end fields in their order, framing
 * from what was understood, Connection: keep-alive or the WebSocket upgrade.
 * Expect is passed on when expect_continue; Via and Forwarded are not added.
 */
void http_request_write(const struct http_request *request, struct span path_and_query,
                        const struct host *host, uint16_t port, uint16_t default_port,
                        struct text *out);

/*
 * Writes RESPONSE for a client of HTTP/1.MINOR; BODY is the framing that the
 * client gets (a chunked body for an HTTP/1.0 client becomes UNTIL_CLOSE).
 * KEEP_ALIVE: the client's connection stays open afterwards; it cannot behind a
 * body UNTIL_CLOSE, whatever is asked.
 */
void http_response_write(const struct http_response *response, unsigned minor, enum http_body body,
                         bool keep_alive, struct text *out);

#endif
