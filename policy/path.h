/*
 * The path of a request, in the one form that is judged and sent on.
 *
 * Two servers can read one spelling of a path as two places, so a path that rules
 * apply to is normalised once, before anybody decides, and what was judged is what
 * the origin gets. What some server would still read as another path (an encoded
 * slash or backslash, "..;", a character encoded twice) is refused, not guessed at.
 */
#ifndef SALLYPORT_POLICY_PATH_H
#define SALLYPORT_POLICY_PATH_H

#include "policy/span.h"

#define PATH_LENGTH_MAXIMUM 8192 /* bytes of a path that rules apply to, before and after */

struct path {
    /*
     * The normal form (RFC 3986, section 6.2.2), without query: begins with "/", no dot segments,
     * no "//", unreserved characters as they are, other octets in upper case percent-encoding
     * where they were encoded or cannot stand in a path. ASCII.
     */
    struct span wire;
    /* The same decoded: what patterns are matched with. UTF-8, no control characters. */
    struct span text;
    /* Like text, each segment up to its first ";": as servers read it that drop parameters. */
    struct span plain;
    const char *problem; /* why it is refused; static */
    char storage[3 * PATH_LENGTH_MAXIMUM];
};

/*
 * Normalises GIVEN, a path as a client wrote it (up to "?"; "" is "/"). The spans
 * point into PATH's storage. False: it is refused, path->problem says why, and
 * the spans mean nothing. Normalising path->wire again gives the same bytes.
 */
bool path_normalise(struct span given, struct path *path);

/* What of PATH_AND_QUERY stands before its first "?". */
static inline struct span path_without_query(struct span path_and_query)
{
    return span_slice(path_and_query, 0, span_find(path_and_query, '?'));
}

#endif
