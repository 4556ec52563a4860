/*
 * Bytes of our own making (heads, answers, chunks) on their way out: written as
 * text, sent as the transport takes them, wiped when gone.
 */
#ifndef SALLYPORT_PROXY_OUTBOX_H
#define SALLYPORT_PROXY_OUTBOX_H

#include "policy/text.h"
#include "proxy/transport.h"

#define OUTBOX_MAXIMUM ((size_t)256 * 1024)

struct outbox {
    struct text text; /* write here */
    size_t sent;
};

void outbox_init(struct outbox *outbox);

static inline bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->sent == outbox->text.length;
}

/* TRANSPORT_OK: all is sent, the outbox is empty. */
enum transport_result outbox_flush(struct outbox *outbox, struct transport *transport);

/* Sent bytes are to be sent again, to another connection. */
void outbox_rewind(struct outbox *outbox);

/* Wipes and frees. */
void outbox_clear(struct outbox *outbox);

#endif
