/*
 * What the session fuzzer's apps declare, and plain questions to it that share
 * nothing with the proxy's own matcher.
 */
#ifndef SALLYPORT_TEST_FUZZ_SESSION_POLICY_H
#define SALLYPORT_TEST_FUZZ_SESSION_POLICY_H

#include <stdio.h>
#include <stdlib.h>

#include "policy/snapshot.h"

/*
 * demo/development, two/production, one/production; front/production comes by way of a front, and
 * inner/production is inside of a tunnel to WORLD_INSIDE that is looked into.
 */
enum world_app { WORLD_DEMO = 1, WORLD_TWO = 2, WORLD_ONE = 4, WORLD_FRONT = 8, WORLD_INNER = 16 };

#define WORLD_INSIDE      "t.test"
#define WORLD_INSIDE_PORT 8443

/* What is declared, and where it leads. */
struct world_place {
    const char *name; /* "*.w.test": every name below */
    const char *text; /* as a manifest declares it */
    uint16_t port;
    unsigned apps;     /* of enum world_app */
    bool later;        /* the narrowed policy has it too */
    bool http;         /* declared http or ws: a tunnel there may carry anything */
    uint8_t last_byte; /* of its address, 93.184.216.N */
    bool narrowed;     /* narrow.yml lets GET and POST below /public/ through, and no tunnel */
};

extern const struct world_place world_places[];
extern const size_t world_place_count;

/* All apps, compiled. Owned by the caller. */
struct snapshot *world_snapshot(bool narrowed);

/* Is NAME the place's, in any case? */
bool world_names(const struct world_place *place, struct span name);

/* NULL: in the policy in force nobody declares NAME. */
const struct world_place *world_find_name(struct span name, bool narrowed);

/* Ends the process, and says where, unless it HOLDS. */
#define require(holds) require_at((holds), __FILE__, __LINE__)

static inline void require_at(bool holds, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: does not hold\n", file, line);
    abort();
}

#endif
