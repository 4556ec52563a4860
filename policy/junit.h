/*
 * JUnit XML, the form in which test results travel to other tools: a suite a
 * file, a case an expectation. Whatever bytes are given, what comes out is
 * well-formed XML 1.0.
 */
#ifndef SALLYPORT_POLICY_JUNIT_H
#define SALLYPORT_POLICY_JUNIT_H

#include <stdio.h>

#include "policy/text.h"

#define JUNIT_MAXIMUM ((size_t)256 << 20) /* bytes of one report */

struct junit {
    struct text suites; /* whole suites */
    struct text cases;  /* of the suite that is being written */
    const char *suite;  /* its name; not owned */
    size_t count;       /* of its cases */
    size_t failures;
    size_t errors;
    size_t all; /* of all suites before */
    size_t all_failures;
    size_t all_errors;
};

void junit_init(struct junit *junit);
void junit_clear(struct junit *junit);

/* A suite: begun, its cases told one by one, ended. NAME is kept until then. */
void junit_begin_suite(struct junit *junit, const char *name);
void junit_end_suite(struct junit *junit);

enum junit_result { JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR };

/* NAME is the case's, MESSAGE says what went wrong ("" where nothing did), LINE is its place. */
void junit_add_case(struct junit *junit, struct span name, uint32_t line, enum junit_result result,
                    struct span message);

/* The whole report to STREAM. False: it was larger than JUNIT_MAXIMUM, or cannot be written. */
bool junit_write(struct junit *junit, FILE *stream);

#endif
