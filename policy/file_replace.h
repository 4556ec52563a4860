/*
 * A file written as a careful deployer writes it: readers see the old bytes or the
 * new ones, never a part.
 */
#ifndef SALLYPORT_POLICY_FILE_REPLACE_H
#define SALLYPORT_POLICY_FILE_REPLACE_H

#include <stdbool.h>

#include "policy/error.h"
#include "policy/span.h"

/*
 * Puts BYTES into PATH: written beside it under a name of its own, flushed to the disk, renamed.
 * What is no regular file (a pipe, /dev/stdout) is written as it is. A new file has mode 0666
 * less the umask. False: ERROR says why; PATH is as it was.
 */
bool file_replace(const char *path, struct span bytes, struct error *error);

/* Writes all of BYTES. False: errno says why. */
bool file_write_all(int descriptor, struct span bytes);

#endif
