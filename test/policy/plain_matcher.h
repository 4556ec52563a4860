/*
 * A second matcher, slow and plain: strings compared one declaration after the
 * other, written from the rules of the platform's manifests and from nothing else of ours.
 * It has its own small reading of addresses and targets, ASCII names only.
 */
#ifndef SALLYPORT_TEST_POLICY_PLAIN_MATCHER_H
#define SALLYPORT_TEST_POLICY_PLAIN_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

struct plain_answer {
    const char *reason; /* in the words of README.md, a denial */
    int rule;           /* which declaration decided or is nearest; -1: none */
    bool plain;         /* an allowed tunnel: declared http or ws too */
};

/* TEXT is the target; TUNNEL: it is a CONNECT's host:port. DECLARED are valid addresses. */
struct plain_answer plain_matcher_decide(const char *const *declared, size_t count,
                                         const char *text, bool tunnel);

#endif
