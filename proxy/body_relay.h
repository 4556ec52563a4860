/*
 * A message's body on its way from one side to the other. Raw framings go through
 * a relay as they are; a chunked body is decoded, checked and written anew, and one that
 * ends with its connection can be given chunks, for a receiver who has to see its end.
 */
#ifndef SALLYPORT_PROXY_BODY_RELAY_H
#define SALLYPORT_PROXY_BODY_RELAY_H

#include "proxy/buffer.h"
#include "proxy/http_chunked.h"
#include "proxy/outbox.h"
#include "proxy/relay.h"

enum body_result {
    BODY_WAIT,        /* an event will tell when there is more to do */
    BODY_YIELD,       /* its turn is over, more is ready */
    BODY_DONE,        /* the whole body has been handed on */
    BODY_MALFORMED,   /* the sender's chunks are broken: `decoder.problem` */
    BODY_FROM_ENDED,  /* the sender ended before its body did */
    BODY_FROM_FAILED, /* the sender's connection broke */
    BODY_TO_FAILED,   /* the receiver's connection broke */
};

struct body_relay {
    enum http_body framing; /* of the body as it comes */
    bool encode;            /* it goes on as chunks, else as its bare payload */
    bool whole;             /* it has been read to its end, where it goes through the outbox */
    struct http_chunked decoder;
    struct relay raw;
    struct outbox *out; /* not owned: the head's, and then the encoded chunks' */
};

/*
 * A body of FRAMING (LENGTH bytes if sized) that begins with what is in INPUT;
 * ENCODE: hand a chunked one, or one until the close, on as chunks. OUT holds the message's head,
 * perhaps unsent: what has come of the body already joins it, so that a small message is one write.
 * *moved grows by the bytes of the body taken on.
 */
void body_relay_init(struct body_relay *body, enum http_body framing, uint64_t length, bool encode,
                     struct buffer *input, struct outbox *out, uint64_t *moved);

/* Sends what OUT holds, then the body. *moved grows by the bytes taken on, chunk framing included.
 */
enum body_result body_relay_turn(struct body_relay *body, struct transport *from,
                                 struct buffer *input, struct transport *to,
                                 struct relay_lender *lender, uint64_t *moved);

void body_relay_clear(struct body_relay *body, struct relay_lender *lender);

#endif
