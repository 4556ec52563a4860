/*
 * Why: what string.h does for NUL-terminated text, for bytes from outside, which
 * may hold a NUL or end without one.
 */
#include "policy/span.h"

#include <stdlib.h>

static char lower(char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

bool span_bytes_equal_nocase(const char *a, const char *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

bool span_starts_with(struct span whole, struct span prefix)
{
    return whole.length >= prefix.length && span_equal(span_slice(whole, 0, prefix.length), prefix);
}

bool span_starts_with_nocase(struct span whole, struct span prefix)
{
    return whole.length >= prefix.length &&
           span_equal_nocase(span_slice(whole, 0, prefix.length), prefix);
}

bool span_ends_with(struct span whole, struct span suffix)
{
    return whole.length >= suffix.length &&
           span_equal(span_after(whole, whole.length - suffix.length), suffix);
}

size_t span_find(struct span whole, char byte)
{
    const char *found = whole.length == 0 ? NULL : memchr(whole.data, byte, whole.length);
    return found == NULL ? whole.length : (size_t)(found - whole.data);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span whole)
{
    while (whole.length > 0 && is_blank(whole.data[0]))
        whole = span_after(whole, 1);
    while (whole.length > 0 && is_blank(whole.data[whole.length - 1]))
        whole.length--;
    return whole;
}

bool span_parse_decimal(struct span digits, uint64_t maximum, uint64_t *value)
{
    uint64_t sum = 0;
    if (digits.length == 0)
        return false;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(digits.data[i] - '0');
        if (digit > maximum || sum > (maximum - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

int span_hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

int span_compare_from_end(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    for (size_t i = 1; i <= shorter; i++) {
        int order = (unsigned char)a.data[a.length - i] - (unsigned char)b.data[b.length - i];
        if (order != 0)
            return order;
    }
    return (a.length > b.length) - (a.length < b.length);
}

char *span_duplicate(struct span whole)
{
    char *copy = malloc(whole.length + 1);
    if (copy == NULL)
        return NULL;
    if (whole.length > 0)
        memcpy(copy, whole.data, whole.length);
    copy[whole.length] = '\0';
    return copy;
}
