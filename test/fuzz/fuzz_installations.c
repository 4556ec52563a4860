/*
 * Any bytes as installations.yml. Beyond not crashing and not leaking: what is
 * read without a complaint is sound, and its canonical text reads as the same
 * and is written as the same.
 */
#include "policy/installations.h"
#include "policy/policy_directory.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAXIMUM ((size_t)256 << 20)

static void require_sound(const struct installations *installations)
{
    for (size_t i = 0; i < installations->count; i++) {
        const struct installation *one = &installations->items[i];
        require(policy_name_valid(one->id) && one->approved >= 1);
        require(installations_find(installations, one->id) == one);
        require(one->region.length == 0 || manifest_region_known(one->region));
        for (size_t k = 0; k < one->group_count; k++) {
            for (size_t d = 0; d < one->groups[k].domain_count; d++)
                require(one->groups[k].domains[d].address.scheme != SCHEME_ANY);
        }
        for (size_t k = 0; k < one->remote_count; k++)
            require_same_kind(&one->remotes[k].address.host);
    }
}

/* Reads BYTES and, where they are sound, writes them to TEXT. False: they are refused. */
static bool rewrite(struct span bytes, struct text *text)
{
    struct error error = {.message = ""};
    struct findings findings;
    bool sound = false;
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    require(arena != NULL);
    struct yaml_document *document =
        yaml_document_parse_within(bytes, "installations.yml", &installations_limits, &error);
    if (document != NULL) {
        findings_init(&findings, arena, "installations.yml");
        const struct installations *installations = installations_read(document, arena, &findings);
        require(installations != NULL);
        sound = !findings_error(&findings, &error);
        if (sound) {
            require_sound(installations);
            installations_write(installations, text);
        }
    }
    if (!sound)
        require_readable(&error);
    yaml_document_free(document);
    arena_free(arena);
    return sound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text first, again;
    text_init(&first, installations_limits.bytes);
    text_init(&again, installations_limits.bytes);
    if (rewrite((struct span){(const char *)data, size}, &first) && !first.overflow) {
        require(rewrite(text_span(&first), &again));
        require(span_equal(text_span(&first), text_span(&again)));
    }
    text_clear(&first);
    text_clear(&again);
    return 0;
}
