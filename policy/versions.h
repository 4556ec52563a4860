/*
 * The versions that deploys have made: DIR/APP/ENVIRONMENT/versions/MAJOR.MINOR,
 * each with its manifest.yml. What lies there without one is a deploy that has
 * not finished, and no version.
 */
#ifndef SALLYPORT_POLICY_VERSIONS_H
#define SALLYPORT_POLICY_VERSIONS_H

#include "policy/error.h"
#include "policy/span.h"

#define VERSION_NUMBER_MAXIMUM 1000000

struct version {
    uint32_t major; /* both from 1 */
    uint32_t minor;
};

/* "MAJOR.MINOR", decimal without leading zeros. False: NAME is no version's. */
bool version_parse(struct span name, struct version *version);

/* Below 0: A is older than B; 0: the same. */
int version_compare(const struct version *a, const struct version *b);

struct versions {
    struct version *items; /* the oldest first */
    size_t count;
};

/*
 * Lists the versions below DIRECTORY (…/versions) that have a manifest.yml; a
 * directory that is not there has none. Names with a leading dot are passed over,
 * others that are no version's are errors. With NEWEST_MINORS only the newest of
 * each major. False: ERROR says why. Always: versions_clear.
 */
bool versions_list(const char *directory, bool newest_minors, struct versions *versions,
                   struct error *error);

/*
 * VERSION as the newest of its major, or as a further one; VERSIONS has the newest of each major.
 * False: memory is out.
 */
bool versions_put(struct versions *versions, struct version version);

void versions_clear(struct versions *versions);

#endif
