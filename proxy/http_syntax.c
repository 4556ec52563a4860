/*
 * Why: smuggling lives on parsers that disagree about one byte; here is the one
 * place that says which byte may stand where.
 * Rests on: a table of classes. A line is CRLF and nothing else, and because
 * http_take_line refuses every control character, whatever is cut from a line is
 * free of them.
 */
#include "proxy/http_syntax.h"

#include "policy/word.h"

enum {
    n = 0,                    /* never */
    x = HTTP_BYTE_TEXT,       /* in a line, but in no target and no token */
    g = x | HTTP_BYTE_TARGET, /* in a target, no token */
    k = x | HTTP_BYTE_TOKEN,  /* in a token, no target */
    a = g | k,                /* anywhere */
};

/*
 * RFC 3986 would also keep '^', '`', '{', '|' and '}' out of a target, but common clients send
 * them as they are, and no server takes them for a delimiter.
 */
const uint8_t http_byte_classes[256] = {
    /* 0x00 */ n, n, n, n, n, n, n, n, n, x, n, n, n, n, n, n,
    /* 0x10 */ n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n,
    /*  !"# */ x, a, x, k, a, a, a, a, g, g, a, a, g, a, a, g,
    /* 0123 */ a, a, a, a, a, a, a, a, a, a, g, g, x, g, x, g,
    /* @ABC */ g, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a,
    /* PQRS */ a, a, a, a, a, a, a, a, a, a, a, g, x, g, a, a,
    /* `abc */ a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a,
    /* pqrs */ a, a, a, a, a, a, a, a, a, a, a, g, a, g, a, n,
    /* 0x80 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0x90 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xA0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xB0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xC0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xD0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xE0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
    /* 0xF0 */ x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x,
};

bool http_refuse(struct http_problem *problem, unsigned status, const char *text)
{
    *problem = (struct http_problem){text, status};
    return false;
}

bool http_is_token(struct span text)
{
    return text.length > 0 && http_count_bytes_of(text, HTTP_BYTE_TOKEN) == text.length;
}

size_t http_count_text(struct span text)
{
    size_t count = 0;
    while (text.length - count >= sizeof(uint64_t)) {
        const uint64_t word = word_load(text.data + count);
        if ((word_find_below(word, ' ') | word_find(word, 0x7F)) != 0)
            break; /* or a byte that may be text: a tab, or one beyond ASCII */
        count += sizeof(uint64_t);
    }
    return count + http_count_bytes_of(span_after(text, count), HTTP_BYTE_TEXT);
}

enum http_parse http_take_line(struct span *rest, struct span *line)
{
    size_t end = http_count_text(*rest);
    if (end == rest->length)
        return HTTP_MORE;
    if (rest->data[end] != '\r')
        return HTTP_BAD;
    if (end + 1 == rest->length)
        return HTTP_MORE;
    if (rest->data[end + 1] != '\n')
        return HTTP_BAD;
    *line = span_slice(*rest, 0, end);
    *rest = span_after(*rest, end + 2);
    return HTTP_DONE;
}

bool http_take_element(struct span *list, struct span *element)
{
    while (list->length > 0) {
        size_t comma = span_find(*list, ',');
        *element = span_trim(span_slice(*list, 0, comma));
        *list = span_after(*list, comma < list->length ? comma + 1 : comma);
        if (element->length > 0)
            return true;
    }
    return false;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool http_parse_version(struct span text, unsigned *minor, struct http_problem *problem)
{
    if (text.length != 8 || !span_starts_with(text, SPAN("HTTP/")) || !is_digit(text.data[5]) ||
        text.data[6] != '.' || !is_digit(text.data[7]))
        return http_refuse(problem, 400, "the version is not HTTP/1.0 or HTTP/1.1");
    if (text.data[5] != '1' || text.data[7] > '1')
        return http_refuse(problem, 505, "a version of HTTP other than 1.0 and 1.1");
    *minor = (unsigned)(text.data[7] - '0');
    return true;
}
