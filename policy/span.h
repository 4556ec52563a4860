/*
 * A span is a view of bytes that somebody else owns. Bytes from outside travel
 * as spans, so nobody reads to a NUL that a stranger may have left out.
 * A span is valid as long as the storage it points into.
 */
#ifndef SALLYPORT_POLICY_SPAN_H
#define SALLYPORT_POLICY_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *data;
    size_t length;
};

/* A span over a string literal, its NUL left out. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* For printf's "%.*s": printf("%.*s", SPAN_FORMAT(span)). Beyond INT_MAX bytes it is cut. */
#define SPAN_FORMAT(span) (int)((span).length < INT32_MAX ? (span).length : INT32_MAX), (span).data

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* LENGTH bytes of WHOLE behind its first FROM; the caller knows that they are there. */
static inline struct span span_slice(struct span whole, size_t from, size_t length)
{
    return (struct span){from == 0 ? whole.data : whole.data + from, length};
}

/* What is left of WHOLE after its first COUNT bytes. */
static inline struct span span_after(struct span whole, size_t count)
{
    return span_slice(whole, count, whole.length - count);
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* The first COUNT bytes at A and B: ASCII letters compare without case, all others as they are. */
bool span_bytes_equal_nocase(const char *a, const char *b, size_t count);

static inline bool span_equal_nocase(struct span a, struct span b)
{
    return a.length == b.length && span_bytes_equal_nocase(a.data, b.data, a.length);
}

bool span_starts_with(struct span whole, struct span prefix);
bool span_starts_with_nocase(struct span whole, struct span prefix);
bool span_ends_with(struct span whole, struct span suffix);

/* The index of the first BYTE, or whole.length where there is none. */
size_t span_find(struct span whole, char byte);

/* WHOLE without the spaces and tabs at its ends. */
struct span span_trim(struct span whole);

/*
 * Digits only, at least one, no sign, value at most MAXIMUM. False leaves
 * *value as it was.
 */
bool span_parse_decimal(struct span digits, uint64_t maximum, uint64_t *value);

/* The value of a hexadecimal digit of either case; -1: BYTE is none. */
int span_hex_digit(char byte);

/*
 * Below, at or above 0, as A stands before, with or behind B by their bytes from the last one on:
 * hosts of one domain stand together.
 */
int span_compare_from_end(struct span a, struct span b);

/* A NUL-terminated copy, owned by the caller (free); NULL when memory is out. */
char *span_duplicate(struct span whole);

#endif
