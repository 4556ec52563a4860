/*
 * Why: CL.TE, TE.CL and TE.TE smuggling all begin with a message whose length can
 * be read in two ways; such a message is refused here, and never repaired.
 */
#include "proxy/http_framing.h"

#include "proxy/http_fields.h"

/*
 * CGI and its kin see '-' and '_' as one letter (RFC 3875, section 4.1.18), so a back end may take
 * these for the real ones, which nobody on the way did.
 */
static bool has_look_alike(const struct http_fields *fields)
{
    struct span value;
    return http_fields_find(fields, SPAN("Content_Length"), &value) > 0 ||
           http_fields_find(fields, SPAN("Transfer_Encoding"), &value) > 0;
}

static bool is_all_digits(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length > 0;
}

/* A list of equal lengths ("5, 5") may be repaired by RFC 9110, section 8.6; here it is refused. */
static bool read_length(struct span value, size_t count, struct http_framing *framing,
                        struct http_problem *problem)
{
    if (count > 1)
        return http_refuse(problem, 400, "Content-Length is repeated");
    if (!is_all_digits(value))
        return http_refuse(problem, 400, "Content-Length is not a number");
    if (!span_parse_decimal(value, INT64_MAX, &framing->length))
        return http_refuse(problem, 413, "Content-Length is too large");
    framing->has_length = true;
    return true;
}

static bool read_coding(struct span value, size_t count, unsigned minor,
                        struct http_framing *framing, struct http_problem *problem)
{
    if (minor == 0)
        return http_refuse(problem, 400, "Transfer-Encoding in HTTP/1.0");
    if (count > 1)
        return http_refuse(problem, 400, "Transfer-Encoding is repeated");
    if (!span_equal_nocase(value, SPAN("chunked")))
        return http_refuse(problem, 501, "a transfer coding other than chunked");
    framing->chunked = true;
    return true;
}

bool http_framing_read(const struct http_fields *fields, unsigned minor,
                       struct http_framing *framing, struct http_problem *problem)
{
    struct span length, coding;
    size_t lengths = http_fields_find(fields, SPAN("Content-Length"), &length);
    size_t codings = http_fields_find(fields, SPAN("Transfer-Encoding"), &coding);
    *framing = (struct http_framing){0};
    if (has_look_alike(fields))
        return http_refuse(problem, 400, "a field that some servers take for a framing field");
    if (lengths > 0 && codings > 0)
        return http_refuse(problem, 400, "both Content-Length and Transfer-Encoding");
    if (lengths > 0)
        return read_length(length, lengths, framing, problem);
    if (codings > 0)
        return read_coding(coding, codings, minor, framing, problem);
    return true;
}
