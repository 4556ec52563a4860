/*
 * An address in narrow.yml that nothing declares is most likely a slip of the pen,
 * and what it was meant to shut stays open: so it is refused.
 */
#include "policy/policy_narrow.h"

/* What an address may be covered by, in the order of how cheap it is to ask. */
struct coverage {
    const struct app_policy *policy;
    const struct manifest *manifest;
    struct arena *arena;
    struct trie *regions[MANIFEST_REGION_COUNT]; /* built when somebody asks */
    bool regions_built;
};

static bool out_of_memory(const char *path, struct error *error)
{
    error_set_at(error, path, (struct position){0, 0}, "too much to hold in memory");
    return false;
}

/*
 * A target that exactly those rules cover that cover all of ADDRESS: no rule stands at the host
 * "*.example.com", so what covers it is a wildcard there or above. False: no name is that long.
 */
static bool target_of(const struct address *address, struct target *target)
{
    const char *front = address->scheme == SCHEME_ANY ? "*" : address->wildcard ? "*." : "";
    *target =
        (struct target){.scheme = address->scheme, .host = address->host, .port = address->port};
    int length =
        snprintf(target->host.text, sizeof(target->host.text), "%s%s", front, address->host.text);
    if (length < 0 || (size_t)length >= sizeof(target->host.text))
        return false;
    target->host.length = (uint8_t)length;
    return true;
}

static bool trie_covers(const struct trie *trie, const struct target *target)
{
    struct trie_answer answer;
    trie_find(trie, target, &answer);
    return answer.match == TRIE_MATCH;
}

/* Where memory is out a region's trie is missing, and the address is refused. */
static void build_regions(struct coverage *coverage)
{
    coverage->regions_built = true;
    for (size_t i = 0; i < MANIFEST_REGION_COUNT; i++) {
        struct grant grant;
        if (manifest_grant(coverage->manifest, span_of(manifest_regions[i]), coverage->arena,
                           &grant))
            coverage->regions[i] = trie_build(&grant);
    }
}

static bool a_region_covers(struct coverage *coverage, const struct target *target)
{
    if (!coverage->regions_built)
        build_regions(coverage);
    for (size_t i = 0; i < MANIFEST_REGION_COUNT; i++) {
        if (coverage->regions[i] != NULL && trie_covers(coverage->regions[i], target))
            return true;
    }
    return false;
}

static bool is_covered(struct coverage *coverage, const struct address *address)
{
    const struct grant_table *table = app_policy_installations(coverage->policy);
    struct target target;
    if (!target_of(address, &target))
        return false;
    return trie_covers(app_policy_trie(coverage->policy), &target) ||
           (table != NULL && grant_table_covers(table, &target)) ||
           a_region_covers(coverage, &target);
}

static void check_addresses(const struct narrow_file *file, struct coverage *coverage,
                            struct findings *findings)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct narrow_entry *entry = &file->items[i];
        if (is_covered(coverage, &entry->address))
            continue;
        finding_add(findings, FINDING_ERROR, "undeclared", entry->at, (struct position){0, 0},
                    "%s is not declared by %s, so there is nothing to narrow; name an address "
                    "that it declares, with its scheme and port, or one below its wildcard",
                    FINDING_QUOTE(entry->text), coverage->manifest->file);
    }
    for (size_t i = 0; i < MANIFEST_REGION_COUNT; i++)
        trie_unref(coverage->regions[i]);
}

static bool add_narrow(const struct narrow_file *file, struct app_policy *policy,
                       struct findings *findings, struct error *error)
{
    struct narrow *narrow = narrow_new(file, findings);
    if (narrow == NULL)
        return !findings_error(findings, error) && out_of_memory(file->file, error);
    app_policy_set_narrow(policy, narrow);
    return true;
}

static bool load(const struct yaml_document *document, struct coverage *coverage,
                 struct app_policy *policy, struct error *error)
{
    struct findings findings;
    const char *path = yaml_document_file(document);
    findings_init(&findings, coverage->arena, path);
    const struct narrow_file *file = narrow_file_read(document, coverage->arena, &findings);
    if (file == NULL)
        return out_of_memory(path, error);
    if (findings_error(&findings, error))
        return false;
    check_addresses(file, coverage, &findings);
    return !findings_error(&findings, error) && add_narrow(file, policy, &findings, error);
}

bool policy_narrow_load(const char *path, const struct manifest *manifest,
                        struct app_policy *policy, struct arena *arena, struct error *error)
{
    struct coverage coverage = {.policy = policy, .manifest = manifest, .arena = arena};
    struct yaml_document *document = yaml_document_read_within(path, &narrow_limits, error);
    bool loaded = document != NULL && load(document, &coverage, policy, error);
    yaml_document_free(document);
    return loaded;
}
