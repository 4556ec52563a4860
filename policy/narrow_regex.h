/*
 * A regular expression over a whole path: PCRE2, compiled once, matched under
 * limits. PCRE2 is here because its syntax is what people who write path rules
 * know, and because it can be told when to give up.
 *
 * Matching allocates nothing outside its own stack: what PCRE2 asks for comes from
 * there, so that a decision is the same on every thread and never waits for memory.
 */
#ifndef SALLYPORT_POLICY_NARROW_REGEX_H
#define SALLYPORT_POLICY_NARROW_REGEX_H

#include "policy/error.h"
#include "policy/span.h"

#define NARROW_REGEX_MAXIMUM 1000 /* bytes of an expression */

struct narrow_regex;

enum narrow_match {
    NARROW_NO_MATCH,
    NARROW_MATCH,
    NARROW_CUT, /* it wanted more steps, depth or memory than one path is worth */
};

/*
 * PATTERN (UTF-8), anchored at both ends, with JIT where the process may make code. NULL: ERROR
 * says why (no place): PCRE2 does not take it, or it is seen to run away. Owned by the caller.
 */
struct narrow_regex *narrow_regex_new(struct span pattern, struct error *error);
void narrow_regex_free(struct narrow_regex *regex); /* takes NULL */

/* TEXT is valid UTF-8. Any thread. */
enum narrow_match narrow_regex_match(const struct narrow_regex *regex, struct span text);

/*
 * Whole segments that every match of PATTERN begins with, written to PREFIX (of
 * NARROW_REGEX_MAXIMUM bytes) from "/" to "/"; "/" where nothing more is known.
 */
struct span narrow_regex_prefix(struct span pattern, char *prefix);

/* Bytes of memory held, machine code included. */
size_t narrow_regex_size(const struct narrow_regex *regex);

#endif
