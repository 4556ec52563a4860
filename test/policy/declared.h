/* Grants and targets for tests, from the words a manifest and a command line have. */
#ifndef SALLYPORT_TEST_POLICY_DECLARED_H
#define SALLYPORT_TEST_POLICY_DECLARED_H

#include "policy/grant.h"

#define DECLARED_MAXIMUM 256

/* A grant and its rules in one place; `grant` is ready for trie_build at any time. */
struct declared {
    struct grant grant;
    struct grant_rule rules[DECLARED_MAXIMUM];
};

/* Of file "manifest.yml", with these addresses (ended by NULL) on lines 1, 2, …, column 11. */
void declared_init(struct declared *declared, const char *const *addresses);
void declared_add(struct declared *declared, const char *address);

/* Ends the test where TEXT is no target. */
struct target target_of(const char *text);

/* A CONNECT to AUTHORITY. */
struct target tunnel_to(const char *authority);

#define DECLARE(declared, ...) declared_init(declared, (const char *const[]){__VA_ARGS__, NULL})

#endif
