/*
 * DIR/APP/ENVIRONMENT: one environment's place in the policy directory, and the files in it that
 * make its policy. Private to the policy directory's reader.
 */
#ifndef SALLYPORT_POLICY_POLICY_PLACE_H
#define SALLYPORT_POLICY_POLICY_PLACE_H

#include <limits.h>

#include "policy/policy_file.h"

#define POLICY_PLACE_EXPECTED "expected DIR/APP/ENVIRONMENT/manifest.yml"

struct policy_place {
    struct span app;
    struct span environment;
    char directory[PATH_MAX];
    char manifest[PATH_MAX];
    char variables[PATH_MAX];
    char installations[PATH_MAX];
    char narrow[PATH_MAX];
    char versions_directory[PATH_MAX];
    struct policy_files files; /* the paths above */
};

/* DIRECTORY/NAME into PATH. False: it is too long. */
bool policy_place_join(char path[PATH_MAX], const char *directory, const char *name,
                       struct error *error);

/* ERROR says why PATH, by errno, cannot be read. Returns false. */
bool policy_place_refuse_unreadable(const char *path, struct error *error);

/* PLACE is of the policy directory DIRECTORY, has its names and no files yet. */
bool policy_place_set(struct policy_place *place, const char *directory, struct span app,
                      struct span environment, struct error *error);

/* The same of one that has to be there. */
bool policy_place_open(struct policy_place *place, const char *directory, struct span app,
                       struct span environment, struct error *error);

/* Finds PLACE's files; true or false, policy_place_clear gives back what they take. */
bool policy_place_find(struct policy_place *place, struct error *error);

/* The same as they will be with CANDIDATE, which is kept by reference. */
bool policy_place_find_candidate(struct policy_place *place,
                                 const struct policy_candidate *candidate, struct error *error);

/* The files that were found, as a policy. NULL: ERROR says which file and why. */
struct app_policy *policy_place_read(const struct policy_place *place,
                                     const struct policy_options *options, struct error *error);

void policy_place_clear(struct policy_place *place);

#endif
