/*
 * One writer at a time: flock(2) on DIR/.lock, a name that readers pass over. The
 * lock goes with the process, however that ends; the file stays and says who was last at it.
 */
#ifndef SALLYPORT_POLICY_LEDGER_LOCK_H
#define SALLYPORT_POLICY_LEDGER_LOCK_H

#include "policy/error.h"

/*
 * Takes the lock of DIRECTORY (a descriptor; NAME in errors) for COMMAND, waiting up to WAIT_MS
 * milliseconds. The descriptor that holds it, for close(2); -1: ERROR says who has it, or why not.
 */
int ledger_lock_take(int directory, const char *name, const char *command, unsigned wait_ms,
                     struct error *error);

/*
 * Waits as long until nobody writes, and keeps writers waiting. -1: it could not be had (no
 * command has written here yet, or one takes too long); a reader goes on without it.
 */
int ledger_lock_share(int directory, unsigned wait_ms);

#endif
