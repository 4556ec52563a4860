/* What the session fuzzer's apps declare: the names of test/bypass, so that its cases are seeds. */
#include "test/fuzz/session_policy.h"

#include "policy/address.h"
#include "policy/grant.h"
#include "policy/narrow_file.h"

const struct world_place world_places[] = {
    {"a.test", "http://a.test:8080", 8080, WORLD_DEMO | WORLD_TWO | WORLD_ONE | WORLD_FRONT, true,
     true, 10, false},
    {"*.w.test", "http://*.w.test:8080", 8080, WORLD_DEMO, false, true, 11, false},
    {"s.test", "ws://s.test:8080", 8080, WORLD_DEMO, true, true, 12, false},
    {"b.test", "http://b.test:8080", 8080, WORLD_TWO, true, true, 13, false},
    {"plain.test", "http://plain.test", 80, WORLD_DEMO, true, true, 14, false},
    {"t.test", "https://t.test:8443", 8443, WORLD_DEMO | WORLD_TWO | WORLD_INNER, false, false, 15,
     false},
    {"*.tw.test", "https://*.tw.test:8443", 8443, WORLD_DEMO, true, false, 16, false},
    {"93.184.216.17", "https://93.184.216.17:8443", 8443, WORLD_DEMO, true, false, 17, false},
    {"u.test", "https://u.test", 443, WORLD_ONE | WORLD_INNER, true, false, 18, false},
    {"n.test", "http://n.test:8080", 8080, WORLD_DEMO | WORLD_FRONT, true, true, 19, true},
    {"i.test", "https://i.test:8443", 8443, WORLD_DEMO, true, false, 20, true},
};
const size_t world_place_count = sizeof(world_places) / sizeof(world_places[0]);

static const char narrow_text[] =
    "- {address: 'http://n.test:8080', methods: [GET, POST], paths: [/public/*]}\n"
    "- {address: 'https://i.test:8443', methods: [GET, POST], paths: [/public/*]}\n";

/* For the app that declares both. */
static struct narrow *make_narrow(void)
{
    struct error error;
    struct findings findings;
    struct arena *arena = arena_new((size_t)1 << 20);
    struct yaml_document *document =
        yaml_document_parse_within(span_of(narrow_text), "narrow.yml", &narrow_limits, &error);
    require(arena != NULL && document != NULL);
    findings_init(&findings, arena, "narrow.yml");
    const struct narrow_file *file = narrow_file_read(document, arena, &findings);
    require(file != NULL && !findings_error(&findings, &error));
    struct narrow *narrow = narrow_new(file, &findings);
    require(narrow != NULL);
    yaml_document_free(document);
    arena_free(arena);
    return narrow;
}

static struct app_policy *policy_of(const char *app, const char *environment, unsigned mask,
                                    bool narrowed)
{
    struct grant_rule rules[sizeof(world_places) / sizeof(world_places[0])];
    struct grant grant = {.file = "manifest.yml", .rules = rules};
    struct error error;
    for (size_t i = 0; i < world_place_count; i++) {
        const struct world_place *place = &world_places[i];
        struct grant_rule *rule = &rules[grant.count];
        if ((place->apps & mask) == 0 || (narrowed && !place->later))
            continue;
        *rule = (struct grant_rule){.text = span_of(place->text), .list = GRANT_FETCH_BACKEND};
        require(address_parse(rule->text, &rule->address, &error));
        rule->at = (struct position){(uint32_t)++grant.count, 1};
    }
    struct app_policy *policy = app_policy_new(span_of(app), span_of(environment), &grant);
    require(policy != NULL);
    if ((mask & (WORLD_DEMO | WORLD_FRONT)) != 0)
        app_policy_set_narrow(policy, make_narrow());
    return policy;
}

struct snapshot *world_snapshot(bool narrowed)
{
    struct app_policy *policies[] = {policy_of("demo", "development", WORLD_DEMO, narrowed),
                                     policy_of("two", "production", WORLD_TWO, narrowed),
                                     policy_of("one", "production", WORLD_ONE, narrowed),
                                     policy_of("front", "production", WORLD_FRONT, narrowed),
                                     policy_of("inner", "production", WORLD_INNER, narrowed)};
    const size_t count = sizeof(policies) / sizeof(policies[0]);
    struct snapshot *snapshot = snapshot_new(policies, count);
    require(snapshot != NULL);
    for (size_t i = 0; i < count; i++)
        app_policy_unref(policies[i]);
    return snapshot;
}

bool world_names(const struct world_place *place, struct span name)
{
    struct span declared = span_of(place->name);
    if (!span_starts_with(declared, SPAN("*.")))
        return span_equal_nocase(name, declared);
    size_t suffix = declared.length - 1;
    return name.length > suffix && span_equal_nocase(span_slice(name, name.length - suffix, suffix),
                                                     span_slice(declared, 1, suffix));
}

const struct world_place *world_find_name(struct span name, bool narrowed)
{
    for (size_t i = 0; i < world_place_count; i++) {
        if (world_names(&world_places[i], name) && (world_places[i].later || !narrowed))
            return &world_places[i];
    }
    return NULL;
}
