/*
 * Any bytes as a target, in each of the four forms. Beyond not crashing: what is
 * accepted is canonical and in range, is the same when its canonical form is read
 * again, and the four forms never read one text in two ways.
 */
#include "policy/target.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct target *a, const struct target *b)
{
    return a->port == b->port && a->host.kind == b->host.kind &&
           strcmp(a->host.text, b->host.text) == 0;
}

static void require_target(const struct target *target)
{
    char storage[400];
    struct text text;
    struct target again;
    struct error error;
    require(target->port > 0);
    require_canonical(&target->host);
    text_init_fixed(&text, storage, sizeof(storage));
    if (target->scheme != SCHEME_TUNNEL)
        text_add_format(&text, "%s://", scheme_name(target->scheme));
    host_add_to_text(&target->host, &text);
    text_add_format(&text, ":%u", target->port);
    require(!text.overflow);
    if (target->scheme == SCHEME_TUNNEL)
        require(target_parse_connect(text_span(&text), &again, &error));
    if (target->scheme != SCHEME_TUNNEL)
        require(target_parse(text_span(&text), &again, &error));
    require(again.scheme == target->scheme && same(&again, target));
}

static void try_any(struct span text, struct target *target, bool *accepted)
{
    struct error error = {.message = ""};
    *accepted = target_parse(text, target, &error);
    if (!*accepted) {
        require_readable(&error);
        return;
    }
    require(target->scheme <= SCHEME_WS);
    require_target(target);
}

/* An absolute form is a target too, and the same one. */
static void try_absolute(struct span text, const struct target *any, bool any_accepted)
{
    struct error error = {.message = ""};
    struct target target;
    struct span rest;
    if (!target_parse_absolute(text, &target, &rest, &error)) {
        require_readable(&error);
        return;
    }
    require(any_accepted && target.scheme == any->scheme && same(&target, any));
    require(rest.data + rest.length == text.data + text.length);
    require(rest.length == 0 || rest.data[0] == '/' || rest.data[0] == '?');
    require_target(&target);
}

/* A CONNECT's target is an authority too, and the same one. */
static void try_connect(struct span text)
{
    struct error error = {.message = ""};
    struct target target, field = {.scheme = SCHEME_TUNNEL};
    bool is_field = target_parse_authority(text, 443, &field.host, &field.port, &error);
    if (is_field)
        require_target(&field);
    if (!is_field)
        require_readable(&error);
    if (!target_parse_connect(text, &target, &error)) {
        require_readable(&error);
        return;
    }
    require(is_field && target.scheme == SCHEME_TUNNEL && same(&target, &field));
    require_target(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct target target;
    bool accepted;
    try_any(text, &target, &accepted);
    try_absolute(text, &target, accepted);
    try_connect(text);
    return 0;
}
