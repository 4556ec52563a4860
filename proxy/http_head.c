/*
 * Why: a head may come a byte at a time, and to parse it anew for each would cost
 * its length squared. This looks at each byte once and tells when to parse.
 */
#include "proxy/http_head.h"

#include "proxy/http_syntax.h"

/* The empty lines that http_request_parse skips. */
static size_t skip_empty_lines(struct span bytes)
{
    size_t at = 0;
    while (at < 4 && span_starts_with(span_after(bytes, at), SPAN("\r\n")))
        at += 2;
    return at;
}

/* The LF or other control character at AT cannot be the next of a good head. */
static bool is_misplaced(struct span bytes, size_t at)
{
    if (bytes.data[at] == '\n')
        return at == 0 || bytes.data[at - 1] != '\r';
    if (bytes.data[at] == '\r')
        return at + 1 < bytes.length && bytes.data[at + 1] != '\n';
    return true;
}

size_t http_head_find_end(struct span bytes, size_t already_searched)
{
    bool is_full = bytes.length >= HTTP_HEAD_MAXIMUM;
    if (is_full)
        bytes.length = HTTP_HEAD_MAXIMUM;
    size_t begin = skip_empty_lines(bytes);
    /* A CRLFCRLF may have begun in what was searched, and a CR at its end was not judged. */
    size_t from = already_searched > begin + 3 ? already_searched - 3 : begin;
    for (size_t at = from; at < bytes.length; at++) {
        at += http_count_text(span_after(bytes, at));
        if (at == bytes.length)
            break;
        if (is_misplaced(bytes, at))
            return bytes.length;
        if (at >= begin + 3 && span_equal(span_slice(bytes, at - 3, 4), SPAN("\r\n\r\n")))
            return at + 1;
    }
    return is_full ? bytes.length : 0;
}
