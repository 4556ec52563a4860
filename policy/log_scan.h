/*
 * A strict scanner for the JSON (RFC 8259) of one log line, private to the log
 * reader. Every step takes what it names from the place where the scan is and
 * leaves the scan behind it; on false the error is set, its column counting
 * bytes from 1. Bytes above 0x7F are taken as they come: whoever prints a
 * string has judged it first.
 */
#ifndef SALLYPORT_POLICY_LOG_SCAN_H
#define SALLYPORT_POLICY_LOG_SCAN_H

#include "policy/error.h"
#include "policy/text.h"

struct scan {
    const char *begin;
    const char *at; /* the next byte */
    const char *end;
    struct text *scratch; /* where strings with escapes are written without them */
    struct error *error;
};

/* Sets the error: WHY, or that the line is torn where it is at its end. Returns false. */
bool scan_refuse(const struct scan *scan, const char *why);

void scan_skip_blank(struct scan *scan);

/* True, and passed over, where BYTE, or WORD, is next; no error is set where it is not. */
bool scan_take(struct scan *scan, char byte);
bool scan_take_word(struct scan *scan, struct span word);

/* *value points into the line, or into the scratch text where there were escapes. */
bool scan_take_string(struct scan *scan, struct span *value);

/* RFC 8259, section 6; *value is the number as written. */
bool scan_take_number(struct scan *scan, struct span *value);

/* A member's name and its colon. */
bool scan_take_name(struct scan *scan, struct span *name);

/* Any value, at most 16 objects and lists inside each other. */
bool scan_skip_value(struct scan *scan);

#endif
