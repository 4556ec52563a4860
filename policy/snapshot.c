/*
 * The table of all policies: an array in the order of their names, and an open
 * addressing index over it, both written once. A new snapshot copies the array
 * and takes references; tries are never copied.
 */
#include "policy/snapshot.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/snapshot_private.h"
#include "policy/trie_hash.h"

struct index_slot {
    uint32_t hash;
    uint32_t place; /* in policies, from 1; 0: empty */
};

struct snapshot {
    atomic_size_t references;
    struct trie_hash_key key;
    struct index_slot *index;
    uint32_t index_size; /* more than count, so that a search always ends */
    char revision[17];
    size_t count;
    struct app_policy *policies[];
};

static uint32_t hash_names(const struct trie_hash_key *key, struct span app,
                           struct span environment)
{
    uint64_t state = key->start;
    if (environment.length > 0)
        state = trie_hash_label(key, state, environment);
    if (app.length > 0)
        state = trie_hash_label(key, state, app);
    return trie_hash_short(state);
}

static int compare_spans(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_names(const struct app_policy *policy, struct span app, struct span environment)
{
    int order = compare_spans(app_policy_app(policy), app);
    return order != 0 ? order : compare_spans(app_policy_environment(policy), environment);
}

static int compare_policies(const void *a, const void *b)
{
    const struct app_policy *const *left = a;
    const struct app_policy *const *right = b;
    return compare_names(*left, app_policy_app(*right), app_policy_environment(*right));
}

static void add_to_index(struct snapshot *snapshot, uint32_t place)
{
    const struct app_policy *policy = snapshot->policies[place];
    uint32_t hash =
        hash_names(&snapshot->key, app_policy_app(policy), app_policy_environment(policy));
    uint32_t at = trie_hash_bucket(hash, snapshot->index_size);
    while (snapshot->index[at].place != 0)
        at = at + 1 == snapshot->index_size ? 0 : at + 1;
    snapshot->index[at] = (struct index_slot){hash, place + 1};
}

/* Order does not matter to a sum, and each fingerprint is spread over all its bits first. */
static void set_revision(struct snapshot *snapshot)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        uint64_t spread = app_policy_fingerprint(snapshot->policies[i]);
        spread = (spread ^ spread >> 32) * 0x9E3779B97F4A7C15U;
        sum += spread ^ spread >> 29;
    }
    snprintf(snapshot->revision, sizeof(snapshot->revision), "%016" PRIx64, sum);
}

/* An empty snapshot with room for COUNT policies. */
static struct snapshot *snapshot_allocate(size_t count)
{
    struct snapshot *snapshot;
    if (count > UINT32_MAX / 4)
        return NULL;
    snapshot = malloc(sizeof(*snapshot) + count * sizeof(struct app_policy *));
    if (snapshot == NULL)
        return NULL;
    *snapshot = (struct snapshot){.key = trie_hash_key(), .index_size = (uint32_t)(count * 2 + 1)};
    atomic_init(&snapshot->references, 1);
    snapshot->index = calloc(snapshot->index_size, sizeof(*snapshot->index));
    if (snapshot->index == NULL) {
        free(snapshot);
        return NULL;
    }
    return snapshot;
}

/* Takes a reference for each of its policies, which lie in order, and makes the rest. */
static struct snapshot *snapshot_complete(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        app_policy_ref(snapshot->policies[i]);
        add_to_index(snapshot, (uint32_t)i);
    }
    set_revision(snapshot);
    return snapshot;
}

struct snapshot *snapshot_new(struct app_policy *const *policies, size_t count)
{
    struct snapshot *snapshot = snapshot_allocate(count);
    if (snapshot == NULL)
        return NULL;
    if (count > 0)
        memcpy(snapshot->policies, policies, count * sizeof(struct app_policy *));
    snapshot->count = count;
    qsort(snapshot->policies, count, sizeof(struct app_policy *), compare_policies);
    return snapshot_complete(snapshot);
}

/* The place of the first policy that is not before (APP, ENVIRONMENT). */
static size_t lower_bound(const struct snapshot *snapshot, struct span app, struct span environment)
{
    size_t from = 0, to = snapshot->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (compare_names(snapshot->policies[middle], app, environment) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct snapshot *snapshot_with(const struct snapshot *old, struct app_policy *policy)
{
    struct span app = app_policy_app(policy), environment = app_policy_environment(policy);
    size_t place = lower_bound(old, app, environment);
    bool replaces =
        place < old->count && compare_names(old->policies[place], app, environment) == 0;
    size_t behind = old->count - place - replaces;
    struct snapshot *snapshot = snapshot_allocate(old->count + !replaces);
    if (snapshot == NULL)
        return NULL;
    memcpy(snapshot->policies, old->policies, place * sizeof(struct app_policy *));
    snapshot->policies[place] = policy;
    memcpy(snapshot->policies + place + 1, old->policies + place + replaces,
           behind * sizeof(struct app_policy *));
    snapshot->count = place + 1 + behind;
    return snapshot_complete(snapshot);
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->count; i++)
        app_policy_unref(snapshot->policies[i]);
    free(snapshot->index);
    free(snapshot);
}

const struct app_policy *snapshot_find(const struct snapshot *snapshot, struct span app,
                                       struct span environment)
{
    uint32_t hash = hash_names(&snapshot->key, app, environment);
    uint32_t at = trie_hash_bucket(hash, snapshot->index_size);
    while (snapshot->index[at].place != 0) {
        const struct index_slot *slot = &snapshot->index[at];
        if (slot->hash == hash &&
            compare_names(snapshot->policies[slot->place - 1], app, environment) == 0)
            return snapshot->policies[slot->place - 1];
        at = at + 1 == snapshot->index_size ? 0 : at + 1;
    }
    return NULL;
}

bool snapshot_knows_app(const struct snapshot *snapshot, struct span app)
{
    size_t place = lower_bound(snapshot, app, SPAN(""));
    return place < snapshot->count &&
           compare_spans(app_policy_app(snapshot->policies[place]), app) == 0;
}

size_t snapshot_count(const struct snapshot *snapshot)
{
    return snapshot->count;
}

const struct app_policy *snapshot_at(const struct snapshot *snapshot, size_t index)
{
    return snapshot->policies[index];
}

const char *snapshot_revision(const struct snapshot *snapshot)
{
    return snapshot->revision;
}

/* Whether an earlier environment of the same app holds the trie of the policy at PLACE. */
static bool trie_counted(const struct snapshot *snapshot, size_t place)
{
    const struct app_policy *policy = snapshot->policies[place];
    while (place-- > 0) {
        const struct app_policy *earlier = snapshot->policies[place];
        if (compare_spans(app_policy_app(earlier), app_policy_app(policy)) != 0)
            return false;
        if (app_policy_trie(earlier) == app_policy_trie(policy))
            return true;
    }
    return false;
}

size_t snapshot_size(const struct snapshot *snapshot)
{
    size_t size = sizeof(*snapshot) + snapshot->index_size * sizeof(struct index_slot);
    for (size_t i = 0; i < snapshot->count; i++) {
        size += sizeof(struct app_policy *) + app_policy_own_size(snapshot->policies[i]);
        if (!trie_counted(snapshot, i))
            size += trie_size(app_policy_trie(snapshot->policies[i]));
    }
    return size;
}
