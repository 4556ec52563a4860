/*
 * The characters and lines that every HTTP/1 head is made of (RFC 9110 section
 * 5.6, RFC 9112 section 2). Shared by the parsers of heads and of chunked bodies,
 * so that all of them draw the same line between good and bad.
 */
#ifndef SALLYPORT_PROXY_HTTP_SYNTAX_H
#define SALLYPORT_PROXY_HTTP_SYNTAX_H

#include "proxy/http_head.h"

/* Why a head is refused: a static string, and the status that tells the client. */
struct http_problem {
    const char *text;
    unsigned status;
};

/* Fills PROBLEM; always false, so that a check can end with it. */
bool http_refuse(struct http_problem *problem, unsigned status, const char *text);

/* What a byte may be part of; every head's every byte is looked up here, hence inline. */
enum {
    HTTP_BYTE_TEXT = 1, /* a line: HTAB, SP, visible ASCII and 0x80..0xFF (RFC 9110, section 5.5) */
    HTTP_BYTE_TARGET = 2, /* a request target: visible ASCII without '"', '#', '<', '>' and '\' */
    HTTP_BYTE_TOKEN = 4,  /* a token (RFC 9110, section 5.6.2) */
};

extern const uint8_t http_byte_classes[256];

static inline bool http_is_byte_of(char byte, unsigned class)
{
    return (http_byte_classes[(unsigned char)byte] & class) != 0;
}

/* How many bytes of CLASS the text begins with. */
static inline size_t http_count_bytes_of(struct span text, unsigned class)
{
    size_t count = 0;
    while (count < text.length && http_is_byte_of(text.data[count], class))
        count++;
    return count;
}

/* The same of HTTP_BYTE_TEXT, eight bytes at a time as long as they are. */
size_t http_count_text(struct span text);

bool http_is_token(struct span text); /* at least one byte */

/*
 * Takes the line that REST begins with; LINE is without its CRLF. HTTP_MORE: its
 * end is not here yet, and REST is as it was. HTTP_BAD: a control character, or a
 * CR or LF that is not part of a CRLF, whether the line is whole or not.
 */
enum http_parse http_take_line(struct span *rest, struct span *line);

/*
 * Takes the next element of a comma-separated list (RFC 9110, section 5.6.1),
 * empty ones passed over, white space around it removed. False: no more.
 */
bool http_take_element(struct span *list, struct span *element);

/* The version digits of "HTTP/1.0" or "HTTP/1.1". Refused: 505 for another version, else 400. */
bool http_parse_version(struct span text, unsigned *minor, struct http_problem *problem);

#endif
