/*
 * Learn: from what was denied to the smallest manifest fragment that would have
 * allowed it. The fragment is a proposal for a person to judge, so it is narrow
 * by nature: one address for each host and port that was asked for; a
 * wildcard only where the caller said how many siblings justify one, and never
 * over a name under which strangers get names.
 */
#ifndef SALLYPORT_POLICY_LEARN_H
#define SALLYPORT_POLICY_LEARN_H

#include "policy/log_reader.h"
#include "policy/tally.h"

#define LEARN_TARGETS_MAXIMUM   100000
#define LEARN_WILDCARDS_MINIMUM 2
#define LEARN_FRAGMENT_MAXIMUM  ((size_t)64 << 20) /* bytes */

struct learn_options {
    size_t wildcards; /* how many sibling names justify a wildcard; 0: none is proposed */
    bool plain_http;  /* http:// and ws:// may be declared */
};

struct learn {
    const struct snapshot *snapshot; /* what is declared already */
    struct subject subject;
    struct tally *denied;
};

/* False: memory is out. Neither SNAPSHOT nor SUBJECT's names are copied. Then learn_clear. */
bool learn_init(struct learn *learn, const struct snapshot *snapshot,
                const struct subject *subject);
void learn_clear(struct learn *learn);

/* CONTEXT is a struct learn: for log_walk's visitor. Keeps what is denied and still would be. */
void learn_visit(void *context, const struct log_record *record,
                 const struct log_decision *decision);

/*
 * Writes to FRAGMENT (text_init with LEARN_FRAGMENT_MAXIMUM) YAML that is a manifest's
 * `permissions`, comments beside each address; only comments where nothing can be proposed.
 * To CAUTIONS (the same) go the warnings that stand in it as comments, a line each. False:
 * memory is out.
 */
bool learn_write(struct learn *learn, const struct learn_options *options, struct text *fragment,
                 struct text *cautions);

#endif
