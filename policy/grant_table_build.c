/*
 * Compiles installations into a table. Each choice (version, region, analytics,
 * remotes configured) is looked up by a text that says it, so that it is compiled
 * once however many sites made it; what two choices compile to alike (a region
 * that no remote knows) is one trie again.
 */
#include <search.h>
#include <stdlib.h>

#include "policy/fingerprint.h"
#include "policy/grant_table_layout.h"

#define ARENA_MAXIMUM  ((size_t)512 << 20)
#define CHOICE_SIZE    4096 /* a version, a region, and INSTALLATION_GROUPS_MAXIMUM keys */
#define OWN_MAXIMUM    ((size_t)64 << 20)
#define LIKELY_EQUAL   64 /* tries that a new one is compared with */
#define COLUMN_MAXIMUM UINT16_MAX

struct build {
    const struct installations *installations;
    const struct grant_version *versions;
    struct grant_table *table;
    struct arena *arena; /* of the lookup's keys */
    void *choices;       /* tsearch's trees of struct known: text → place in tries */
    void *owns;
    void *variants;         /* table_variant's bytes → place in variants */
    uint64_t *fingerprints; /* one a trie */
};

struct known {
    struct span text;
    uint32_t place;
};

static int compare_known(const void *a, const void *b)
{
    struct span left = ((const struct known *)a)->text, right = ((const struct known *)b)->text;
    if (left.length != right.length)
        return left.length < right.length ? -1 : 1;
    return left.length == 0 ? 0 : memcmp(left.data, right.data, left.length);
}

static void keep_nothing(void *unused)
{
    (void)unused; /* what is known lies in the arena */
}

/* True: TEXT is known, *place is its. */
static bool look_up(void *const *tree, struct span text, uint32_t *place)
{
    const struct known wanted = {.text = text};
    struct known *const *found = tfind(&wanted, tree, compare_known);
    if (found == NULL)
        return false;
    *place = (*found)->place;
    return true;
}

static bool remember(struct build *build, void **tree, struct span text, uint32_t place)
{
    struct known *known = arena_allocate(build->arena, sizeof(*known));
    struct span copy = arena_copy(build->arena, text);
    if (known == NULL || copy.data == NULL)
        return false;
    *known = (struct known){copy, place};
    return tsearch(known, tree, compare_known) != NULL;
}

/* *ARRAY with room for one more than COUNT; room doubles at each power of two. */
static bool make_room(void **array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return true;
    void *grown = reallocarray(*array, count == 0 ? 1 : count * 2, size);
    if (grown == NULL)
        return false;
    *array = grown;
    return true;
}

/* ---- tries -------------------------------------------------------------------------- */

/* Takes TRIE over (NULL: memory was out), or gives it up for one that is equal. */
static bool keep_trie(struct build *build, struct trie *trie, uint64_t fingerprint, uint32_t *place)
{
    struct grant_table *table = build->table;
    size_t count = table->trie_count;
    if (trie == NULL)
        return false;
    for (size_t i = 0; i < count && i < LIKELY_EQUAL; i++) {
        if (!trie_equal(table->tries[i], trie))
            continue;
        trie_unref(trie);
        *place = (uint32_t)i + 1;
        return true;
    }
    if (!make_room((void **)&table->tries, count, sizeof(struct trie *)) ||
        !make_room((void **)&build->fingerprints, count, sizeof(*build->fingerprints))) {
        trie_unref(trie);
        return false;
    }
    table->tries[count] = trie;
    build->fingerprints[count] = fingerprint;
    *place = (uint32_t)++table->trie_count;
    return true;
}

static bool keep_grant(struct build *build, const struct grant *grant, uint32_t *place)
{
    return keep_trie(build, trie_build(grant), fingerprint_add_grant(FINGERPRINT_START, grant),
                     place);
}

/* What version VERSION declares for INSTALLATION, which has configured its own remotes. */
static bool compile_choice(struct build *build, const struct installation *installation,
                           uint32_t version, bool without_analytics, uint32_t *place)
{
    struct span keys[INSTALLATION_GROUPS_MAXIMUM];
    const struct manifest_choice choice = {.region = installation->region,
                                           .without_analytics = without_analytics,
                                           .without = keys,
                                           .without_count = installation->remote_count};
    struct grant grant;
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    for (size_t i = 0; i < installation->remote_count; i++)
        keys[i] = installation->remotes[i].key;
    bool done = arena != NULL &&
                manifest_grant_chosen(build->versions[version].manifest, &choice, arena, &grant) &&
                keep_grant(build, &grant, place);
    arena_free(arena);
    return done;
}

