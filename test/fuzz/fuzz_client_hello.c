/*
 * Whatever begins a tunnel: the answer is the same for the whole and for what
 * came before it (more, until it is decided), and a name that is found was sent.
 */
#include <stdlib.h>

#include "proxy/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_name(const struct client_hello *hello)
{
    if (!hello->has_server_name)
        return;
    require(hello->server_name_length > 0);
    require(strlen(hello->server_name) == hello->server_name_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct client_hello hello, part;
    struct span given = {(const char *)bytes, size};
    enum client_hello_result result = client_hello_parse(given, &hello);
    require((result == CLIENT_HELLO_NOT_TLS) == (hello.problem != NULL));
    require(result != CLIENT_HELLO_MORE || size < CLIENT_HELLO_BYTES_MAXIMUM);
    if (result == CLIENT_HELLO_DONE)
        check_name(&hello);
    for (size_t length = size > 64 ? size - 64 : 0; length < size; length++) {
        enum client_hello_result before = client_hello_parse(span_slice(given, 0, length), &part);
        require(before == CLIENT_HELLO_MORE || before == result);
    }
    return 0;
}
