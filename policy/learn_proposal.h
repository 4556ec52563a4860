/*
 * What learn proposes, before it is written: learn_proposal.c turns targets
 * into addresses and folds siblings under wildcards, learn_write.c words them.
 */
#ifndef SALLYPORT_POLICY_LEARN_PROPOSAL_H
#define SALLYPORT_POLICY_LEARN_PROPOSAL_H

#include "policy/learn.h"

struct proposal {
    enum scheme scheme; /* https, wss, http, ws */
    enum host_kind host_kind;
    struct span host; /* the name that a wildcard stands over, or the host itself */
    uint16_t port;
    bool wildcard;
    uint64_t count;    /* requests that it would have allowed */
    size_t names;      /* different hosts among them */
    const char *first; /* "" unknown */
    const char *last;
    const char *shared; /* why no wildcard stands over its siblings: their shared name; NULL */
    size_t siblings;    /* how many there are then; 0 but for the first of them */
};

struct proposals {
    struct proposal *items;
    size_t count;
};

/*
 * ENTRIES (any order) as proposals in the order of hosts, read from the right. FALSE: memory
 * is out. Lives in ARENA; strings are the entries'.
 */
bool proposals_make(struct tally_entry **entries, size_t count, size_t wildcards,
                    struct arena *arena, struct proposals *proposals);

/* As an address of a manifest, the scheme and port left out where they are https and its own. */
void proposal_add_address(const struct proposal *proposal, struct text *text);

/* False: no manifest can declare it; ERROR says why. */
bool proposal_can_be_declared(const struct proposal *proposal, bool plain_http,
                              struct error *error);

#endif
