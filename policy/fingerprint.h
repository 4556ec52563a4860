/*
 * 64 bits that follow from contents alone, the same in every process: FNV-1a
 * (http://www.isthe.com/chongo/tech/comp/fnv/). It tells versions apart, it is
 * no proof against forgery.
 */
#ifndef SALLYPORT_POLICY_FINGERPRINT_H
#define SALLYPORT_POLICY_FINGERPRINT_H

#include "policy/grant.h"

#define FINGERPRINT_START 0xCBF29CE484222325U
#define FINGERPRINT_PRIME 0x100000001B3U

static inline uint64_t fingerprint_add(uint64_t sum, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ byte[i]) * FINGERPRINT_PRIME;
    return sum;
}

/* A length in front keeps "ab" + "c" and "a" + "bc" apart. */
static inline uint64_t fingerprint_add_span(uint64_t sum, struct span text)
{
    uint64_t length = text.length;
    sum = fingerprint_add(sum, &length, sizeof(length));
    return fingerprint_add(sum, text.data, text.length);
}

static inline uint64_t fingerprint_add_grant(uint64_t sum, const struct grant *grant)
{
    for (size_t i = 0; i < grant->count; i++) {
        const struct grant_rule *rule = &grant->rules[i];
        const uint32_t facts[] = {rule->at.line, rule->at.column, rule->list, rule->analytics};
        sum = fingerprint_add_span(sum, rule->text);
        sum = fingerprint_add(sum, facts, sizeof(facts));
    }
    return sum;
}

#endif
