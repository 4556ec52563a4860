/*
 * Eight bytes looked at at once, for the many texts that are plain ASCII. What a finder says is 0
 * where the word is ASCII and has no byte of the kind; else the bytes are to be looked at one by
 * one.
 */
#ifndef SALLYPORT_POLICY_WORD_H
#define SALLYPORT_POLICY_WORD_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define WORD_EACH      UINT64_C(0x0101010101010101) /* times a byte: eight of that byte */
#define WORD_UPPERMOST UINT64_C(0x8080808080808080)

/* The 8 bytes at TEXT, the first of them lowest. */
static inline uint64_t word_load(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return le64toh(word);
}

static inline uint64_t word_find_below(uint64_t word, uint8_t limit)
{
    return (word | (word - WORD_EACH * limit)) & WORD_UPPERMOST;
}

static inline uint64_t word_find(uint64_t word, uint8_t byte)
{
    return (word | ((word ^ WORD_EACH * byte) - WORD_EACH)) & WORD_UPPERMOST;
}

#endif
