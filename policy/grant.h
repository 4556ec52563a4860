/*
 * A grant is what one (app, environment, installation) may reach: a flat list of
 * declared addresses, each with the place that declares it. It is made from a
 * manifest and compiled into a trie; nothing else knows both.
 */
#ifndef SALLYPORT_POLICY_GRANT_H
#define SALLYPORT_POLICY_GRANT_H

#include "policy/address.h"
#include "policy/arena.h"

enum grant_list {
    GRANT_FETCH_BACKEND, /* permissions.external.fetch.backend, string or object entry */
    GRANT_REMOTE,        /* a remote's baseUrl that fetch.backend names by key */
    GRANT_SITE_EGRESS,   /* an egress group of an installation's admin */
    GRANT_SITE_REMOTE,   /* the endpoint an installation's admin gave a remote */
    GRANT_LIST_COUNT,    /* at most 4: a trie keeps two bits */
};

/* "fetch.backend", "remotes", "installation.egress", …: the `list` of a rule in output. */
const char *grant_list_name(enum grant_list list);

struct grant_rule {
    struct address address;
    struct span text; /* as declared, variables replaced */
    enum grant_list list;
    bool analytics;     /* category: analytics */
    struct position at; /* in the grant's file */
};

struct grant {
    const char *file;         /* name of the manifest as users know it */
    struct grant_rule *rules; /* in the manifest's order */
    size_t count;
};

#endif
