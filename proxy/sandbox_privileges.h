/* What a process may do for who it is: user, groups, capabilities. */
#ifndef SALLYPORT_PROXY_SANDBOX_PRIVILEGES_H
#define SALLYPORT_PROXY_SANDBOX_PRIVILEGES_H

#include <stdbool.h>

#include "policy/error.h"

/*
 * Becomes USER (NULL or "": stays who it is) with no supplementary groups, and
 * loses every capability for good: no_new_privs, empty bounding and ambient
 * sets. Core dumps are off. Single-threaded processes only. False: ERROR says why.
 */
bool sandbox_privileges_drop(const char *user, struct error *error);

/* No process of the same user may trace this one, read its memory or have it dumped. */
bool sandbox_privileges_hide(struct error *error);

#endif
