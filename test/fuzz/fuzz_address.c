/*
 * Any bytes as a declared address. Beyond not crashing: what is accepted is
 * canonical and in range, is the same when its canonical form is read again, and
 * names the very host and port that the same text names as a target.
 */
#include "policy/address.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same_again(const struct address *address)
{
    char storage[400];
    struct text text;
    struct address again;
    struct error error;
    text_init_fixed(&text, storage, sizeof(storage));
    text_add_format(&text, "%s://%s", scheme_name(address->scheme), address->wildcard ? "*." : "");
    host_add_to_text(&address->host, &text);
    text_add_format(&text, ":%u%s", address->port, address->has_path ? "/path" : "");
    require(!text.overflow && address_parse(text_span(&text), &again, &error));
    require(again.scheme == address->scheme && again.wildcard == address->wildcard);
    require(again.port == address->port && again.has_path == address->has_path);
    require(strcmp(again.host.text, address->host.text) == 0);
}

/* A wildcard names no target; every other address names the one that it opens. */
static void require_same_target(struct span text, const struct address *address)
{
    struct target target;
    struct error error;
    bool accepted = target_parse(text, &target, &error);
    require(accepted == !address->wildcard);
    if (!accepted)
        return;
    require(target.scheme == address->scheme && target.port == address->port);
    require(strcmp(target.host.text, address->host.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct address address;
    struct error error = {.message = ""};
    if (!address_parse(text, &address, &error)) {
        require_readable(&error);
        return 0;
    }
    require((address.scheme == SCHEME_ANY) == span_equal(text, SPAN("*")));
    if (address.scheme == SCHEME_ANY) {
        require(address.port == 0 && address.host.length == 0 && !address.wildcard);
        return 0;
    }
    require(address.scheme <= SCHEME_WS && address.port > 0);
    require(!address.wildcard || address.host.kind == HOST_NAME);
    require_canonical(&address.host);
    require_same_again(&address);
    require_same_target(text, &address);
    return 0;
}
