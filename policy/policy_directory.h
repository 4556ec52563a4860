/*
 * The policy directory (README.md), read into a snapshot. All or
 * nothing: one file that does not parse and there is no snapshot, only an error
 * that names it.
 */
#ifndef SALLYPORT_POLICY_POLICY_DIRECTORY_H
#define SALLYPORT_POLICY_POLICY_DIRECTORY_H

#include "policy/manifest.h"
#include "policy/policy_change.h"
#include "policy/policy_name.h"
#include "policy/snapshot.h"
#include "policy/versions.h"

struct policy_options {
    bool plain_http;            /* manifests may declare http:// and ws:// */
    bool production_everything; /* manifests of the environment production may declare "*" */
    struct error *passed_over;  /* as in struct manifest_options */
};

/*
 * Reads every DIR/APP/ENVIRONMENT/manifest.yml (or manifest.yaml, manifest.json), and where
 * there is an installations.yml also the versions that installations have approved. Policies whose
 * files are unchanged since PREVIOUS was loaded (NULL: none) are shared with it, not read again.
 * Names with a leading dot are passed over; other names that no app can have are errors. NULL:
 * ERROR says which file and why.
 */
struct snapshot *policy_directory_load(const char *directory, const struct policy_options *options,
                                       const struct snapshot *previous, struct error *error);

/*
 * PREVIOUS, which was loaded from DIRECTORY, with what has changed since: only CHANGE's
 * places are looked at (CHANGE is not `whole`), all other policies are PREVIOUS's. NULL: ERROR says
 * which file and why.
 */
struct snapshot *policy_directory_load_changed(const char *directory,
                                               const struct policy_options *options,
                                               struct snapshot *previous,
                                               const struct policy_change *change,
                                               struct error *error);

/*
 * DIR/APP/ENVIRONMENT alone, without a look at the others. NULL: ERROR says
 * which file and why; where the app or the environment is not there, what
 * the directory would hold.
 */
struct app_policy *policy_directory_load_one(const char *directory, struct span app,
                                             struct span environment,
                                             const struct policy_options *options,
                                             struct error *error);

/* A version that is not in the directory yet. */
struct policy_candidate {
    struct version version;
    const char *manifest; /* its file */
    bool deployed;        /* it becomes manifest.yml */
};

/*
 * Whether DIR/APP/ENVIRONMENT would load with CANDIDATE in it: with its variables, its narrow.yml
 * and what its installations' admins have set. False: ERROR says which file would not be taken, and
 * why.
 */
bool policy_directory_judge(const char *directory, struct span app, struct span environment,
                            const struct policy_options *options,
                            const struct policy_candidate *candidate, struct error *error);

/* One manifest file as a policy, as `check --manifest` wants it. */
struct app_policy *policy_file_load(const char *manifest_path, const char *variables_path,
                                    const struct manifest_options *options, struct span app,
                                    struct span environment, struct error *error);

#endif
