/*
 * Tests of a policy, written beside it in YAML (README.md, the table of commands): which
 * targets it has to let out and which not, and for what reason. A test file is
 * strict: a key that it does not know is an error, for a promise that is
 * mistyped would else be a promise that nobody holds.
 */
#ifndef SALLYPORT_POLICY_POLICY_TEST_H
#define SALLYPORT_POLICY_POLICY_TEST_H

#include "policy/decision.h"
#include "policy/yaml_node.h"

/* One target with what is expected of it, and what was found. */
struct policy_expectation {
    const char *file; /* the test file, as it was given */
    struct position at;
    struct span test; /* its test's name; "": it has none */
    struct span given;
    struct span method; /* of the request; "": any */
    enum verdict expected;
    bool names_reason;
    enum reason expected_reason; /* where it is named */
    enum verdict verdict;        /* found; VERDICT_INVALID: GIVEN is no target */
    enum reason reason;
    struct target target;     /* unset where the verdict is invalid, as is the next */
    struct decision decision; /* valid during the call only */
    struct error error;       /* why it is no target */
    bool passed;
};

/* Who is told of each as it is found. */
struct policy_test_listener {
    void (*found)(void *context, const struct policy_expectation *expectation);
    void (*failed)(void *context, const char *file, const struct error *error); /* bad input */
    void *context;
};

/*
 * Runs the tests of the file at PATH; paths in it are relative to it. What
 * cannot be read is told to LISTENER->failed, and the other tests are run all the same.
 */
void policy_test_run(const char *path, const struct policy_test_listener *listener);

/*
 * "expected deny (undeclared), got allow (declared by *.example.com at
 * manifest.yml:7:20)", to TEXT. A stranger's bytes in it are fit for a terminal.
 */
void policy_test_explain(const struct policy_expectation *expectation, struct text *text);

#endif