static bool find_choice(struct build *build, const struct installation *installation,
                        uint32_t version, bool without_analytics, uint32_t *place)
{
    char storage[CHOICE_SIZE];
    struct text text;
    text_init_fixed(&text, storage, sizeof(storage));
    text_add_decimal(&text, version);
    text_add_char(&text, without_analytics ? '-' : '+');
    text_add(&text, installation->region);
    for (size_t i = 0; i < installation->remote_count; i++) {
        text_add_char(&text, ' ');
        text_add(&text, installation->remotes[i].key);
    }
    if (look_up(&build->choices, text_span(&text), place))
        return true;
    return compile_choice(build, installation, version, without_analytics, place) &&
           remember(build, &build->choices, text_span(&text), *place);
}

/* ---- what an admin has configured ---------------------------------------------------- */

/* An endpoint takes a baseUrl's place, and that opens only what fetch.backend names. */
static bool backend_names(const struct manifest *manifest, struct span remote)
{
    const struct manifest_entries *backend = &manifest->lists[LIST_FETCH_BACKEND];
    for (size_t i = 0; i < backend->count; i++) {
        if (backend->items[i].form == ENTRY_REMOTE && span_equal(backend->items[i].text, remote))
            return true;
    }
    return false;
}

static size_t count_own(const struct installation *installation)
{
    size_t count = installation->remote_count;
    for (size_t i = 0; i < installation->group_count; i++)
        count += installation->groups[i].domain_count;
    return count;
}

/* Rules without a place: equal ones of two sites are one trie, the table knows where a site is. */
static void add_own_rules(const struct installation *installation, const struct manifest *manifest,
                          struct grant *grant)
{
    for (size_t i = 0; i < installation->group_count; i++) {
        const struct installation_group *group = &installation->groups[i];
        for (size_t k = 0; k < group->domain_count; k++) {
            if ((group->domains[k].lists & 1U << LIST_FETCH_BACKEND) == 0)
                continue;
            grant->rules[grant->count++] = (struct grant_rule){.address = group->domains[k].address,
                                                               .text = group->domains[k].text,
                                                               .list = GRANT_SITE_EGRESS};
        }
    }
    for (size_t i = 0; i < installation->remote_count; i++) {
        const struct installation_remote *remote = &installation->remotes[i];
        if (!backend_names(manifest, remote->key))
            continue;
        grant->rules[grant->count++] = (struct grant_rule){
            .address = remote->address, .text = remote->endpoint, .list = GRANT_SITE_REMOTE};
    }
}

static bool find_own_grant(struct build *build, const struct grant *grant, uint32_t *place)
{
    struct text text;
    bool done = false;
    text_init(&text, OWN_MAXIMUM);
    for (size_t i = 0; i < grant->count; i++) {
        text_add_char(&text, grant->rules[i].list == GRANT_SITE_EGRESS ? 'E' : 'R');
        text_add(&text, grant->rules[i].text); /* an address has no line end */
        text_add_char(&text, '\n');
    }
    if (!text.overflow)
        done = look_up(&build->owns, text_span(&text), place) ||
               (keep_grant(build, grant, place) &&
                remember(build, &build->owns, text_span(&text), *place));
    text_clear(&text);
    return done;
}

static bool find_own(struct build *build, const struct installation *installation, uint32_t version,
                     uint32_t *place)
{
    struct grant grant = {.file = build->installations->file};
    size_t most = count_own(installation);
    bool done = false;
    *place = 0;
    if (most == 0)
        return true;
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    if (arena != NULL)
        grant.rules = arena_allocate_array(arena, most, sizeof(*grant.rules));
    if (grant.rules != NULL) {
        add_own_rules(installation, build->versions[version].manifest, &grant);
        done = grant.count == 0 || find_own_grant(build, &grant, place);
    }
    arena_free(arena);
    return done;
}

/* ---- variants and entries --------------------------------------------------------------- */

static uint32_t version_of(const struct build *build, const struct installation *installation)
{
    uint32_t version = 0;
    while (build->versions[version].version.major != installation->approved)
        version++;
    return version;
}

static bool make_variant(struct build *build, const struct installation *installation,
                         struct table_variant *variant)
{
    bool off = installation->analytics_off;
    uint32_t newest = (uint32_t)build->table->version_count - 1;
    *variant = (struct table_variant){.version = version_of(build, installation)};
    if (!find_choice(build, installation, variant->version, off, &variant->approved) ||
        !find_choice(build, installation, variant->version, false, &variant->analytics) ||
        !find_choice(build, installation, newest, off, &variant->newest) ||
        !find_own(build, installation, variant->version, &variant->own))
        return false;
    if (variant->analytics == variant->approved)
        variant->analytics = 0;
    if (variant->newest == variant->approved || variant->version == newest)
        variant->newest = 0;
    return true;
}

static bool find_variant(struct build *build, const struct table_variant *variant, uint32_t *place)
{
    struct grant_table *table = build->table;
    const struct span bytes = {(const char *)variant, sizeof(*variant)};
    if (look_up(&build->variants, bytes, place))
        return true;
    if (!make_room((void **)&table->variants, table->variant_count, sizeof(*table->variants)))
        return false;
    *place = (uint32_t)table->variant_count;
    table->variants[table->variant_count++] = *variant;
    return remember(build, &build->variants, bytes, *place);
}

