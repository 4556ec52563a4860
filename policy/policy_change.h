/*
 * Which environments of a policy directory have changed, so that one approval
 * among thousands of apps need not cost a look at all of them. It is only ever a hint
 * of where to look first: whoever is not sure says that everything may have changed.
 */
#ifndef SALLYPORT_POLICY_POLICY_CHANGE_H
#define SALLYPORT_POLICY_POLICY_CHANGE_H

#include "policy/span.h"

#define POLICY_PLACE_SIZE    128 /* "APP/ENVIRONMENT" and NUL */
#define POLICY_CHANGE_PLACES 16  /* with more of them, everything is looked at */

/* All zero: nothing has changed. */
struct policy_change {
    bool whole; /* anything may have changed; `places` tells nothing */
    size_t count;
    char places[POLICY_CHANGE_PLACES][POLICY_PLACE_SIZE]; /* each once */
};

/* PLACE, "APP/ENVIRONMENT", has changed; anything else is taken as: everything. */
void policy_change_add(struct policy_change *change, struct span place);

/* True: PATH, "APP/ENVIRONMENT/…", may have changed. */
bool policy_change_covers(const struct policy_change *change, struct span path);

#endif
