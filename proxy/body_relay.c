/*
 * A raw body is a relay with a limit. A chunked one, or one that is to be, is read into the
 * sender's input, decoded, written anew behind the head, and sent before more is read.
 */
#include "proxy/body_relay.h"

#define INPUT_FIRST   ((size_t)32 * 1024)
#define INPUT_MAXIMUM ((size_t)64 * 1024)

/* What has come of a raw body already moves from INPUT behind the head. */
static void join_head(struct body_relay *body, struct buffer *input, uint64_t *moved)
{
    struct span ready = buffer_span(input);
    if (ready.length > body->raw.left)
        ready.length = (size_t)body->raw.left;
    if (ready.length == 0)
        return;
    text_add(&body->out->text, ready);
    *moved += ready.length;
    if (body->raw.left != RELAY_NO_LIMIT)
        body->raw.left -= ready.length;
    buffer_consume(input, ready.length);
}

void body_relay_init(struct body_relay *body, enum http_body framing, uint64_t length, bool encode,
                     struct buffer *input, struct outbox *out, uint64_t *moved)
{
    *body = (struct body_relay){.framing = framing, .encode = encode, .out = out};
    http_chunked_init(&body->decoder);
    relay_init(&body->raw, framing == HTTP_BODY_SIZED ? length : 0);
    if (framing == HTTP_BODY_UNTIL_CLOSE && !encode)
        relay_init(&body->raw, RELAY_NO_LIMIT);
    join_head(body, input, moved);
}

static enum body_result result_of_relay(enum relay_result result)
{
    switch (result) {
    case RELAY_WAIT:
        return BODY_WAIT;
    case RELAY_YIELD:
        return BODY_YIELD;
    case RELAY_DONE:
        return BODY_DONE;
    case RELAY_FROM_ENDED:
        return BODY_FROM_ENDED;
    case RELAY_FROM_FAILED:
        return BODY_FROM_FAILED;
    case RELAY_TO_FAILED:
        return BODY_TO_FAILED;
    }
    return BODY_TO_FAILED;
}

/* Writes what was decoded into the outbox, whose sent bytes make room. */
static void encode(struct body_relay *body, struct span data, uint64_t *moved)
{
    struct text *out = &body->out->text;
    if (outbox_is_empty(body->out))
        outbox_clear(body->out);
    size_t before = out->length;
    if (body->encode)
        http_chunk_write(data, out);
    else
        text_add(out, data);
    *moved += out->length - before;
}

/* All that is in INPUT, as one chunk. */
static void encode_input(struct body_relay *body, struct buffer *input, uint64_t *moved)
{
    const struct span bytes = buffer_span(input);
    if (bytes.length == 0)
        return;
    encode(body, bytes, moved);
    buffer_consume(input, bytes.length);
}

/* Decodes all that is in INPUT into the outbox. */
static enum http_parse recode_input(struct body_relay *body, struct buffer *input, uint64_t *moved)
{
    enum http_parse parse = HTTP_MORE;
    size_t consumed = 1;
    if (body->framing == HTTP_BODY_UNTIL_CLOSE) {
        encode_input(body, input, moved);
        return HTTP_MORE;
    }
    while (parse == HTTP_MORE && consumed > 0 && input->length > 0) {
        struct span data = {"", 0}, trailers = {"", 0};
        parse = http_chunked_read(&body->decoder, buffer_span(input), &consumed, &data, &trailers);
        if (parse == HTTP_BAD)
            break;
        if (data.length > 0)
            encode(body, data, moved);
        if (parse == HTTP_DONE && body->encode)
            http_last_chunk_write(trailers, &body->out->text);
        buffer_consume(input, consumed);
    }
    return parse;
}

/* BODY_DONE: bytes came. */
static enum body_result fill_input(struct transport *from, struct buffer *input)
{
    enum transport_result result = transport_fill(from, input, INPUT_FIRST, INPUT_MAXIMUM);
    if (result == TRANSPORT_OK)
        return BODY_DONE;
    if (result == TRANSPORT_AGAIN)
        return BODY_WAIT;
    return result == TRANSPORT_END ? BODY_FROM_ENDED : BODY_FROM_FAILED;
}

/* BODY_DONE: all that the outbox held is sent. */
static enum body_result send_out(struct body_relay *body, struct transport *to)
{
    enum transport_result result = outbox_flush(body->out, to);
    if (result == TRANSPORT_AGAIN)
        return BODY_WAIT;
    return result == TRANSPORT_OK ? BODY_DONE : BODY_TO_FAILED;
}

static enum body_result chunked_turn(struct body_relay *body, struct transport *from,
                                     struct buffer *input, struct transport *to,
                                     const struct relay_lender *lender, uint64_t *moved)
{
    const uint64_t turn_end = *moved + relay_turn_bytes(lender);
    for (;;) {
        enum http_parse parse = body->whole ? HTTP_DONE : recode_input(body, input, moved);
        if (parse == HTTP_BAD)
            return BODY_MALFORMED;
        body->whole = parse == HTTP_DONE;
        enum body_result result = send_out(body, to);
        if (result != BODY_DONE || body->whole)
            return result;
        if (*moved >= turn_end)
            return BODY_YIELD;
        result = fill_input(from, input);
        if (result == BODY_FROM_ENDED && body->framing == HTTP_BODY_UNTIL_CLOSE) {
            http_last_chunk_write(SPAN(""), &body->out->text);
            body->whole = true;
            result = BODY_DONE;
        }
        if (result != BODY_DONE)
            return result;
    }
}

enum body_result body_relay_turn(struct body_relay *body, struct transport *from,
                                 struct buffer *input, struct transport *to,
                                 struct relay_lender *lender, uint64_t *moved)
{
    if (body->framing == HTTP_BODY_CHUNKED ||
        (body->framing == HTTP_BODY_UNTIL_CLOSE && body->encode))
        return chunked_turn(body, from, input, to, lender, moved);
    enum body_result result = send_out(body, to);
    if (result != BODY_DONE)
        return result;
    return result_of_relay(relay_turn(&body->raw, from, to, lender, moved));
}

void body_relay_clear(struct body_relay *body, struct relay_lender *lender)
{
    relay_clear(&body->raw, lender);
}