static uint64_t fingerprint_of(const struct build *build, uint32_t trie)
{
    return trie == 0 ? 0 : build->fingerprints[trie - 1];
}

static void add_fingerprint(struct build *build, const struct installation *installation,
                            const struct table_variant *variant)
{
    const struct version *version = &build->versions[variant->version].version;
    const uint64_t facts[] = {version->major,
                              version->minor,
                              installation->suspended,
                              installation->at.line,
                              installation->at.column,
                              fingerprint_of(build, variant->approved),
                              fingerprint_of(build, variant->own),
                              fingerprint_of(build, variant->analytics),
                              fingerprint_of(build, variant->newest)};
    uint64_t sum = fingerprint_add_span(build->table->fingerprint, installation->id);
    build->table->fingerprint = fingerprint_add(sum, facts, sizeof(facts));
}

static void add_to_index(struct grant_table *table, struct span id, uint32_t place)
{
    uint32_t at = table_bucket(table, id);
    while (table->index[at] != 0)
        at = at + 1 == table->index_size ? 0 : at + 1;
    table->index[at] = place + 1;
}

static bool add_installation(struct build *build, const struct installation *installation)
{
    struct grant_table *table = build->table;
    struct table_variant variant;
    struct position at = installation->at;
    struct table_entry entry = {
        .id_at = (uint32_t)table->id_bytes,
        .line = at.line,
        .column = (uint16_t)(at.column < COLUMN_MAXIMUM ? at.column : COLUMN_MAXIMUM),
        .id_length = (uint8_t)installation->id.length, /* policy_name_valid */
        .suspended = installation->suspended};
    if (!make_variant(build, installation, &variant) ||
        !find_variant(build, &variant, &entry.variant))
        return false;
    memcpy(table->ids + table->id_bytes, installation->id.data, installation->id.length);
    table->id_bytes += installation->id.length;
    table->entries[table->count] = entry;
    add_to_index(table, installation->id, (uint32_t)table->count);
    table->count++;
    add_fingerprint(build, installation, &variant);
    return true;
}

/* ---- the table -------------------------------------------------------------------------- */

static bool copy_versions(struct build *build, size_t count)
{
    struct grant_table *table = build->table;
    table->versions = calloc(count, sizeof(*table->versions));
    for (size_t i = 0; table->versions != NULL && i < count; i++) {
        const struct grant_version *version = &build->versions[i];
        table->versions[i] = (struct table_version){
            .version = version->version,
            .file = span_duplicate(span_of(version->manifest->file)),
            .app_managed = version->manifest->app_managed,
        };
        table->version_count++;
        if (table->versions[i].file == NULL)
            return false;
    }
    return table->versions != NULL;
}

static bool allocate(struct build *build, size_t version_count)
{
    const struct installations *installations = build->installations;
    struct grant_table *table = build->table;
    size_t ids = 1;
    for (size_t i = 0; i < installations->count; i++)
        ids += installations->items[i].id.length;
    table->key = trie_hash_key();
    table->fingerprint = FINGERPRINT_START;
    table->index_size = (uint32_t)installations->count * 2 + 1;
    table->index = calloc(table->index_size, sizeof(*table->index));
    table->entries = calloc(installations->count + 1, sizeof(*table->entries));
    table->ids = malloc(ids);
    table->file = span_duplicate(span_of(installations->file));
    build->arena = arena_new(ARENA_MAXIMUM);
    return table->index != NULL && table->entries != NULL && table->ids != NULL &&
           table->file != NULL && build->arena != NULL && copy_versions(build, version_count);
}

static bool fill(struct build *build, size_t version_count, struct trie *deployed)
{
    uint32_t unused;
    /* First, so that it is what others are compared with. */
    if (!allocate(build, version_count) || !keep_trie(build, trie_ref(deployed), 0, &unused))
        return false;
    for (size_t i = 0; i < build->installations->count; i++) {
        if (!add_installation(build, &build->installations->items[i]))
            return false;
    }
    return true;
}

struct grant_table *grant_table_new(const struct installations *installations,
                                    const struct grant_version *versions, size_t count,
                                    struct trie *deployed)
{
    struct grant_table *table = calloc(1, sizeof(*table));
    struct build build = {.installations = installations, .versions = versions, .table = table};
    if (table == NULL)
        return NULL;
    if (!fill(&build, count, deployed)) {
        grant_table_free(table);
        table = NULL;
    }
    tdestroy(build.choices, keep_nothing);
    tdestroy(build.owns, keep_nothing);
    tdestroy(build.variants, keep_nothing);
    free(build.fingerprints);
    arena_free(build.arena);
    return table;
}
