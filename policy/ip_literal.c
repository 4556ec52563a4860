/*
 * Why: resolvers take "0x7f.1", "017700000001" and "2130706433" for 127.0.0.1.
 * A policy that took them for names would be walked around, so whatever ends in
 * a number is judged here as an address and never as a name.
 * Rests on: the WHATWG rule for what "ends in a number", which is wider than
 * inet_aton's, and on the C library for IPv6 text.
 */
#include "policy/ip_literal.h"

#include <arpa/inet.h>

#define PARTS_MAXIMUM 4

/* One dotted part as inet_aton reads it. */
struct part {
    uint64_t value;
    bool canonical; /* decimal without leading zeros */
};

static unsigned digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    return 16;
}

static bool all_digits(struct span text, unsigned radix)
{
    for (size_t i = 0; i < text.length; i++) {
        if (digit_value(text.data[i]) >= radix)
            return false;
    }
    return true;
}

static bool is_hex(struct span label)
{
    return span_starts_with(label, SPAN("0x"));
}

/* The WHATWG rule: digits alone, or "0x" and hex digits (even none). */
static bool is_number(struct span label)
{
    if (is_hex(label))
        return all_digits(span_after(label, 2), 16);
    return label.length > 0 && all_digits(label, 10);
}

static struct span last_label(struct span name)
{
    const char *dot = name.length == 0 ? NULL : memrchr(name.data, '.', name.length);
    return dot == NULL ? name : span_after(name, (size_t)(dot - name.data) + 1);
}

/* False: no number, or a digit outside its radix, or far more than 32 bits. */
static bool read_part(struct span label, struct part *part)
{
    unsigned radix = 10;
    struct span digits = label;
    if (is_hex(label)) {
        radix = 16;
        digits = span_after(label, 2);
    } else if (label.length > 1 && label.data[0] == '0') {
        radix = 8;
    }
    if (label.length == 0)
        return false;
    part->canonical = radix == 10;
    part->value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        const unsigned digit = digit_value(digits.data[i]);
        part->value = part->value * radix + digit;
        if (digit >= radix || part->value > UINT32_MAX)
            return false;
    }
    return true;
}

/* The dotted parts of NAME; 0: too many, or one that is no number. */
static size_t read_parts(struct span name, struct part parts[PARTS_MAXIMUM])
{
    size_t count = 0;
    for (;;) {
        size_t dot = span_find(name, '.');
        if (count == PARTS_MAXIMUM || !read_part(span_slice(name, 0, dot), &parts[count]))
            return 0;
        count++;
        if (dot == name.length)
            return count;
        name = span_after(name, dot + 1);
    }
}

/* All parts but the last are bytes; the last fills the bytes that are left. */
static bool join_parts(const struct part *parts, size_t count, uint32_t *address)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (parts[i].value > UINT8_MAX)
            return false;
        sum |= parts[i].value << (24 - 8 * i);
    }
    const struct part *last = &parts[count - 1];
    if (last->value >> (8 * (PARTS_MAXIMUM + 1 - count)) != 0)
        return false;
    *address = (uint32_t)(sum | last->value);
    return true;
}

enum ipv4_form ipv4_judge(struct span name, uint8_t address[4])
{
    struct part parts[PARTS_MAXIMUM];
    uint32_t joined;
    if (!is_number(last_label(name)))
        return IPV4_NONE;
    size_t count = read_parts(name, parts);
    if (count == 0 || !join_parts(parts, count, &joined))
        return IPV4_NOT_ADDRESS;
    bool canonical = count == PARTS_MAXIMUM;
    for (size_t i = 0; i < count; i++)
        canonical = canonical && parts[i].canonical;
    uint32_t network = htonl(joined);
    memcpy(address, &network, sizeof(network));
    return canonical ? IPV4_CANONICAL : IPV4_OTHER_FORM;
}

void ipv4_format(const uint8_t address[4], char text[IP_LITERAL_TEXT_SIZE])
{
    inet_ntop(AF_INET, address, text, IP_LITERAL_TEXT_SIZE);
}

bool ipv6_parse(struct span text, uint8_t address[16])
{
    char terminated[IP_LITERAL_TEXT_SIZE];
    if (text.length >= sizeof(terminated) || span_find(text, '\0') != text.length)
        return false;
    if (text.length > 0)
        memcpy(terminated, text.data, text.length);
    terminated[text.length] = '\0';
    return inet_pton(AF_INET6, terminated, address) == 1;
}

void ipv6_format(const uint8_t address[16], char text[IP_LITERAL_TEXT_SIZE])
{
    inet_ntop(AF_INET6, address, text, IP_LITERAL_TEXT_SIZE);
}
