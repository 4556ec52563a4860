/*
 * The field section of a head (RFC 9110 section 5, RFC 9112 section 5), and what
 * the Connection field says of it (RFC 9110, section 7.6.1).
 */
#ifndef SALLYPORT_PROXY_HTTP_FIELDS_H
#define SALLYPORT_PROXY_HTTP_FIELDS_H

#include "proxy/http_syntax.h"

#define HTTP_CONNECTION_OPTIONS_MAXIMUM 32

/*
 * One field line, not empty, its CRLF cut off. Refused: a name that is no token (so also white
 * space before the colon, or at the line's beginning: obs-fold), or no colon at all. Sets name and
 * value only.
 */
bool http_field_parse(struct span line, struct http_field *field, struct http_problem *problem);

/*
 * Takes field lines from REST up to the empty line, which is taken too, and
 * marks those that are hop-by-hop by their name. HTTP_MORE: the empty line is not here yet, and
 * the lines that are here are good.
 */
enum http_parse http_fields_take(struct span *rest, struct http_fields *fields,
                                 struct http_problem *problem);

/* How many fields have NAME (any case); *value is the last one's, or as it was when there is none.
 */
size_t http_fields_find(const struct http_fields *fields, struct span name, struct span *value);

struct http_connection {
    bool close;
    bool keep_alive;
    bool upgrade;
};

/*
 * Reads the Connection fields, and marks the fields that they name as
 * hop-by-hop. Refused: options that are no tokens, too many of them, or naming a
 * field that frames or routes the message, which no honest peer does.
 */
bool http_connection_read(struct http_fields *fields, struct http_connection *connection,
                          struct http_problem *problem);

/* Whether a peer of HTTP/1.MINOR that sent CONNECTION keeps it open (RFC 9112, section 9.3). */
bool http_connection_persists(const struct http_connection *connection, unsigned minor);

/* Whether an Upgrade field's list names PROTOCOL (any case). */
bool http_upgrade_names(const struct http_fields *fields, struct span protocol);

#endif
