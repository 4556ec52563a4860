/*
 * The file behind `identity: {basic: FILE}`: who may say that they are which
 * app. It holds digests, never secrets.
 */
#ifndef SALLYPORT_CONF_CREDENTIALS_H
#define SALLYPORT_CONF_CREDENTIALS_H

#include <stdbool.h>

#include "policy/error.h"
#include "policy/span.h"

struct credentials;

/* How many secrets one name may have at a time. */
#define CREDENTIALS_PER_NAME_MAXIMUM 4

/*
 * Reads a list of {app, environment, installation?, sha256: 64 hex digits of the
 * secret's digest}. The same name may stand several times (a secret being
 * rotated), up to CREDENTIALS_PER_NAME_MAXIMUM. An empty list lets nobody in.
 * NULL: ERROR has the place. Owned by the caller.
 */
struct credentials *credentials_read(const char *path, struct error *error);
void credentials_free(struct credentials *credentials);

/*
 * Does SECRET belong to this name? Takes the same time for a wrong secret as for
 * an unknown name, whatever the bytes are.
 */
bool credentials_verify(const struct credentials *credentials, struct span app,
                        struct span environment, struct span installation, struct span secret);

#endif
