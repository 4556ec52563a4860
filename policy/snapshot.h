/*
 * All apps × environments, compiled: what every decision is made from. A
 * snapshot is immutable and reference counted; a change to one app makes a new
 * snapshot that shares all the other apps' tries with the old one.
 */
#ifndef SALLYPORT_POLICY_SNAPSHOT_H
#define SALLYPORT_POLICY_SNAPSHOT_H

#include "policy/grant_table.h"
#include "policy/narrow.h"

/* One (app, environment), compiled. Immutable once shared, reference counted. */
struct app_policy;

/*
 * What a loader remembers of the files that a policy was made from, to know
 * later whether they have changed; its own, opaque here. All zero: never the same.
 */
struct policy_stamp {
    uint64_t words[29];
};

/*
 * Compiles GRANT (file name, texts are copied). NULL: memory is out. The caller
 * holds one reference.
 */
struct app_policy *app_policy_new(struct span app, struct span environment,
                                  const struct grant *grant);
struct app_policy *app_policy_ref(struct app_policy *policy);
void app_policy_unref(struct app_policy *policy);

struct span app_policy_app(const struct app_policy *policy);
struct span app_policy_environment(const struct app_policy *policy);
const char *app_policy_file(const struct app_policy *policy);
const struct trie *app_policy_trie(const struct app_policy *policy);

/*
 * Who has installed it; takes TABLE over. Once, and only before POLICY is given to anybody else.
 * Without it, every installation is unknown.
 */
void app_policy_set_installations(struct app_policy *policy, struct grant_table *table);

/* NULL: there is no installations.yml. */
const struct grant_table *app_policy_installations(const struct app_policy *policy);

/*
 * What of the declared may be used; takes NARROW over. Once, and only before POLICY is given to
 * anybody else.
 */
void app_policy_set_narrow(struct app_policy *policy, struct narrow *narrow);

/* NULL: there is no narrow.yml. */
const struct narrow *app_policy_narrow(const struct app_policy *policy);

/* Only before POLICY is given to anybody else. */
void app_policy_set_stamp(struct app_policy *policy, const struct policy_stamp *stamp);
const struct policy_stamp *app_policy_stamp(const struct app_policy *policy);

/*
 * Only before POLICY is given to anybody else: lets it use LIKE's trie where it is equal to its own
 * (environments of one app mostly are). True: they share it now.
 */
bool app_policy_share_trie(struct app_policy *policy, const struct app_policy *like);

struct snapshot;

/*
 * A snapshot of COUNT policies (any order; no (app, environment) twice); takes a
 * reference to each. NULL: memory is out. The caller holds one reference.
 */
struct snapshot *snapshot_new(struct app_policy *const *policies, size_t count);

/*
 * Like OLD but for one policy, which is added or takes the place of its
 * predecessor. Costs a copy of the table and a reference for each policy.
 */
struct snapshot *snapshot_with(const struct snapshot *old, struct app_policy *policy);

/* Safe from any thread; the last unref frees. snapshot_unref takes NULL. */
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* NULL: no such app or environment. Valid as long as the snapshot. */
const struct app_policy *snapshot_find(const struct snapshot *snapshot, struct span app,
                                       struct span environment);

/* True: the app has at least one environment. */
bool snapshot_knows_app(const struct snapshot *snapshot, struct span app);

size_t snapshot_count(const struct snapshot *snapshot);

/* By app, then by environment; INDEX below snapshot_count. Valid as long as the snapshot. */
const struct app_policy *snapshot_at(const struct snapshot *snapshot, size_t index);

/*
 * 16 hex digits and NUL: follows from the policies' contents alone (names, file's
 * base name, rules with their places), so that two proxies with the same policy say the same
 * revision. FNV-1a, 64 bits: it tells versions apart, it is no proof against forgery.
 */
const char *snapshot_revision(const struct snapshot *snapshot);

/* Bytes of memory held; a trie that several environments of an app share counts once. */
size_t snapshot_size(const struct snapshot *snapshot);

#endif
