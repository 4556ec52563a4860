/*
 * Whatever comes as a chunked body: split anywhere it decodes to the same, each
 * call consumes no more than it was given, and what was decoded, encoded again,
 * decodes to itself. The first byte chooses how it is split.
 */
#include <stdlib.h>

#include "proxy/http_chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct decoded {
    enum http_parse result;
    size_t consumed;
    struct text body;
    struct span trailers;
};

/* Reads as far as HERE, of which *consumed are done with. */
static void read_on(struct http_chunked *decoder, struct span here, struct decoded *decoded)
{
    size_t consumed = 1;
    while (decoded->result == HTTP_MORE && consumed > 0) {
        struct span data, rest = span_after(here, decoded->consumed);
        decoded->result = http_chunked_read(decoder, rest, &consumed, &data, &decoded->trailers);
        require(consumed <= rest.length && data.length <= consumed);
        require((decoded->result == HTTP_BAD) == (decoder->problem != NULL));
        text_add(&decoded->body, data);
        decoded->consumed += consumed;
    }
}

static void decode(struct span bytes, size_t step, struct decoded *decoded)
{
    struct http_chunked decoder;
    size_t arrived = 0;
    *decoded = (struct decoded){.result = HTTP_MORE};
    text_init(&decoded->body, 1 << 24);
    http_chunked_init(&decoder);
    while (decoded->result == HTTP_MORE && arrived < bytes.length) {
        arrived = bytes.length - arrived < step ? bytes.length : arrived + step;
        read_on(&decoder, span_slice(bytes, 0, arrived), decoded);
    }
}

static void check_round_trip(const struct decoded *first)
{
    struct text again;
    struct decoded second;
    text_init(&again, 1 << 24);
    if (first->body.length > 0)
        http_chunk_write(text_span(&first->body), &again);
    http_last_chunk_write(first->trailers, &again);
    require(!again.overflow);
    decode(text_span(&again), again.length, &second);
    require(second.result == HTTP_DONE && second.consumed == again.length);
    require(span_equal(text_span(&first->body), text_span(&second.body)));
    text_clear(&second.body);
    text_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct decoded whole, split;
    if (size < 2)
        return 0;
    struct span given = {(const char *)bytes + 1, size - 1};
    decode(given, given.length, &whole);
    decode(given, 1 + bytes[0] % 16, &split);
    require(whole.result == split.result);
    require(whole.result == HTTP_BAD || whole.consumed == split.consumed);
    require(span_equal(text_span(&whole.body), text_span(&split.body)));
    /* Trailers that were longer than they may be when written with ": " cannot be decoded again. */
    if (whole.result == HTTP_DONE && whole.trailers.length < HTTP_TRAILERS_MAXIMUM / 2)
        check_round_trip(&whole);
    text_clear(&whole.body);
    text_clear(&split.body);
    return 0;
}
