/*
 * The old process's side of a takeover: waits for the one that is to follow, gives
 * it the listening sockets that it asks for, and, once that one is ready, has this
 * process make way. Until then nothing changes here. takeover_wire.h shows the
 * conversation.
 */
#ifndef SALLYPORT_PROXY_HANDOVER_H
#define SALLYPORT_PROXY_HANDOVER_H

#include <event2/event.h>

#include "proxy/takeover_wire.h"

struct handover;

/* What it asks of the process; all called on the main thread's loop. */
struct handover_source {
    void *context;
    /* What listens at ADDRESS: *COUNT descriptors, which stay the source's; NULL: nothing does. */
    const int *(*find)(void *context, const char *address, size_t *count);
    /* The one that asked is not coming: all is as it was before the first find. WHY is a sentence.
     */
    void (*stay)(void *context, const char *why);
    /* PROCESS serves now: stop accepting, let what runs end. Never followed by stay. */
    void (*leave)(void *context, pid_t process);
    /* What the one that follows has done is to be done here: POLICY (loaded), LOG (opened) or
     * IDENTITIES (read) again. The first and the last once right after leave, too. */
    void (*follow)(void *context, enum takeover_word word);
};

/*
 * Waits at LISTENING, a socket of takeover_listen, which it owns from now on. NULL:
 * memory is out (LISTENING is closed).
 */
struct handover *handover_new(struct event_base *base, int listening,
                              const struct handover_source *source);

/* The socket it waits at, for whoever follows to wait at; -1: it has been left. */
const int *handover_socket(const struct handover *handover);

/* NULL is fine. */
void handover_free(struct handover *handover);

#endif
