/*
 * Which files a thread may open, whatever their permissions say: Landlock
 * (landlock(7)), made of what the configuration names.
 */
#ifndef SALLYPORT_PROXY_SANDBOX_FILES_H
#define SALLYPORT_PROXY_SANDBOX_FILES_H

#include "proxy/sandbox.h"

/* False: this kernel has no Landlock, or does not let us use it; errno says which. */
bool sandbox_files_available(void);

/*
 * What THREADS (a set of enum sandbox_thread) need, as a descriptor for
 * sandbox_files_restrict; the caller closes it. -1: ERROR says why. What is not
 * there is left out: it cannot be opened later either, unless it lies in a
 * directory that is.
 */
int sandbox_files_prepare(const struct configuration *configuration, unsigned threads,
                          struct error *error);

/* The calling thread and those it will start. False: errno says why. */
bool sandbox_files_restrict(int prepared);

#endif
