/*
 * Starts the program again, for a process that has given up the right to start
 * anything (sandbox.h): a child that is made before that, has nothing in its
 * memory, and does one thing: told an address, it starts the program that
 * this one was started as, anew, to take over from the process whose first
 * listener is there. It ends with the process that made it.
 */
#ifndef SALLYPORT_PROXY_LAUNCHER_H
#define SALLYPORT_PROXY_LAUNCHER_H

#include <stdbool.h>

/*
 * Makes the child. Before any thread is started and anything secret is read.
 * CONFIGURATION_PATH is what the new program is told. A descriptor, which closed
 * lets the child end; -1: errno says why.
 */
int launcher_make(const char *configuration_path);

/* False: errno says why. How the start goes the new program says itself, on stderr. */
bool launcher_start(int launcher, const char *address);

#endif
