/*
 * The proxy as HTTP/2's client: what a stream to an origin says, and hears (http2_upstream.c
 * keeps the connections). A stream's owner is the struct upstream that a session has for it.
 */
#ifndef SALLYPORT_PROXY_HTTP2_CLIENT_H
#define SALLYPORT_PROXY_HTTP2_CLIENT_H

#include "proxy/http2.h"

extern const struct http2_role http2_client_role;

#endif
