#include "policy/snapshot.h"

#include <check.h>
#include <stdlib.h>

#include "policy/trie_hash.h"
#include "test/policy/declared.h"
#include "test/suite.h"

static struct app_policy *make(const char *app, const char *environment, const char *address)
{
    struct declared declared;
    DECLARE(&declared, address);
    struct app_policy *policy = app_policy_new(span_of(app), span_of(environment), &declared.grant);
    ck_assert_ptr_nonnull(policy);
    return policy;
}

/* A snapshot of COUNT policies; takes the caller's references. */
static struct snapshot *gather(struct app_policy **policies, size_t count)
{
    struct snapshot *snapshot = snapshot_new(policies, count);
    ck_assert_ptr_nonnull(snapshot);
    for (size_t i = 0; i < count; i++)
        app_policy_unref(policies[i]);
    return snapshot;
}

static struct snapshot *two_apps(bool swapped)
{
    struct app_policy *policies[] = {make("demo", "development", "a.example.com"),
                                     make("demo", "production", "b.example.com"),
                                     make("other", "development", "c.example.com")};
    if (swapped) {
        struct app_policy *first = policies[0];
        policies[0] = policies[2];
        policies[2] = first;
    }
    return gather(policies, 3);
}

static const struct app_policy *find(const struct snapshot *snapshot, const char *app,
                                     const char *environment)
{
    return snapshot_find(snapshot, span_of(app), span_of(environment));
}

static bool allows(const struct snapshot *snapshot, const char *app, const char *environment,
                   const char *text)
{
    struct trie_answer answer;
    struct target target = target_of(text);
    const struct app_policy *policy = find(snapshot, app, environment);
    ck_assert_ptr_nonnull(policy);
    trie_find(app_policy_trie(policy), &target, &answer);
    return answer.match == TRIE_MATCH;
}

