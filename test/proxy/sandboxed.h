/*
 * A process of its own for each act that is done in a sandbox, and the files that
 * the sandbox is made for: what deployers replace by renaming lies in a directory
 * of its own each, so that no right covers another.
 */
#ifndef SALLYPORT_TEST_PROXY_SANDBOXED_H
#define SALLYPORT_TEST_PROXY_SANDBOXED_H

#include "proxy/sandbox.h"

struct sandboxed {
    char directory[32];
    char policy[64];
    char policy_file[80];
    char hosts[64];
    char key[64]; /* a listener's */
    char decisions[64];
    char elsewhere[64]; /* a file that is not there, and nobody's business */
    struct listener_configuration listener;
    struct configuration configuration; /* for all of them, with the sandbox on */
};

/* The test's one; set up and torn down by a fixture of these. */
extern struct sandboxed sandboxed;
void sandboxed_set_up(void);
void sandboxed_tear_down(void);

/* False under sanitizers and valgrind: they do of their own accord what is refused here. */
bool sandboxed_possible(void);

void sandboxed_write_file(const char *path);

/* 0, or errno of what was refused. */
typedef int sandboxed_act(void);

/* Enters the sandbox, for good, and does WHAT as THREAD (0: with the rights of all threads). */
int sandboxed_do(sandboxed_act *what, int thread);

/* The wait status of a process that did so. */
int sandboxed_status(sandboxed_act *what, int thread);

/* What WHAT gave there; the process has to have lived. */
int sandboxed_result(sandboxed_act *what, int thread);

#endif
