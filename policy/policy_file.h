/*
 * One environment's files as a policy: private to the policy directory's
 * reader, which alone asks whether they have changed.
 */
#ifndef SALLYPORT_POLICY_POLICY_FILE_H
#define SALLYPORT_POLICY_POLICY_FILE_H

#include "policy/policy_directory.h"
#include "policy/versions.h"

/* What an environment is made of; all but the manifest may be absent. */
struct policy_files {
    const char *manifest;
    const char *variables;     /* NULL: there is none */
    const char *installations; /* NULL: there is none */
    const char *narrow;        /* NULL: there is none */
    const char *versions_directory;
    struct versions versions; /* the newest minors; only where there are installations */
    const struct policy_candidate *candidate; /* stands for the version of its number; or NULL */
};

/* DIRECTORY/MAJOR.MINOR/manifest.yml, into PATH of PATH_MAX bytes. False: it is too long. */
bool policy_version_path(const char *directory, const struct version *version, char *path);

/*
 * Stamps FILES (one that is not there is stamped as such), as they are to be read
 * under OPTIONS. Take it before they are read. A file younger than the clock's
 * grain could change again unseen, so STAMP is then all zero: never the same.
 */
void policy_stamp_take(const struct policy_files *files, const struct policy_options *options,
                       struct policy_stamp *stamp);

/* True: what A was made from is certainly what B would be made from. */
bool policy_stamp_same(const struct policy_stamp *a, const struct policy_stamp *b);

/* FILES as (APP, ENVIRONMENT)'s policy. NULL: ERROR says which file and why. */
struct app_policy *policy_files_load(const struct policy_files *files,
                                     const struct policy_options *options, struct span app,
                                     struct span environment, struct error *error);

#endif
