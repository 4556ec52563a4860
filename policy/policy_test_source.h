/*
 * Where one policy test takes its policy from, and its expectations: a test's
 * mapping, read and checked, for policy_test.c to run.
 */
#ifndef SALLYPORT_POLICY_POLICY_TEST_SOURCE_H
#define SALLYPORT_POLICY_POLICY_TEST_SOURCE_H

#include "policy/manifest.h"
#include "policy/snapshot.h"

#define POLICY_TEST_PATH_SIZE 4096

struct policy_test_file {
    const char *path;
    char directory[POLICY_TEST_PATH_SIZE]; /* of PATH, with its last "/"; or "" */
    struct arena *arena;                   /* of variables */
    char loaded[POLICY_TEST_PATH_SIZE];    /* the policy directory that was read last; "": none */
    bool loaded_plain;
    struct snapshot *directory_snapshot; /* what it held */
};

/* What a test's keys say; NULL: not given. All point into the document. */
struct policy_test {
    const struct yaml_node *name;
    const struct yaml_node *manifest;
    const struct yaml_node *policy;
    const struct yaml_node *app;
    const struct yaml_node *environment;
    const struct yaml_node *installation;
    const struct yaml_node *set;
    const struct yaml_node *plain_http;
    const struct yaml_node *allow;
    const struct yaml_node *deny;
};

/* Sorts NODE's values by their keys and checks their kinds. False: ERROR has the place. */
bool policy_test_read(const struct policy_test_file *file, const struct yaml_node *node,
                      struct policy_test *test, struct error *error);

/*
 * Compiles the policy that TEST names; the caller holds a reference. NULL: ERROR has the place, in
 * the test file or in the policy's own.
 */
struct snapshot *policy_test_load(struct policy_test_file *file, const struct policy_test *test,
                                  struct error *error);

/* An error at NODE. Returns false. */
bool policy_test_refuse(const struct policy_test_file *file, const struct yaml_node *node,
                        struct error *error, const char *format, ...) PRINTF_LIKE(4, 5);

/* Each key of NODE is one of KNOWN (NULL ends them). False: ERROR names the nearest. */
bool policy_test_check_keys(const struct policy_test_file *file, const struct yaml_node *node,
                            const char *const *known, struct error *error);

#endif
