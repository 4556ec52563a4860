/* Names of subjects as text; private to identity*.c. */
#ifndef SALLYPORT_PROXY_IDENTITY_NAME_H
#define SALLYPORT_PROXY_IDENTITY_NAME_H

#include "policy/decision.h"

/* "APP/ENVIRONMENT[/INSTALLATION]", each a name; the parts are slices of NAME. */
bool identity_parse_name(struct span name, struct subject *subject);

#endif
