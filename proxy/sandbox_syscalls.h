/*
 * Which system calls a thread may make: one list for seccomp(2), a line a call,
 * that says who needs it. What is not in the list fails with EPERM; what only an
 * intruder would call ends the process.
 */
#ifndef SALLYPORT_PROXY_SANDBOX_SYSCALLS_H
#define SALLYPORT_PROXY_SANDBOX_SYSCALLS_H

#include <linux/filter.h>

#include "proxy/sandbox.h"

/*
 * Makes the filter for THREADS (a set of enum sandbox_thread): it allows what any
 * of them needs. False: ERROR says why. PROGRAM->filter is the caller's to free.
 */
bool sandbox_syscalls_prepare(struct sock_fprog *program, unsigned threads, struct error *error);

/*
 * Puts PROGRAM over the calling thread and those it will start, on top of the
 * filters that are there. Needs no_new_privs. False: errno says why.
 */
bool sandbox_syscalls_restrict(const struct sock_fprog *program);

#endif
