/*
 * What a server's role of proxy/http2 does with heads where no session stands behind it: a request
 * goes as it came to the far end of its stream, which who tests it has, and the response back.
 */
#ifndef SALLYPORT_TEST_PROXY_HTTP2_PLAIN_H
#define SALLYPORT_TEST_PROXY_HTTP2_PLAIN_H

#include "proxy/http2.h"

/* For a struct http2_role. */
bool http2_plain_take_head(struct http2_stream *stream, struct http2_head *head, bool is_end);
enum http_parse http2_plain_send_head(struct http2_stream *stream, struct span bytes);

#endif
