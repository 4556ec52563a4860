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
    uint64_t taken;   /* bytes that transports took, ever */
    uint64_t offered; /* up to where bytes were offered to one: TLS may hold them already */
};

void outbox_init(struct outbox *outbox);

/* All that was written is sent; never so once something could not be written. */
static inline bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->sent == outbox->text.length && !outbox->text.overflow;
}

/* TRANSPORT_OK: all is sent, the outbox is empty. */
enum transport_result outbox_flush(struct outbox *outbox, struct transport *transport);

/* Where the next byte that is written will stand, counted from the first that ever was. */
static inline uint64_t outbox_mark(const struct outbox *outbox)
{
    return outbox->taken + (outbox->text.length - outbox->sent);
}

/* Takes back what was written since MARK. False, and nothing is: some of it may be out already. */
bool outbox_take_back(struct outbox *outbox, uint64_t mark);

/* Sent bytes are to be sent again, to another connection. */
void outbox_rewind(struct outbox *outbox);

/* Wipes and frees. */
void outbox_clear(struct outbox *outbox);

#endif
