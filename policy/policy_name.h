/* The names of apps, environments and installations (README.md, the policy directory). */
#ifndef SALLYPORT_POLICY_POLICY_NAME_H
#define SALLYPORT_POLICY_POLICY_NAME_H

#include "policy/error.h"
#include "policy/span.h"

/* [a-z0-9][a-z0-9-]{0,62} */
bool policy_name_valid(struct span name);

/* The same in words, for errors: "it is …". */
#define POLICY_NAME_FORM "1 to 63 of a-z, 0-9 and -, and begins with a letter or digit"

/*
 * The same of NAME, which a person typed as that of an "app", say. False: ERROR says, without a
 * place, what is right.
 */
bool policy_name_check(const char *name, const char *what, struct error *error);

#endif
