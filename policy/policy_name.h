/* The names of apps, environments and installations (interface.md section 2). */
#ifndef SALLYPORT_POLICY_POLICY_NAME_H
#define SALLYPORT_POLICY_POLICY_NAME_H

#include "policy/span.h"

/* [a-z0-9][a-z0-9-]{0,62} */
bool policy_name_valid(struct span name);

#endif