START_TEST(finds_each_environment_by_its_own_rules)
{
    struct snapshot *snapshot = two_apps(false);
    ck_assert(allows(snapshot, "demo", "development", "a.example.com"));
    ck_assert(!allows(snapshot, "demo", "production", "a.example.com"));
    ck_assert(allows(snapshot, "other", "development", "c.example.com"));
    ck_assert_str_eq(app_policy_file(find(snapshot, "demo", "production")), "manifest.yml");
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(does_not_find_what_is_not_there)
{
    struct snapshot *snapshot = two_apps(false);
    ck_assert_ptr_null(find(snapshot, "demo", "staging"));
    ck_assert_ptr_null(find(snapshot, "demodevelopment", ""));
    ck_assert_ptr_null(find(snapshot, "", ""));
    ck_assert(snapshot_knows_app(snapshot, SPAN("demo")));
    ck_assert(!snapshot_knows_app(snapshot, SPAN("dem")));
    ck_assert(!snapshot_knows_app(snapshot, SPAN("zzz")));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(answers_from_an_empty_snapshot)
{
    struct snapshot *snapshot = snapshot_new(NULL, 0);
    ck_assert_ptr_nonnull(snapshot);
    ck_assert_ptr_null(find(snapshot, "demo", "development"));
    ck_assert(!snapshot_knows_app(snapshot, SPAN("demo")));
    ck_assert_uint_eq(snapshot_count(snapshot), 0);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(lists_policies_by_app_and_environment)
{
    struct snapshot *snapshot = two_apps(true);
    ck_assert_uint_eq(snapshot_count(snapshot), 3);
    ck_assert_ptr_eq(snapshot_at(snapshot, 0), find(snapshot, "demo", "development"));
    ck_assert_ptr_eq(snapshot_at(snapshot, 1), find(snapshot, "demo", "production"));
    ck_assert_ptr_eq(snapshot_at(snapshot, 2), find(snapshot, "other", "development"));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(says_one_revision_whatever_the_order_and_the_hash_key)
{
    struct snapshot *one = two_apps(false);
    trie_hash_set_seed(4711);
    struct snapshot *other = two_apps(true);
    ck_assert_uint_eq(strlen(snapshot_revision(one)), 16);
    ck_assert_str_eq(snapshot_revision(one), snapshot_revision(other));
    snapshot_unref(one);
    snapshot_unref(other);
}
END_TEST

START_TEST(says_the_same_revision_in_every_process)
{
    struct app_policy *policy = make("demo", "development", "a.example.com");
    struct snapshot *snapshot = gather(&policy, 1);
    ck_assert_str_eq(snapshot_revision(snapshot), "8da05ef280c2d5ae");
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(says_another_revision_for_another_rule_or_place)
{
    struct declared declared;
    DECLARE(&declared, "a.example.com");
    struct app_policy *first = app_policy_new(SPAN("a"), SPAN("b"), &declared.grant);
    declared.rules[0].at.line++;
    struct app_policy *moved = app_policy_new(SPAN("a"), SPAN("b"), &declared.grant);
    struct app_policy *renamed = app_policy_new(SPAN("ab"), SPAN(""), &declared.grant);
    struct snapshot *snapshots[] = {gather(&first, 1), gather(&moved, 1), gather(&renamed, 1)};
    ck_assert_str_ne(snapshot_revision(snapshots[0]), snapshot_revision(snapshots[1]));
    ck_assert_str_ne(snapshot_revision(snapshots[1]), snapshot_revision(snapshots[2]));
    for (size_t i = 0; i < 3; i++)
        snapshot_unref(snapshots[i]);
}
END_TEST

START_TEST(replaces_one_policy_and_shares_the_others)
{
    struct snapshot *old = two_apps(false);
    struct app_policy *changed = make("demo", "production", "new.example.com");
    struct snapshot *snapshot = snapshot_with(old, changed);
    app_policy_unref(changed);
    ck_assert(allows(snapshot, "demo", "production", "new.example.com"));
    ck_assert(!allows(old, "demo", "production", "new.example.com"));
    ck_assert_ptr_eq(find(snapshot, "other", "development"), find(old, "other", "development"));
    ck_assert_uint_eq(snapshot_count(snapshot), 3);
    ck_assert_str_ne(snapshot_revision(snapshot), snapshot_revision(old));
    snapshot_unref(old);
    ck_assert(allows(snapshot, "demo", "development", "a.example.com"));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(adds_a_policy_wherever_its_name_belongs)
{
    static const char *const names[] = {"aaa", "middle", "zzz"};
    struct snapshot *snapshot = two_apps(false);
    for (size_t i = 0; i < 3; i++) {
        struct app_policy *added = make(names[i], "development", "n.example.com");
        struct snapshot *next = snapshot_with(snapshot, added);
        app_policy_unref(added);
        snapshot_unref(snapshot);
        snapshot = next;
        ck_assert(allows(snapshot, names[i], "development", "n.example.com"));
    }
    ck_assert_uint_eq(snapshot_count(snapshot), 6);
    ck_assert_ptr_eq(snapshot_at(snapshot, 0), find(snapshot, "aaa", "development"));
    ck_assert_ptr_eq(snapshot_at(snapshot, 3), find(snapshot, "middle", "development"));
    ck_assert_ptr_eq(snapshot_at(snapshot, 5), find(snapshot, "zzz", "development"));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(ends_a_series_of_changes_where_a_fresh_build_does)
{
    struct app_policy *fresh[8];
    struct snapshot *changed = snapshot_new(NULL, 0);
    for (size_t i = 0; i < 40; i++) {
        char app[8], address[32];
        snprintf(app, sizeof(app), "app%zu", i * 5 % 8);
        snprintf(address, sizeof(address), "h%zu.example.com", i);
        struct app_policy *policy = make(app, "development", address);
        struct snapshot *next = snapshot_with(changed, policy);
        snapshot_unref(changed);
        changed = next;
        if (i >= 32)
            fresh[i - 32] = app_policy_ref(policy);
        app_policy_unref(policy);
    }
    struct snapshot *built = gather(fresh, 8);
    ck_assert_str_eq(snapshot_revision(changed), snapshot_revision(built));
    ck_assert_uint_eq(snapshot_size(changed), snapshot_size(built));
    for (size_t i = 0; i < 8; i++)
        ck_assert_ptr_eq(snapshot_at(changed, i), snapshot_at(built, i));
    snapshot_unref(changed);
    snapshot_unref(built);
}
END_TEST

START_TEST(counts_a_shared_trie_once)
{
    struct app_policy *apart[] = {make("demo", "development", "a.example.com"),
                                  make("demo", "production", "a.example.com")};
    struct app_policy *shared[] = {make("demo", "development", "a.example.com"),
                                   make("demo", "production", "a.example.com")};
    ck_assert(app_policy_share_trie(shared[1], shared[0]));
    ck_assert_ptr_eq(app_policy_trie(shared[0]), app_policy_trie(shared[1]));
    size_t trie = trie_size(app_policy_trie(shared[0]));
    struct snapshot *two = gather(apart, 2), *one = gather(shared, 2);
    ck_assert_uint_eq(snapshot_size(two) - snapshot_size(one), trie);
    ck_assert_str_eq(snapshot_revision(two), snapshot_revision(one));
    snapshot_unref(two);
    snapshot_unref(one);
}
END_TEST

START_TEST(never_shares_tries_that_differ)
{
    struct app_policy *one = make("demo", "development", "a.example.com");
    struct app_policy *other = make("demo", "production", "b.example.com");
    ck_assert(!app_policy_share_trie(other, one));
    ck_assert_ptr_ne(app_policy_trie(one), app_policy_trie(other));
    app_policy_unref(one);
    app_policy_unref(other);
}
END_TEST

/* As many as one gateway is meant for. */
START_TEST(holds_ten_thousand_apps)
{
    static struct app_policy *policies[10000];
    char app[16];
    for (size_t i = 0; i < 10000; i++) {
        snprintf(app, sizeof(app), "app-%zu", i);
        policies[i] = make(app, "production", "a.example.com");
    }
    struct snapshot *snapshot = gather(policies, 10000);
    for (size_t i = 0; i < 10000; i++) {
        snprintf(app, sizeof(app), "app-%zu", i);
        ck_assert_ptr_eq(find(snapshot, app, "production"), policies[i]);
    }
    ck_assert_ptr_null(find(snapshot, "app-10000", "production"));
    snapshot_unref(snapshot);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("snapshot");
    TCase *tests = tcase_create("snapshot");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, finds_each_environment_by_its_own_rules);
    tcase_add_test(tests, does_not_find_what_is_not_there);
    tcase_add_test(tests, answers_from_an_empty_snapshot);
    tcase_add_test(tests, lists_policies_by_app_and_environment);
    tcase_add_test(tests, says_one_revision_whatever_the_order_and_the_hash_key);
    tcase_add_test(tests, says_the_same_revision_in_every_process);
    tcase_add_test(tests, says_another_revision_for_another_rule_or_place);
    tcase_add_test(tests, replaces_one_policy_and_shares_the_others);
    tcase_add_test(tests, adds_a_policy_wherever_its_name_belongs);
    tcase_add_test(tests, ends_a_series_of_changes_where_a_fresh_build_does);
    tcase_add_test(tests, counts_a_shared_trie_once);
    tcase_add_test(tests, never_shares_tries_that_differ);
    tcase_add_test(tests, holds_ten_thousand_apps);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
