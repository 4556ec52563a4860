/*
 * Where log lines end up: a file, a pipe, a terminal, standard output. Knows
 * how to open it without waiting and how to write to it without getting stuck.
 */
#ifndef SALLYPORT_PROXY_DECISION_LOG_FILE_H
#define SALLYPORT_PROXY_DECISION_LOG_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "policy/error.h"

struct log_file {
    int descriptor;
    bool ours;           /* to be closed; standard output is not */
    bool regular;        /* never makes a writer wait; others are asked first and given little */
    bool owes_line_feed; /* it ends in the middle of a line that could not be cut off */
    size_t cut;          /* bytes of a record that an earlier process had begun, cut off */
};

/*
 * Opens PATH ("-": standard output) for appending, creating it with mode 0640. A
 * file's lock (flock(2)) is held, shared, while it is open: an unfinished record at
 * its end is cut off only where nobody else holds it, who might be writing it.
 * False: ERROR says why, FILE is as it was.
 */
bool log_file_open(struct log_file *file, const char *path, struct error *error);
void log_file_close(struct log_file *file);

/* Bytes written, perhaps fewer than all; -1: errno says why. Does not wait where poll says
 * writable. */
ssize_t log_file_write(const struct log_file *file, const struct iovec *parts, int count);

#endif
