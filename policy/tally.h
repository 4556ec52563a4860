/*
 * Counts by who asked for what: how a million log records become the few lines
 * that a person reads. Bounded: beyond its maximum of different keys a tally
 * only says how many more there were, so a log that names a new host in
 * each line costs no more memory than the maximum does.
 */
#ifndef SALLYPORT_POLICY_TALLY_H
#define SALLYPORT_POLICY_TALLY_H

#include "policy/decision.h"

#define TALLY_TIME_SIZE 32 /* the longest time that log_time_valid takes, and NUL */

/* What is counted apart. */
struct tally_key {
    unsigned kind; /* the caller's own */
    struct span app;
    struct span environment;
    struct span installation;
    const struct target *target;
};

struct tally_entry {
    unsigned kind;
    struct span app;
    struct span environment;
    struct span installation;
    enum scheme scheme;
    enum host_kind host_kind;
    struct span host; /* canonical; NUL behind it */
    uint16_t port;
    uint64_t count;
    enum reason reason;          /* the caller's: zero in a new entry */
    void *own;                   /* the caller's, too: NULL in a new entry */
    char first[TALLY_TIME_SIZE]; /* the earliest time given; "": none was */
    char last[TALLY_TIME_SIZE];
};

struct tally;

/* Of at most MAXIMUM entries (below 2^31). NULL: memory is out. Owned by the caller. */
struct tally *tally_new(size_t maximum);
void tally_free(struct tally *tally);

/*
 * Counts one more of KEY at TIME (as log_time_valid has it, or ""). Returns its entry,
 * whose count is 1 if it is new and which stays where it is; NULL: KEY is new and there is no room.
 */
struct tally_entry *tally_add(struct tally *tally, const struct tally_key *key, struct span time);

/* The entries, in the order in which they came; the caller may put them in another. */
struct tally_entry **tally_entries(struct tally *tally, size_t *count);

/* How many found no room. */
uint64_t tally_others(const struct tally *tally);

/* True: some of them because memory was out, below the maximum. */
bool tally_is_starved(const struct tally *tally);

/* What the entry's target was; allocates nothing. */
void tally_entry_target(const struct tally_entry *entry, struct target *target);

#endif
