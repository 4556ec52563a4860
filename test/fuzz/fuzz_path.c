/*
 * Any bytes as a path. Beyond not crashing: what is accepted is one form, which
 * stays what it is when it is read again, and in which no server finds another path:
 * no dot segment, no empty one, nothing that ends a line or a string.
 */
#include "policy/path.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct path path, again;

static void require_segments(struct span text)
{
    require(text.length > 0 && text.data[0] == '/');
    for (struct span rest = span_after(text, 1); rest.length > 0;) {
        size_t end = span_find(rest, '/');
        struct span segment = span_slice(rest, 0, end);
        require(segment.length > 0);
        require(!span_equal(segment, SPAN(".")) && !span_equal(segment, SPAN("..")));
        rest = span_after(rest, end < rest.length ? end + 1 : end);
    }
}

static void require_bytes(void)
{
    for (size_t i = 0; i < path.wire.length; i++) {
        char byte = path.wire.data[i];
        require(byte > ' ' && byte <= '~' && strchr("\\?#\"<>^`{|}[]", byte) == NULL);
    }
    for (size_t i = 0; i < path.text.length; i++) {
        unsigned char byte = (unsigned char)path.text.data[i];
        require(byte >= ' ' && byte != 0x7F && byte != '\\');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span given = {(const char *)data, size};
    if (!path_normalise(given, &path)) {
        require(path.problem != NULL);
        return 0;
    }
    require_segments(path.wire);
    require_segments(path.text);
    require_segments(path.plain);
    require_bytes();
    require(path.plain.length <= path.text.length && path.text.length <= path.wire.length);
    require(path_normalise(path.wire, &again));
    require(span_equal(path.wire, again.wire));
    require(span_equal(path.text, again.text));
    require(span_equal(path.plain, again.plain));
    return 0;
}
