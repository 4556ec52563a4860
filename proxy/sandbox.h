/*
 * The process guards itself: once its sockets are bound and its keys are read it
 * gives up whatever it does not need for the rest of its life, so that whoever
 * takes it over gets little with it. conf/sallyport.yml documents process.user
 * and process.sandbox.
 *
 * Rights belong to threads on Linux and are inherited by the threads they start:
 * sandbox_enter is for the main thread while it is the only one, and each thread
 * then keeps only its own part.
 */
#ifndef SALLYPORT_PROXY_SANDBOX_H
#define SALLYPORT_PROXY_SANDBOX_H

#include "conf/configuration.h"

enum sandbox_thread {
    SANDBOX_START = 1,      /* the main thread from sandbox_enter until all threads run */
    SANDBOX_MAIN = 2,       /* the main thread thereafter: signals, reloads, admin */
    SANDBOX_WORKER = 4,     /* everything that comes from the network */
    SANDBOX_LOG_WRITER = 8, /* the only one that opens a file for writing */
};

/*
 * Becomes process.user (where it is set and the process is root's), gives up
 * groups, capabilities, core dumps and the gain of privileges by exec; with
 * process.sandbox also being looked into by processes of the same user, files by
 * Landlock (where the kernel has it) and system calls by seccomp. None of it can
 * be taken back, so a process that got false has to end: ERROR says why.
 *
 * Before any other thread is started; keeps nothing of CONFIGURATION.
 */
bool sandbox_enter(const struct configuration *configuration, struct error *error);

/*
 * The calling thread keeps only what THREAD needs. Nothing happens where no
 * sandbox was entered. A thread that cannot be confined must not run: the process
 * then ends with status 1.
 */
void sandbox_confine_thread(enum sandbox_thread thread);

#endif
