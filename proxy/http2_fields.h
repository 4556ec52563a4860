/*
 * HTTP/2 field sections and HTTP/1 heads, one made out of the other (RFC 9113, section 8), so that
 * a request has one form and one strict reader, however it came. What two readers could take for
 * two things is refused, not repaired. Pure functions: no I/O, nothing decided.
 *
 * nghttp2 unpacks a section (HPACK) and gives its fields one by one; each is judged as it comes and
 * kept as a line of HTTP/1. With the last of them the head is written. A value with CR, LF or NUL
 * in it, which would be a second line or message in HTTP/1, never becomes one.
 */
#ifndef SALLYPORT_PROXY_HTTP2_FIELDS_H
#define SALLYPORT_PROXY_HTTP2_FIELDS_H

#include <nghttp2/nghttp2.h>

#include "proxy/http_syntax.h"

/* Of one section, counted as RFC 9113, section 6.5.2 has it: names, values, and 32 for each field.
 */
#define HTTP2_SECTION_MAXIMUM HTTP_HEAD_MAXIMUM

enum http2_section {
    HTTP2_REQUEST,
    HTTP2_RESPONSE, /* an interim one, too */
    HTTP2_TRAILERS,
};

enum http2_pseudo {
    HTTP2_METHOD,
    HTTP2_SCHEME,
    HTTP2_AUTHORITY,
    HTTP2_PATH,
    HTTP2_STATUS,
    HTTP2_HOST, /* a field like others, kept here to be compared */
    HTTP2_PSEUDO_COUNT,
};

/* A section as it comes. */
struct http2_head {
    enum http2_section section;
    struct http_problem problem; /* of the first that is wrong; text NULL: all is well so far */
    size_t size;
    bool regular_begun;
    unsigned seen;                    /* bits, by enum http2_pseudo */
    size_t begin[HTTP2_PSEUDO_COUNT]; /* in `values` */
    size_t length[HTTP2_PSEUDO_COUNT];
    struct text values; /* of pseudo-fields */
    struct text lines;  /* of the other fields, as HTTP/1 writes them */
    struct text cookie; /* its crumbs, joined (section 8.2.3) */
    bool has_content_length;
    uint64_t content_length;
    enum http_body body; /* how the body goes on in HTTP/1; set when the head is written */
};

void http2_head_init(struct http2_head *head, enum http2_section section);

/* Wipes and frees. */
void http2_head_clear(struct http2_head *head);

/* The section's next field. What is wrong is kept in `problem`, and nothing is looked at after it.
 */
void http2_head_add(struct http2_head *head, struct span name, struct span value);

/* The value of WHICH; "" where there was none. Valid until the next field. */
struct span http2_head_pseudo(const struct http2_head *head, enum http2_pseudo which);

/*
 * Writes the whole section as the head of an HTTP/1.1 request, its only one on the connection.
 * ENDS: no body follows. Refused besides what is malformed: CONNECT, a scheme other than SCHEME, an
 * :authority and Host that do not agree, a content-length without a body. What the characters of
 * method, target and Host may be is for http_request_parse to say. False: `problem`.
 */
bool http2_head_write_request(struct http2_head *head, struct span scheme, bool ends,
                              struct text *out);

/*
 * The same of a response to METHOD; 1xx too, its body HTTP_BODY_NONE. What may not have a body has
 * HTTP_BODY_NONE as well: data that come nevertheless are for the caller to refuse.
 */
bool http2_head_write_response(struct http2_head *head, struct span method, bool ends,
                               struct text *out);

/* The status of a response that was written. */
unsigned http2_head_status(const struct http2_head *head);

/* A section to be sent. Its names and values are where they were: nghttp2 copies them, and writes
 * names in lower case. */
struct http2_fields {
    size_t count;
    char status[4];
    nghttp2_nv items[HTTP_FIELDS_MAXIMUM + 5];
};

/* What was said of the connection alone is left out; RESPONSE is one that the proxy wrote. */
void http2_fields_of_response(const struct http_response *response, struct http2_fields *fields);

/* The same, to SCHEME. REQUEST's target is a path or "*", its authority the Host field. */
void http2_fields_of_request(const struct http_request *request, struct span scheme,
                             struct http2_fields *fields);

/* LINES as http_chunked_read gave them. */
void http2_fields_of_trailers(struct span lines, struct http2_fields *fields);

#endif
