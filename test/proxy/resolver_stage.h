/*
 * A resolver that asks the test's own name server, in the test's own event loop: what the tests of
 * proxy/resolver and of its parts share.
 */
#ifndef SALLYPORT_TEST_PROXY_RESOLVER_STAGE_H
#define SALLYPORT_TEST_PROXY_RESOLVER_STAGE_H

#include "proxy/resolver.h"
#include "test/proxy/fake_dns.h"

struct resolver_stage {
    struct event_base *base;
    struct fake_dns dns;
    struct configuration configuration; /* the test's to change until the start */
    struct metrics *metrics;
    struct resolver *resolver; /* NULL until the start */
};

/* With no hosts file, 4 s for an answer, and room for 8, kept for 5 s at least. */
void resolver_stage_open(struct resolver_stage *stage);
void resolver_stage_start(struct resolver_stage *stage);
void resolver_stage_close(struct resolver_stage *stage);

/* Lets the loop go on until *CALLS is COUNT; fails the test where it is not after all patience. */
void resolver_stage_wait(struct resolver_stage *stage, const unsigned *calls, unsigned count);

void resolver_stage_run(struct resolver_stage *stage, long milliseconds);

uint64_t resolver_stage_counted(struct resolver_stage *stage, enum metric metric);

/* Whether ADDRESS, an IP address, is among those of ANSWER. */
bool resolver_stage_has(const struct resolver_answer *answer, const char *address);

#endif
