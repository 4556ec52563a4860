/*
 * What a client says behind its ClientHello, as far as it could be another one. A server of TLS 1.3
 * may ask for a second hello (HelloRetryRequest, RFC 8446 section 4.1.4), and there are servers
 * that go by the name in that one: so it is judged as the first one was. A pure function over the
 * records that a client sends before all it says is encrypted.
 */
#ifndef SALLYPORT_PROXY_HELLO_WATCH_H
#define SALLYPORT_PROXY_HELLO_WATCH_H

#include "policy/span.h"

/*
 * Bytes behind the hello that are watched at most. What can stand between two hellos (early data
 * that the server passes over, section 4.2.10; alerts; change_cipher_spec) servers bound more
 * tightly themselves.
 */
#define HELLO_WATCH_BYTES ((size_t)128 * 1024)

struct hello_watch {
    size_t budget;    /* bytes that are still watched; 0: none, it is over */
    size_t of_record; /* bytes of the record under way that are still to come */
    bool early_data;  /* the first hello announced some: application data can come before a hello */
};

enum hello_watch_result {
    HELLO_WATCH_MORE,  /* nothing speaks against what is counted; what follows it is not whole */
    HELLO_WATCH_HELLO, /* behind what is counted stands a ClientHello */
    HELLO_WATCH_OVER,  /* no other hello can come: all that comes may pass */
};

void hello_watch_begin(struct hello_watch *watch, bool early_data);

/* BYTES follow those that were counted before. *count: how many of them may pass. */
enum hello_watch_result hello_watch_take(struct hello_watch *watch, struct span bytes,
                                         size_t *count);

/* COUNT bytes of a hello that was judged pass as well. */
void hello_watch_spend(struct hello_watch *watch, size_t count);

#endif
