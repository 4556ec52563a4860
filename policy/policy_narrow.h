/* An environment's narrow.yml, read beside its manifest: private to policy_file.c. */
#ifndef SALLYPORT_POLICY_POLICY_NARROW_H
#define SALLYPORT_POLICY_POLICY_NARROW_H

#include "policy/manifest.h"
#include "policy/snapshot.h"

/*
 * Reads the file at PATH and gives it to POLICY, which was made of MANIFEST and
 * has its installations already. Each address has to be covered by what some grant
 * of POLICY, or MANIFEST in some region, declares. ARENA is for what is needed
 * meanwhile. False: ERROR has the place of the first mistake.
 */
bool policy_narrow_load(const char *path, const struct manifest *manifest,
                        struct app_policy *policy, struct arena *arena, struct error *error);

#endif
