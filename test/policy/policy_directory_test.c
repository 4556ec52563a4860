#include "policy/policy_directory.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/decision.h"
#include "test/policy/tree.h"
#include "test/suite.h"

static char root[TREE_ROOT_SIZE];
static struct error error;
static struct policy_options options;

static void start(void)
{
    tree_begin(root);
    options = (struct policy_options){0};
    error = (struct error){0};
}

static void end(void)
{
    tree_end(root);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

/* Makes the directories above ROOT/NAME too. */
static void write_file(const char *name, const char *content)
{
    tree_write(root, name, content);
}

/* A manifest that declares ADDRESS on line 5, column 11. */
static void declare(const char *name, const char *address)
{
    char content[512];
    snprintf(content, sizeof(content),
             "permissions:\n  external:\n    fetch:\n      backend:\n        - address: %s\n"
             "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
             "environment: {variables: [API_HOST]}\n",
             address);
    write_file(name, content);
}

static struct snapshot *load(const struct snapshot *previous)
{
    return policy_directory_load(root, &options, previous, &error);
}

/* THEN there is no snapshot, and the error is at ROOT/NAME and says WHY. */
static void expect_error(const char *name, const char *why)
{
    ck_assert_ptr_null(load(NULL));
    ck_assert_str_eq(error.file, name == NULL ? root : path_of(name));
    ck_assert_msg(strstr(error.message, why) != NULL, "%s", error.message);
}

static struct decision ask(const struct snapshot *snapshot, const char *app,
                           const char *environment, const char *text)
{
    struct decision decision;
    struct target target;
    struct error ignored;
    const struct subject subject = {span_of(app), span_of(environment), SPAN("")};
    ck_assert(target_parse(span_of(text), &target, &ignored));
    decide(snapshot, &subject, &target, &decision);
    return decision;
}

static const struct app_policy *find(const struct snapshot *snapshot, const char *app,
                                     const char *environment)
{
    return snapshot_find(snapshot, span_of(app), span_of(environment));
}

/* Files are known again only when they are older than the grain of file times. */
static void let_files_age(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
}

START_TEST(reads_every_environment_of_every_app)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("demo/production/manifest.yml", "b.example.com");
    declare("other/development/manifest.yml", "c.example.com");
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_uint_eq(snapshot_count(snapshot), 3);
    struct decision decision = ask(snapshot, "demo", "production", "b.example.com");
    ck_assert_int_eq(decision.verdict, VERDICT_ALLOW);
    ck_assert_str_eq(decision.rule.file, path_of("demo/production/manifest.yml"));
    ck_assert_uint_eq(decision.rule.at.line, 5);
    ck_assert_int_eq(ask(snapshot, "demo", "development", "b.example.com").verdict, VERDICT_DENY);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(reads_manifests_in_their_other_forms)
{
    declare("demo/one/manifest.yaml", "a.example.com");
    write_file("demo/two/manifest.json", "{\"app\": {\"id\": \"ari:cloud:ecosystem::app/x\"}, "
                                         "\"permissions\": {\"external\": {\"fetch\": "
                                         "{\"backend\": [\"b.example.com\"]}}}}");
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_int_eq(ask(snapshot, "demo", "one", "a.example.com").verdict, VERDICT_ALLOW);
    ck_assert_int_eq(ask(snapshot, "demo", "two", "b.example.com").verdict, VERDICT_ALLOW);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(puts_variables_into_their_own_environment)
{
    declare("demo/development/manifest.yml", "${API_HOST}");
    declare("demo/production/manifest.yml", "${API_HOST}");
    write_file("demo/development/variables.yml", "API_HOST: dev.example.com\n");
    write_file("demo/production/variables.yml", "API_HOST: prod.example.com\n");
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_int_eq(ask(snapshot, "demo", "development", "dev.example.com").verdict,
                     VERDICT_ALLOW);
    ck_assert_int_eq(ask(snapshot, "demo", "production", "dev.example.com").verdict, VERDICT_DENY);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(passes_over_hidden_names_and_the_ledger)
{
    declare("demo/development/manifest.yml", "a.example.com");
    write_file(".git/config", "");
    write_file("demo/.hidden", "");
    write_file("ledger.jsonl", "");
    write_file("demo/development/notes.txt", "");
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_uint_eq(snapshot_count(snapshot), 1);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(follows_links_to_where_the_apps_are)
{
    declare(".data/demo/development/manifest.yml", "a.example.com");
    ck_assert_int_eq(symlink(".data/demo", path_of("demo")), 0);
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_ptr_nonnull(find(snapshot, "demo", "development"));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(refuses_an_empty_directory)
{
    expect_error(NULL, "there is no app in it; expected DIR/APP/ENVIRONMENT/manifest.yml");
}
END_TEST

START_TEST(refuses_a_directory_that_is_not_there)
{
    end();
    expect_error(NULL, "cannot be read: No such file or directory");
}
END_TEST

START_TEST(refuses_an_app_without_environments)
{
    ck_assert_int_eq(mkdir(path_of("demo"), 0777), 0);
    expect_error("demo", "the app has no environment");
}
END_TEST

START_TEST(refuses_an_environment_without_a_manifest)
{
    write_file("demo/development/variables.yml", "A: b\n");
    expect_error("demo/development", "there is no manifest.yml");
}
END_TEST

START_TEST(refuses_two_manifests_in_one_environment)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("demo/development/manifest.json", "b.example.com");
    expect_error("demo/development/manifest.json", "a second manifest");
}
END_TEST

START_TEST(refuses_names_that_no_app_can_have)
{
    declare("Demo/development/manifest.yml", "a.example.com");
    expect_error(NULL, "\"Demo\" cannot be the name of an app");
}
END_TEST

START_TEST(refuses_names_that_no_environment_can_have)
{
    declare("demo/de_v/manifest.yml", "a.example.com");
    expect_error("demo", "\"de_v\" cannot be the name of an environment");
}
END_TEST

START_TEST(refuses_a_file_where_an_app_should_be)
{
    write_file("demo", "");
    expect_error("demo", "cannot be read: Not a directory");
}
END_TEST

START_TEST(names_the_first_bad_file_with_its_place)
{
    declare("a/development/manifest.yml", "a.example.com");
    declare("b/development/manifest.yml", "no spaces here");
    declare("c/development/manifest.yml", "also bad");
    expect_error("b/development/manifest.yml", "space");
    ck_assert_uint_eq(error.at.line, 5);
}
END_TEST

START_TEST(refuses_plain_http_unless_it_is_allowed)
{
    declare("demo/development/manifest.yml", "http://a.example.com");
    expect_error("demo/development/manifest.yml", "http");
    options.plain_http = true;
    struct snapshot *snapshot = load(NULL);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_int_eq(ask(snapshot, "demo", "development", "http://a.example.com").verdict,
                     VERDICT_ALLOW);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(shares_what_has_not_changed_and_reads_what_has)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("demo/production/manifest.yml", "b.example.com");
    let_files_age();
    struct snapshot *old = load(NULL);
    declare("demo/production/manifest.yml", "c.example.com");
    struct snapshot *snapshot = load(old);
    ck_assert_msg(snapshot != NULL, "%s", error.message);
    ck_assert_ptr_eq(find(snapshot, "demo", "development"), find(old, "demo", "development"));
    ck_assert_ptr_ne(find(snapshot, "demo", "production"), find(old, "demo", "production"));
    ck_assert_int_eq(ask(snapshot, "demo", "production", "c.example.com").verdict, VERDICT_ALLOW);
    snapshot_unref(old);
    snapshot_unref(snapshot);
}
END_TEST

/* The same size within one tick of the clock: times and sizes could not tell. */
START_TEST(never_trusts_the_times_of_a_file_just_written)
{
    declare("demo/development/manifest.yml", "a.example.com");
    struct snapshot *old = load(NULL);
    declare("demo/development/manifest.yml", "b.example.com");
    struct snapshot *snapshot = load(old);
    ck_assert_int_eq(ask(snapshot, "demo", "development", "b.example.com").verdict, VERDICT_ALLOW);
    snapshot_unref(old);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(reads_again_when_variables_come_or_go)
{
    declare("demo/development/manifest.yml", "a.example.com");
    let_files_age();
    struct snapshot *old = load(NULL);
    write_file("demo/development/variables.yml", "A: b\n");
    struct snapshot *with = load(old);
    ck_assert_ptr_ne(find(with, "demo", "development"), find(old, "demo", "development"));
    ck_assert_int_eq(unlink(path_of("demo/development/variables.yml")), 0);
    struct snapshot *without = load(with);
    ck_assert_ptr_ne(find(without, "demo", "development"), find(with, "demo", "development"));
    snapshot_unref(old);
    snapshot_unref(with);
    snapshot_unref(without);
}
END_TEST

START_TEST(forgets_what_plain_http_had_allowed)
{
    declare("demo/development/manifest.yml", "http://a.example.com");
    let_files_age();
    options.plain_http = true;
    struct snapshot *old = load(NULL);
    ck_assert_ptr_nonnull(old);
    options.plain_http = false;
    ck_assert_ptr_null(load(old));
    snapshot_unref(old);
}
END_TEST

START_TEST(drops_an_app_that_is_gone)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("demo/production/manifest.yml", "a.example.com");
    struct snapshot *old = load(NULL);
    ck_assert_int_eq(unlink(path_of("demo/production/manifest.yml")), 0);
    ck_assert_int_eq(rmdir(path_of("demo/production")), 0);
    struct snapshot *snapshot = load(old);
    ck_assert_ptr_null(find(snapshot, "demo", "production"));
    snapshot_unref(old);
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(shares_the_trie_of_environments_that_declare_the_same)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("demo/production/manifest.yml", "a.example.com");
    declare("demo/staging/manifest.yml", "b.example.com");
    struct snapshot *snapshot = load(NULL);
    const struct trie *development = app_policy_trie(find(snapshot, "demo", "development"));
    ck_assert_ptr_eq(development, app_policy_trie(find(snapshot, "demo", "production")));
    ck_assert_ptr_ne(development, app_policy_trie(find(snapshot, "demo", "staging")));
    ck_assert_str_eq(ask(snapshot, "demo", "production", "a.example.com").rule.file,
                     path_of("demo/production/manifest.yml"));
    snapshot_unref(snapshot);
}
END_TEST

START_TEST(reads_one_environment_without_the_others)
{
    declare("demo/development/manifest.yml", "a.example.com");
    declare("broken/development/manifest.yml", "not an address");
    struct app_policy *policy =
        policy_directory_load_one(root, SPAN("demo"), SPAN("development"), &options, &error);
    ck_assert_msg(policy != NULL, "%s", error.message);
    ck_assert_uint_eq(trie_rule_count(app_policy_trie(policy)), 1);
    app_policy_unref(policy);
    ck_assert_ptr_null(
        policy_directory_load_one(root, SPAN("demo"), SPAN("production"), &options, &error));
    ck_assert_str_eq(error.file, path_of("demo/production"));
}
END_TEST

START_TEST(knows_what_an_app_may_be_called)
{
    char longest[65];
    memset(longest, 'a', 64);
    ck_assert(policy_name_valid((struct span){longest, 63}));
    ck_assert(!policy_name_valid((struct span){longest, 64}));
    ck_assert(policy_name_valid(SPAN("0-a")));
    ck_assert(!policy_name_valid(SPAN("")));
    ck_assert(!policy_name_valid(SPAN("-a")));
    ck_assert(!policy_name_valid(SPAN("a.b")));
    ck_assert(!policy_name_valid(SPAN("..")));
    ck_assert(!policy_name_valid(SPAN("a/b")));
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("policy_directory");
    TCase *tests = tcase_create("policy_directory");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, reads_every_environment_of_every_app);
    tcase_add_test(tests, reads_manifests_in_their_other_forms);
    tcase_add_test(tests, puts_variables_into_their_own_environment);
    tcase_add_test(tests, passes_over_hidden_names_and_the_ledger);
    tcase_add_test(tests, follows_links_to_where_the_apps_are);
    tcase_add_test(tests, refuses_an_empty_directory);
    tcase_add_test(tests, refuses_a_directory_that_is_not_there);
    tcase_add_test(tests, refuses_an_app_without_environments);
    tcase_add_test(tests, refuses_an_environment_without_a_manifest);
    tcase_add_test(tests, refuses_two_manifests_in_one_environment);
    tcase_add_test(tests, refuses_names_that_no_app_can_have);
    tcase_add_test(tests, refuses_names_that_no_environment_can_have);
    tcase_add_test(tests, refuses_a_file_where_an_app_should_be);
    tcase_add_test(tests, names_the_first_bad_file_with_its_place);
    tcase_add_test(tests, refuses_plain_http_unless_it_is_allowed);
    tcase_add_test(tests, shares_what_has_not_changed_and_reads_what_has);
    tcase_add_test(tests, never_trusts_the_times_of_a_file_just_written);
    tcase_add_test(tests, reads_again_when_variables_come_or_go);
    tcase_add_test(tests, forgets_what_plain_http_had_allowed);
    tcase_add_test(tests, drops_an_app_that_is_gone);
    tcase_add_test(tests, shares_the_trie_of_environments_that_declare_the_same);
    tcase_add_test(tests, reads_one_environment_without_the_others);
    tcase_add_test(tests, knows_what_an_app_may_be_called);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
