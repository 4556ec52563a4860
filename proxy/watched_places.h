/* Which APP/ENVIRONMENT an inotify watch is about; private to policy_watch. */
#ifndef SALLYPORT_PROXY_WATCHED_PLACES_H
#define SALLYPORT_PROXY_WATCHED_PLACES_H

#include "policy/policy_change.h"

struct watched_place;

/* All zero is empty. Complete once it was sorted. */
struct watched_places {
    struct watched_place *items;
    size_t count;
    size_t capacity;
};

/*
 * WATCH is about BELOW, a directory relative to the policy directory: "APP/ENVIRONMENT" or below it
 * (what lies above is not kept). False: memory is out.
 */
bool watched_places_add(struct watched_places *places, int watch, struct span below);
void watched_places_sort(struct watched_places *places);

/*
 * Adds what WATCH is about to CHANGE: where several names lead to one directory, each of them;
 * where nothing is known of it, everything.
 */
void watched_places_tell(const struct watched_places *places, int watch,
                         struct policy_change *change);

void watched_places_clear(struct watched_places *places);

#endif
