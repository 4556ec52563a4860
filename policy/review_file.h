/*
 * The page from files to file, for the commands that write it: both versions linted and
 * compared, the logs read, the page put in its place whole.
 */
#ifndef SALLYPORT_POLICY_REVIEW_FILE_H
#define SALLYPORT_POLICY_REVIEW_FILE_H

#include "policy/command_manifest.h"
#include "policy/review.h"

struct review_file {
    const struct command_manifest *old; /* both read */
    const struct command_manifest *new;
    const struct manifest_options *options; /* they were read by */
    bool production;
    struct review review;    /* whose numbers, names and directory the caller fills in */
    const char *const *logs; /* paths; NULL where there are none */
    size_t log_count;
    bool logs_are_whole;    /* set: every log could be read */
    enum version_bump bump; /* set */
};

/*
 * Writes the page to PATH ("-": standard output). Of logs, what is of the review's app, environment
 * and installation counts, where they are known. False: ERROR says why; what is wrong in a log is
 * said on standard error, and the page is written without it.
 */
bool review_file_write(struct review_file *file, const char *path, struct error *error);

#endif
