/*
 * The way through the logs that replay and learn have in common: file after
 * file, line after line, each decision that is asked for handed to a visitor.
 * What is no record is said on standard error, the first few of a file with their
 * place, and never ends the walk.
 */
#ifndef SALLYPORT_POLICY_LOG_WALK_H
#define SALLYPORT_POLICY_LOG_WALK_H

#include "policy/log_reader.h"

struct log_walk {
    struct subject filter; /* "" in a member: any */
    void (*visit)(void *context, const struct log_record *record,
                  const struct log_decision *decision);
    void *context;
    bool show_progress; /* on standard error, a terminal */

    uint64_t lines;
    uint64_t visited;     /* decisions */
    uint64_t passed_over; /* decisions about other apps, environments or installations */
    uint64_t broken;      /* lines that are no record, or too long for one */
    bool failed;          /* a file could not be read to its end, or holds no record at all */
};

void log_walk_file(struct log_walk *walk, const char *path);

/* Takes the progress line away. */
void log_walk_end(const struct log_walk *walk);

#endif
