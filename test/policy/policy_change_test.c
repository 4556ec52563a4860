/*
 * Promises about changes of a few environments: only they are looked at, all others are the very
 * same policies, and whoever is not sure looks at everything.
 */
#include "policy/policy_change.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "policy/ledger_audit.h"
#include "policy/policy_directory.h"
#include "test/policy/tree.h"
#include "test/suite.h"

static char root[TREE_ROOT_SIZE];
static struct error error;
static struct policy_change change;
static const struct policy_options options = {.plain_http = false};

/* GIVEN ROOT/NAME, and the directories above it. */
static void write_file(const char *name, const char *content)
{
    tree_write(root, name, content);
}

#define DECLARES(host)                                                                             \
    "permissions: {external: {fetch: {backend: [{address: " host "}]}}}\n"                         \
    "app: {id: 'ari:cloud:ecosystem::app/x'}\n"

static void set_up(void)
{
    tree_begin(root);
    change = (struct policy_change){.whole = false};
    write_file("one/production/manifest.yml", DECLARES("one.example"));
    write_file("one/production/installations.yml", "installations: [{id: a, approved: 1}]\n");
    write_file("two/production/manifest.yml", DECLARES("two.example"));
    write_file("two/staging/manifest.yml", DECLARES("staging.example"));
}

static void tear_down(void)
{
    tree_end(root);
}

static struct snapshot *load_all(void)
{
    struct snapshot *snapshot = policy_directory_load(root, &options, NULL, &error);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    return snapshot;
}

static const struct app_policy *find(const struct snapshot *snapshot, const char *app,
                                     const char *environment)
{
    return snapshot_find(snapshot, span_of(app), span_of(environment));
}

START_TEST(names_each_place_once)
{
    policy_change_add(&change, SPAN("one/production"));
    policy_change_add(&change, SPAN("two/staging"));
    policy_change_add(&change, SPAN("one/production"));
    ck_assert_uint_eq(change.count, 2);
    ck_assert(policy_change_covers(&change, SPAN("two/staging/versions/1.1/manifest.yml")));
    ck_assert(!policy_change_covers(&change, SPAN("two/production/manifest.yml")));
    ck_assert(!policy_change_covers(&change, SPAN("one/production-2/manifest.yml")));
    ck_assert(!policy_change_covers(&change, SPAN("one/production")));
}
END_TEST

START_TEST(is_everything_where_a_name_is_none_or_there_are_too_many)
{
    static const char *const names[] = {"", "one", "one/", "/production", "one/x/y", "../x"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        change = (struct policy_change){.whole = false};
        policy_change_add(&change, span_of(names[i]));
        ck_assert_msg(change.whole, "%s", names[i]);
    }
    change = (struct policy_change){.whole = false};
    for (int i = 0; i <= POLICY_CHANGE_PLACES; i++) {
        char name[32];
        ck_assert(!change.whole);
        snprintf(name, sizeof(name), "app-%d/production", i);
        policy_change_add(&change, span_of(name));
    }
    ck_assert(change.whole);
    ck_assert(policy_change_covers(&change, SPAN("any/place/manifest.yml")));
}
END_TEST

START_TEST(leaves_every_other_policy_the_very_same)
{
    struct snapshot *old = load_all();
    write_file("one/production/installations.yml",
               "installations: [{id: a, approved: 1}, {id: b, approved: 1}]\n");
    write_file("two/staging/manifest.yml", "not: [looked at");
    policy_change_add(&change, SPAN("one/production"));
    struct snapshot *new = policy_directory_load_changed(root, &options, old, &change, &error);
    ck_assert_msg(new != NULL, "%s", error.message);
    ck_assert_ptr_ne(find(new, "one", "production"), find(old, "one", "production"));
    ck_assert_ptr_eq(find(new, "two", "production"), find(old, "two", "production"));
    ck_assert_ptr_eq(find(new, "two", "staging"), find(old, "two", "staging"));
    ck_assert_uint_eq(snapshot_count(new), 3);
    ck_assert_str_ne(snapshot_revision(new), snapshot_revision(old));
    snapshot_unref(old);
    snapshot_unref(new);
}
END_TEST

START_TEST(is_the_same_policy_that_a_look_at_everything_finds)
{
    struct snapshot *old = load_all();
    write_file("one/production/manifest.yml", DECLARES("new.example"));
    write_file("two/staging/manifest.yml", DECLARES("other.example"));
    policy_change_add(&change, SPAN("one/production"));
    policy_change_add(&change, SPAN("two/staging"));
    struct snapshot *new = policy_directory_load_changed(root, &options, old, &change, &error);
    struct snapshot *whole = load_all();
    ck_assert_ptr_nonnull(new);
    ck_assert_str_eq(snapshot_revision(new), snapshot_revision(whole));
    snapshot_unref(old);
    snapshot_unref(new);
    snapshot_unref(whole);
}
END_TEST

