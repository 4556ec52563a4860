/*
 * What an origin of the session fuzzer got, read as strictly as can be: requests
 * in one reading only, with a path that is one way to say what narrow.yml allows, or
 * a tunnel that begins with a whole ClientHello for the place, and in which no other name is
 * asked for. Shares nothing with the proxy's parsers. Whatever is wrong aborts.
 */
#ifndef SALLYPORT_TEST_FUZZ_SESSION_JUDGE_H
#define SALLYPORT_TEST_FUZZ_SESSION_JUDGE_H

#include "test/fuzz/session_policy.h"

#define JUDGE_BYTES (128 * 1024) /* more than a head or a hello can have */

enum judge_state {
    JUDGE_REQUEST_LINE,
    JUDGE_FIELD,
    JUDGE_BODY,
    JUDGE_CHUNK_SIZE,
    JUDGE_CHUNK_DATA,
    JUDGE_CHUNK_END,
    JUDGE_TRAILER,
    JUDGE_HELLO,
    JUDGE_BEHIND_HELLO,
    JUDGE_ANYTHING,
};

struct judge {
    const struct world_place *place;
    enum judge_state state;
    uint64_t left; /* bytes of a body or chunk */
    uint64_t length;
    unsigned hosts, lengths, codings, upgrades;
    bool request;    /* such a place may get requests as well as a hello */
    bool early_data; /* the hello announced some */
    bool switched;   /* the origin may have said 101 */
    size_t used;
    char bytes[JUDGE_BYTES]; /* the line, or the hello, so far */
};

/*
 * A connection to PLACE. TUNNEL, REQUEST: a tunnel there was allowed, or a request. `switched`
 * is the caller's.
 */
void judge_begin(struct judge *judge, const struct world_place *place, bool tunnel, bool request);

void judge_take(struct judge *judge, struct span bytes);

#endif
