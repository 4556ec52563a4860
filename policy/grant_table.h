/*
 * The grants in force of all installations of one (app, environment), compiled:
 * the table that a decision for an installation begins with.
 *
 * An installation's grant has two parts. What the approved version's manifest
 * declares (in the site's region, without analytics where they are off) is one
 * trie that all installations of that choice share; what the site's admin has
 * configured beside it (egress groups, endpoints of remotes) is a second, mostly
 * absent one. So an installation costs its id and a few words, and a site with an
 * endpoint of its own costs that endpoint, not a copy of the manifest.
 */
#ifndef SALLYPORT_POLICY_GRANT_TABLE_H
#define SALLYPORT_POLICY_GRANT_TABLE_H

#include "policy/installations.h"
#include "policy/trie.h"
#include "policy/versions.h"

struct grant_table;

/* A version as the table needs it: the newest minor of its major. */
struct grant_version {
    struct version version;
    const struct manifest *manifest; /* its `file` is what rules name */
};

/*
 * Compiles INSTALLATIONS under VERSIONS: COUNT of them (1 at least), the oldest
 * first, the last being the newest of all; the approved major of each
 * installation is among them, and installation_check has nothing to say.
 * DEPLOYED is shared where an installation's trie is equal to it. Copies what it keeps.
 * NULL: memory is out. Owned by the caller.
 */
struct grant_table *grant_table_new(const struct installations *installations,
                                    const struct grant_version *versions, size_t count,
                                    struct trie *deployed);
void grant_table_free(struct grant_table *table); /* takes NULL */

/* What is in force for one installation. Pointers are valid as long as the table. */
struct installed_grant {
    bool suspended;
    const struct trie *approved;  /* what the approved version declares */
    const struct trie *own;       /* what its admin has configured; NULL: nothing */
    const struct trie *analytics; /* `approved` with analytics entries; NULL: it has them */
    const struct trie *newest;    /* what the newest version declares; NULL: it is approved */
    const char *approved_file;
    const char *newest_file;
    const char *own_file; /* installations.yml */
    struct position at;   /* of the installation in own_file */
    uint32_t approved_major;
    uint32_t newest_major;
    bool app_managed; /* the newest version runs already, under the approved permissions */
};

/* False: there is no such installation. Allocates nothing. */
bool grant_table_find(const struct grant_table *table, struct span id,
                      struct installed_grant *found);

/*
 * True: what is in force for some installation, or would be under the newest version, covers
 * TARGET. Looks into each different grant.
 */
bool grant_table_covers(const struct grant_table *table, const struct target *target);

size_t grant_table_count(const struct grant_table *table);

/* Whoever held OLD, which is equal to NEW, holds NEW now. Before TABLE is given to anybody else. */
void grant_table_share(struct grant_table *table, const struct trie *old, struct trie *replacement);

/* Bytes that it holds, each trie once and without DEPLOYED. */
size_t grant_table_size(const struct grant_table *table, const struct trie *deployed);

/* 64 bits that follow from the installations and the versions they have approved. */
uint64_t grant_table_fingerprint(const struct grant_table *table);

#endif