START_TEST(takes_nothing_new_where_one_of_them_does_not_load)
{
    struct snapshot *old = load_all();
    write_file("one/production/manifest.yml", DECLARES("new.example"));
    write_file("two/staging/manifest.yml", "permissions: [");
    policy_change_add(&change, SPAN("one/production"));
    policy_change_add(&change, SPAN("two/staging"));
    ck_assert_ptr_null(policy_directory_load_changed(root, &options, old, &change, &error));
    ck_assert_ptr_nonnull(strstr(error.file, "two/staging/manifest.yml"));
    policy_change_add(&change, SPAN("three/production"));
    ck_assert_ptr_null(policy_directory_load_changed(root, &options, old, &change, &error));
    snapshot_unref(old);
}
END_TEST

START_TEST(is_the_same_snapshot_where_nothing_of_the_policy_has_changed)
{
    struct snapshot *old = load_all();
    struct snapshot *new = policy_directory_load_changed(root, &options, old, &change, &error);
    ck_assert_ptr_eq(new, old);
    snapshot_unref(new);
    snapshot_unref(old);
}
END_TEST

/* ---- The ledger's audit ------------------------------------------------------------------- */

static unsigned troubles;
static char last_trouble[sizeof(error.file)];

static void count_trouble(void *context, const struct error *trouble)
{
    (void)context;
    troubles++;
    snprintf(last_trouble, sizeof(last_trouble), "%s", trouble->file);
}

/* GIVEN a ledger of one entry that names one/production's manifest with a DIGEST it does not have.
 */
static void begin_ledger(void)
{
    char digest[LEDGER_HASH_SIZE];
    struct ledger_head head;
    struct text line;
    ledger_head_init(&head);
    memset(digest, 'a', sizeof(digest) - 1);
    digest[sizeof(digest) - 1] = '\0';
    const struct ledger_entry entry = {
        .n = 1,
        .time = SPAN("2026-01-02T03:04:05.678901Z"),
        .event = SPAN("deploy"),
        .previous = span_of(head.hash),
        .files = {{SPAN("one/production/manifest.yml"), {digest, LEDGER_HASH_SIZE - 1}}},
        .file_count = 1};
    text_init(&line, LEDGER_LINE_MAXIMUM + 1);
    ck_assert(ledger_entry_write(&entry, &line));
    text_add_char(&line, '\0');
    write_file(LEDGER_FILE_NAME, line.data);
    text_clear(&line);
}

static unsigned audit(struct ledger_audit *audit, const struct policy_change *changed)
{
    troubles = 0;
    enum ledger_state state = ledger_audit_run(audit, changed, count_trouble, NULL, &error);
    ck_assert(state == LEDGER_WHOLE || state == LEDGER_AMISS);
    return troubles;
}

START_TEST(the_audit_looks_at_what_changed_and_at_what_new_entries_name)
{
    struct ledger_audit book;
    begin_ledger();
    ck_assert(ledger_audit_init(&book, root, &error));
    policy_change_add(&change, SPAN("two/staging"));
    ck_assert_uint_eq(audit(&book, &change), 2); /* the entry is new; no entry names the file */
    ck_assert_ptr_nonnull(strstr(last_trouble, "two/staging/manifest.yml"));
    ck_assert_uint_eq(audit(&book, &change), 1);
    change = (struct policy_change){.whole = false};
    ck_assert_uint_eq(audit(&book, &change), 0);
    policy_change_add(&change, SPAN("one/production"));
    ck_assert_uint_eq(audit(&book, &change), 2);
    ck_assert_uint_eq(audit(&book, NULL), 4);
    change.whole = true;
    ck_assert_uint_eq(audit(&book, &change), 4);
    ledger_audit_clear(&book);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy_change");
    TCase *promises = tcase_create("promises");
    tcase_add_checked_fixture(promises, set_up, tear_down);
    tcase_add_test(promises, names_each_place_once);
    tcase_add_test(promises, is_everything_where_a_name_is_none_or_there_are_too_many);
    tcase_add_test(promises, leaves_every_other_policy_the_very_same);
    tcase_add_test(promises, is_the_same_policy_that_a_look_at_everything_finds);
    tcase_add_test(promises, takes_nothing_new_where_one_of_them_does_not_load);
    tcase_add_test(promises, is_the_same_snapshot_where_nothing_of_the_policy_has_changed);
    tcase_add_test(promises, the_audit_looks_at_what_changed_and_at_what_new_entries_name);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
