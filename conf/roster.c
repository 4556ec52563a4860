/* A file is read whole or not at all; which it was that is wrong, the error says. */
#include "conf/roster.h"

#include <stdlib.h>

#include "conf/configuration.h"

bool roster_is_named(const struct listener_configuration *listener)
{
    return listener->credentials_path != NULL || listener->mtls.roles_path != NULL ||
           listener->proxy.roles_path != NULL;
}

static bool read_roles(const struct name_rule *rule, struct roles **roles, struct error *error)
{
    if (rule->roles_path != NULL)
        *roles = roles_read(rule->roles_path, error);
    return rule->roles_path == NULL || *roles != NULL;
}

static bool read_credentials(const char *path, struct credentials **credentials,
                             struct error *error)
{
    if (path != NULL)
        *credentials = credentials_read(path, error);
    return path == NULL || *credentials != NULL;
}

struct roster *roster_read(const struct listener_configuration *listener, struct error *error)
{
    struct roster *roster = calloc(1, sizeof(*roster));
    if (roster == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    atomic_init(&roster->references, 1);
    if (read_credentials(listener->credentials_path, &roster->credentials, error) &&
        read_roles(&listener->mtls, &roster->mtls, error) &&
        read_roles(&listener->proxy, &roster->proxy, error))
        return roster;
    roster_unref(roster);
    return NULL;
}

struct roster *roster_ref(struct roster *roster)
{
    if (roster != NULL)
        atomic_fetch_add_explicit(&roster->references, 1, memory_order_relaxed);
    return roster;
}

void roster_unref(struct roster *roster)
{
    if (roster == NULL ||
        atomic_fetch_sub_explicit(&roster->references, 1, memory_order_acq_rel) > 1)
        return;
    credentials_free(roster->credentials);
    roles_free(roster->mtls);
    roles_free(roster->proxy);
    free(roster);
}
