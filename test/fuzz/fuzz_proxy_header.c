/*
 * Whatever a front sends before its client's bytes: split anywhere it parses to the same, what
 * is done is no longer than what came, and what was read lies within it.
 */
#include <stdlib.h>

#include "proxy/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_within(struct span part, struct span whole)
{
    require(part.length == 0 ||
            (part.data >= whole.data && part.data + part.length <= whole.data + whole.length));
}

/* An answer once given stays: more bytes change neither a header that is whole nor a bad one. */
static void check_prefixes(struct span given, enum proxy_header_parse result, size_t length)
{
    struct proxy_header header;
    for (size_t i = 0; i < given.length; i++) {
        enum proxy_header_parse early = proxy_header_parse(span_slice(given, 0, i), &header);
        require(early == PROXY_HEADER_MORE || early == result);
        require(early != PROXY_HEADER_DONE || (header.length == length && length <= i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct span given = {(const char *)bytes, size};
    struct proxy_header header;
    enum proxy_header_parse result = proxy_header_parse(given, &header);
    require((result == PROXY_HEADER_BAD) == (header.problem != NULL));
    if (size < 600)
        check_prefixes(given, result, header.length);
    if (result != PROXY_HEADER_DONE)
        return 0;
    require(header.length > 0 && header.length <= size && header.length <= PROXY_HEADER_MAXIMUM);
    const struct span whole = span_slice(given, 0, header.length);
    require_within(header.spiffe, whole);
    require_within(header.common_name, whole);
    require(header.has_client == (header.client.family != 0));
    require(!header.is_local || (!header.has_client && header.spiffe.length == 0));
    return 0;
}
