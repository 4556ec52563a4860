/*
 * The forms lint speaks in. A printer is told of one file after the other, so
 * that any number of files is printed in the memory of one.
 */
#ifndef SALLYPORT_POLICY_LINT_PRINT_H
#define SALLYPORT_POLICY_LINT_PRINT_H

#include <stdio.h>

#include "policy/lint.h"

struct lint_report {
    const char *file;                /* as it was given */
    struct span source;              /* what positions count in */
    const struct findings *findings; /* in the order of the file; NULL where there are none */
    const struct error *unreadable;  /* why the file could not be read; NULL: it could */
};

struct lint_output {
    FILE *stream;
    bool colour;
    size_t files;
    size_t unreadable;
    size_t errors;
    size_t warnings;
    size_t notes;
    size_t printed; /* findings, in formats that put something between two */
    bool lost;      /* memory was out: what is printed is not whole */
};

struct lint_printer {
    const char *name; /* of the format */
    void (*begin)(struct lint_output *output);
    void (*report)(struct lint_output *output, const struct lint_report *report);
    void (*end)(struct lint_output *output);
};

typedef void lint_print_finding(struct lint_output *output, const char *file,
                                const struct finding *finding);

/* Gives PRINT all that REPORT has; that the file could not be read is a finding, too. */
void lint_print_each(struct lint_output *output, const struct lint_report *report,
                     lint_print_finding *print);

/* As a compiler speaks: FILE:LINE:COLUMN: level: message [rule], the line, a caret. */
extern const struct lint_printer lint_print_text;

/* One object a line. */
extern const struct lint_printer lint_print_json;

/* SARIF 2.1.0, one run. */
extern const struct lint_printer lint_print_sarif;

#endif
