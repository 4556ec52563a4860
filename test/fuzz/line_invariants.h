/*
 * What a head that is written anew must be, byte by byte, whoever reads it: lines that end in CRLF
 * and hold no CR, LF or NUL, none of them folded, each with a name of its own, and nothing behind
 * the empty one. Rests on none of the parsers that read it in the program.
 */
#ifndef SALLYPORT_TEST_FUZZ_LINE_INVARIANTS_H
#define SALLYPORT_TEST_FUZZ_LINE_INVARIANTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/span.h"

/* The first of BYTES up to its CRLF, which is dropped from them, too. */
static inline struct span take_whole_line(struct span *bytes)
{
    const char *end = bytes->length == 0 ? NULL : memchr(bytes->data, '\r', bytes->length);
    if (end == NULL)
        abort();
    const struct span line = {bytes->data, (size_t)(end - bytes->data)};
    *bytes = span_after(*bytes, line.length + 1);
    if (bytes->length == 0 || bytes->data[0] != '\n' || span_find(line, '\n') < line.length ||
        span_find(line, '\0') < line.length)
        abort();
    *bytes = span_after(*bytes, 1);
    return line;
}

/* LINES of fields, and what is behind them; up to the empty line, if IS_HEAD. */
static inline struct span require_fields(struct span lines, bool is_head)
{
    while (lines.length > 0) {
        const struct span line = take_whole_line(&lines);
        const size_t colon = span_find(line, ':');
        if (line.length == 0 && is_head)
            return lines;
        if (colon == 0 || colon == line.length || span_find(line, ' ') < colon ||
            span_find(line, '\t') < colon)
            abort();
    }
    if (is_head)
        abort();
    return lines;
}

/* A head, as the whole of BYTES. */
static inline void require_head_alone(struct span bytes)
{
    (void)take_whole_line(&bytes);
    if (require_fields(bytes, true).length > 0)
        abort();
}

#endif
