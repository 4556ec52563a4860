/*
 * "Did you mean …?": the known name that a mistyped one is nearest to.
 */
#ifndef SALLYPORT_POLICY_NEAREST_H
#define SALLYPORT_POLICY_NEAREST_H

#include "policy/span.h"

/*
 * The one of NAMES (NULL ends them) that takes the fewest edits to make from
 * NAME, letters compared without case; NULL where none is near: more than a
 * third of the name would have to change, and at least two letters.
 */
const char *nearest_name(struct span name, const char *const *names);

#endif
