/*
 * Tells when the policy directory has changed: inotify over the levels of
 * APP/ENVIRONMENT (policy.watch), debounced, so that a deploy of many files is one
 * reload. A file that is renamed into place after some rest is whole at once and
 * does not wait: so an approval is in force as soon as it is written. It tells
 * which environments' files have changed, where nothing else has.
 */
#ifndef SALLYPORT_PROXY_POLICY_WATCH_H
#define SALLYPORT_PROXY_POLICY_WATCH_H

#include <event2/event.h>

#include "policy/error.h"
#include "policy/policy_change.h"

struct policy_watch;

/* CHANGE is valid until it returns. */
typedef void policy_watch_callback(void *context, const struct policy_change *change);

/*
 * CALLBACK is called from BASE's loop when files below DIRECTORY changed and then
 * rested for DEBOUNCE_MS (at most ten times that long after the first change);
 * for a rename, when the last call lies DEBOUNCE_MS back, within a few milliseconds.
 * NULL: ERROR says why (inotify's limits, for example).
 */
struct policy_watch *policy_watch_new(struct event_base *base, const char *directory,
                                      unsigned debounce_ms, policy_watch_callback *callback,
                                      void *context, struct error *error);
void policy_watch_free(struct policy_watch *watch);

#endif
