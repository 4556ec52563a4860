/*
 * Eight bytes looked at at once. Two finders are for the many texts that are plain ASCII: what they
 * say is 0 where the word is ASCII and has no byte of the kind; else the bytes are to be looked at
 * one by one. word_places is for any bytes, and says which they are.
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

/* The uppermost bit of each byte of WORD that is BYTE, and no other bit. */
static inline uint64_t word_places(uint64_t word, uint8_t byte)
{
    const uint64_t other = word ^ WORD_EACH * byte;
    return ~(((other & ~WORD_UPPERMOST) + ~WORD_UPPERMOST) | other | ~WORD_UPPERMOST);
}

/* Which byte, 0..7, is the first of PLACES, which has one. */
static inline uint32_t word_first(uint64_t places)
{
    return (uint32_t)__builtin_ctzll(places) / 8;
}

#endif
