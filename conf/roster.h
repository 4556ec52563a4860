/*
 * What the files hold that a listener's identities name: who may say that they are which
 * app. They are read again while the proxy runs, and so are apart from the configuration:
 * immutable, shared by threads, put in each other's place whole.
 */
#ifndef SALLYPORT_CONF_ROSTER_H
#define SALLYPORT_CONF_ROSTER_H

#include <stdatomic.h>

#include "conf/credentials.h"
#include "conf/roles.h"

struct listener_configuration;

struct roster {
    struct credentials *credentials; /* NULL: the listener takes none */
    struct roles *mtls;              /* of certificates' common names; NULL: they speak for */
    struct roles *proxy;             /* themselves. The same of those that fronts tell */
    atomic_uint references;
};

/* LISTENER names files. */
bool roster_is_named(const struct listener_configuration *listener);

/* Reads all files that LISTENER names. NULL: ERROR has the place. */
struct roster *roster_read(const struct listener_configuration *listener, struct error *error);

/* The last reference frees it. NULL is fine, and stays NULL. */
struct roster *roster_ref(struct roster *roster);
void roster_unref(struct roster *roster);

#endif
