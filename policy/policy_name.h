/* The names of apps, environments and installations (interface.md section 2). */
#ifndef SALLYPORT_POLICY_POLICY_NAME_H
#define SALLYPORT_POLICY_POLICY_NAME_H

#include "policy/error.h"
#include "policy/span.h"

/* [a-z0-9][a-z0-9-]{0,62} */
bool policy_name_valid(struct span name);

/* The same of NAME, which a person typed as that of an "app", say. False: ERROR says what is right.
 */
bool policy_name_check(const char *name, const char *what, struct error *error);

#endif
