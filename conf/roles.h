/*
 * The file behind `mtls: {cn: FILE}`: which common name is which app. For
 * authorities that issue no SPIFFE names.
 */
#ifndef SALLYPORT_CONF_ROLES_H
#define SALLYPORT_CONF_ROLES_H

#include <stdbool.h>

#include "policy/decision.h"
#include "policy/error.h"

struct roles;

/*
 * Reads a list of {cn, app, environment, installation?}; each cn once. NULL: ERROR has
 * the place. Owned by the caller.
 */
struct roles *roles_read(const char *path, struct error *error);
void roles_free(struct roles *roles); /* NULL is fine */

/* Whom COMMON_NAME, byte for byte, stands for; false: nobody. The spans live as long as ROLES. */
bool roles_find(const struct roles *roles, struct span common_name, struct subject *subject);

#endif
