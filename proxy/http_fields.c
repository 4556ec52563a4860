/*
 * Why: a field line is either beyond doubt or the whole message is refused; and
 * what was meant for this connection only must stop here.
 * Rests on: http_take_line having refused control characters, so that a value
 * needs no further look.
 */
#include "proxy/http_fields.h"

/*
 * Hop-by-hop whether or not Connection names them. Trailer is end-to-end by RFC
 * 9110; the writers keep it only with a chunked body.
 */
static const struct span hop_by_hop_names[] = {
    {"Connection", 10},
    {"Proxy-Connection", 16}, /* never standard; RFC 9112, appendix C.2.2: ignored, not passed on */
    {"Keep-Alive", 10},
    {"TE", 2},
    {"Transfer-Encoding", 17},
    {"Upgrade", 7},
    {"Proxy-Authorization", 19},
    {"Proxy-Authenticate", 18},
    {"Proxy-Authentication-Info", 25},
    {"HTTP2-Settings", 14},
};

static bool is_hop_by_hop(struct span name)
{
    for (size_t i = 0; i < sizeof(hop_by_hop_names) / sizeof(hop_by_hop_names[0]); i++) {
        if (span_equal_nocase(name, hop_by_hop_names[i]))
            return true;
    }
    return false;
}

bool http_field_parse(struct span line, struct http_field *field, struct http_problem *problem)
{
    size_t colon = span_find(line, ':');
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return http_refuse(problem, 400, "a field line begins with white space");
    if (colon == line.length)
        return http_refuse(problem, 400, "a field line has no colon");
    field->name = span_slice(line, 0, colon);
    if (!http_is_token(field->name))
        return http_refuse(problem, 400, "a field name is not a token");
    field->value = span_trim(span_after(line, colon + 1));
    return true;
}

static bool add_field(struct span line, struct http_fields *fields, struct http_problem *problem)
{
    struct http_field *field = &fields->items[fields->count];
    if (fields->count == HTTP_FIELDS_MAXIMUM)
        return http_refuse(problem, 431, "too many fields");
    if (!http_field_parse(line, field, problem))
        return false;
    field->hop_by_hop = is_hop_by_hop(field->name);
    fields->count++;
    return true;
}

enum http_parse http_fields_take(struct span *rest, struct http_fields *fields,
                                 struct http_problem *problem)
{
    struct span line;
    enum http_parse result;
    fields->count = 0;
    while ((result = http_take_line(rest, &line)) == HTTP_DONE && line.length > 0) {
        if (!add_field(line, fields, problem))
            return HTTP_BAD;
    }
    if (result == HTTP_BAD)
        http_refuse(problem, 400, "a control character, bare CR or bare LF among the fields");
    return result;
}

size_t http_fields_find(const struct http_fields *fields, struct span name, struct span *value)
{
    size_t found = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (!span_equal_nocase(fields->items[i].name, name))
            continue;
        *value = fields->items[i].value;
        found++;
    }
    return found;
}

/* Naming these in Connection asks the proxy to strip what frames or routes the message. */
static bool must_not_be_named(struct span option)
{
    return span_equal_nocase(option, SPAN("Host")) ||
           span_equal_nocase(option, SPAN("Content-Length")) ||
           span_equal_nocase(option, SPAN("Transfer-Encoding"));
}

static void mark_hop_by_hop(struct http_fields *fields, struct span name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (span_equal_nocase(fields->items[i].name, name))
            fields->items[i].hop_by_hop = true;
    }
}

static bool read_option(struct span option, struct http_fields *fields,
                        struct http_connection *connection, struct http_problem *problem)
{
    if (!http_is_token(option))
        return http_refuse(problem, 400, "a connection option is not a token");
    if (must_not_be_named(option))
        return http_refuse(problem, 400, "Connection names a field that frames the message");
    if (span_equal_nocase(option, SPAN("close")))
        connection->close = true;
    if (span_equal_nocase(option, SPAN("keep-alive")))
        connection->keep_alive = true;
    if (span_equal_nocase(option, SPAN("upgrade")))
        connection->upgrade = true;
    mark_hop_by_hop(fields, option);
    return true;
}

bool http_connection_read(struct http_fields *fields, struct http_connection *connection,
                          struct http_problem *problem)
{
    size_t options = 0;
    *connection = (struct http_connection){0};
    for (size_t i = 0; i < fields->count; i++) {
        struct span list = fields->items[i].value, option;
        if (!span_equal_nocase(fields->items[i].name, SPAN("Connection")))
            continue;
        while (http_take_element(&list, &option)) {
            if (++options > HTTP_CONNECTION_OPTIONS_MAXIMUM)
                return http_refuse(problem, 400, "too many connection options");
            if (!read_option(option, fields, connection, problem))
                return false;
        }
    }
    return true;
}

bool http_connection_persists(const struct http_connection *connection, unsigned minor)
{
    return !connection->close && (minor == 1 || connection->keep_alive);
}

bool http_upgrade_names(const struct http_fields *fields, struct span protocol)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct span list = fields->items[i].value, element;
        if (!span_equal_nocase(fields->items[i].name, SPAN("Upgrade")))
            continue;
        while (http_take_element(&list, &element)) {
            if (span_equal_nocase(element, protocol))
                return true;
        }
    }
    return false;
}
