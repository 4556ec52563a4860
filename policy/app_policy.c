/*
 * One (app, environment), compiled: names, the manifest's name and a trie in
 * one reference counted piece.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "policy/fingerprint.h"
#include "policy/snapshot.h"
#include "policy/snapshot_private.h"

struct app_policy {
    atomic_size_t references;
    struct trie *trie;
    struct grant_table *installations; /* NULL: nobody has installed it */
    struct narrow *narrow;             /* NULL: there is no narrow.yml */
    uint64_t fingerprint;
    struct policy_stamp stamp;
    struct span app; /* these three point into `names` */
    struct span environment;
    const char *file;
    char names[];
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static uint64_t fingerprint(const struct app_policy *policy, const struct grant *grant)
{
    uint64_t sum = fingerprint_add_span(FINGERPRINT_START, policy->app);
    sum = fingerprint_add_span(sum, policy->environment);
    sum = fingerprint_add_span(sum, span_of(base_name(policy->file)));
    return fingerprint_add_grant(sum, grant);
}

/* Copies TEXT and a NUL to *TO and moves it behind them. */
static struct span keep(char **to, struct span text)
{
    struct span kept = {*to, text.length};
    if (text.length > 0)
        memcpy(*to, text.data, text.length);
    (*to)[text.length] = '\0';
    *to += text.length + 1;
    return kept;
}

struct app_policy *app_policy_new(struct span app, struct span environment,
                                  const struct grant *grant)
{
    struct span file = span_of(grant->file);
    size_t names = app.length + environment.length + file.length + 3;
    struct app_policy *policy = malloc(sizeof(*policy) + names);
    if (policy == NULL)
        return NULL;
    *policy = (struct app_policy){.trie = trie_build(grant)};
    if (policy->trie == NULL) {
        free(policy);
        return NULL;
    }
    char *to = policy->names;
    atomic_init(&policy->references, 1);
    policy->app = keep(&to, app);
    policy->environment = keep(&to, environment);
    policy->file = keep(&to, file).data;
    policy->fingerprint = fingerprint(policy, grant);
    return policy;
}

struct app_policy *app_policy_ref(struct app_policy *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void app_policy_unref(struct app_policy *policy)
{
    if (policy == NULL)
        return;
    if (atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
        return;
    grant_table_free(policy->installations);
    narrow_free(policy->narrow);
    trie_unref(policy->trie);
    free(policy);
}

struct span app_policy_app(const struct app_policy *policy)
{
    return policy->app;
}

struct span app_policy_environment(const struct app_policy *policy)
{
    return policy->environment;
}

const char *app_policy_file(const struct app_policy *policy)
{
    return policy->file;
}

const struct trie *app_policy_trie(const struct app_policy *policy)
{
    return policy->trie;
}

struct trie *app_policy_own_trie(struct app_policy *policy)
{
    return policy->trie;
}

void app_policy_set_installations(struct app_policy *policy, struct grant_table *table)
{
    uint64_t of_table = grant_table_fingerprint(table);
    grant_table_free(policy->installations);
    policy->installations = table;
    policy->fingerprint = fingerprint_add(policy->fingerprint, &of_table, sizeof(of_table));
}

const struct grant_table *app_policy_installations(const struct app_policy *policy)
{
    return policy->installations;
}

void app_policy_set_narrow(struct app_policy *policy, struct narrow *narrow)
{
    uint64_t of_narrow = narrow_fingerprint(narrow);
    narrow_free(policy->narrow);
    policy->narrow = narrow;
    policy->fingerprint = fingerprint_add(policy->fingerprint, &of_narrow, sizeof(of_narrow));
}

const struct narrow *app_policy_narrow(const struct app_policy *policy)
{
    return policy->narrow;
}

void app_policy_set_stamp(struct app_policy *policy, const struct policy_stamp *stamp)
{
    policy->stamp = *stamp;
}

const struct policy_stamp *app_policy_stamp(const struct app_policy *policy)
{
    return &policy->stamp;
}

bool app_policy_share_trie(struct app_policy *policy, const struct app_policy *like)
{
    if (policy->trie == like->trie)
        return true;
    if (!trie_equal(policy->trie, like->trie))
        return false;
    if (policy->installations != NULL)
        grant_table_share(policy->installations, policy->trie, like->trie);
    trie_unref(policy->trie);
    policy->trie = trie_ref(like->trie);
    return true;
}

uint64_t app_policy_fingerprint(const struct app_policy *policy)
{
    return policy->fingerprint;
}

size_t app_policy_own_size(const struct app_policy *policy)
{
    struct span file = span_of(policy->file);
    size_t table =
        policy->installations == NULL ? 0 : grant_table_size(policy->installations, policy->trie);
    size_t narrow = policy->narrow == NULL ? 0 : narrow_size(policy->narrow);
    return sizeof(*policy) + policy->app.length + policy->environment.length + file.length + 3 +
           table + narrow;
}
