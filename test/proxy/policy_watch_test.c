/* Promises of proxy/policy_watch: one call for a change that has come to rest, none without one. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/policy_watch.h"
#include "test/suite.h"

#define DEBOUNCE 30

static char root[64], policy[128];
static struct event_base *base;
static struct policy_watch *watch;
static int calls;

static struct policy_change told; /* by the last call */

static void on_changed(void *context, const struct policy_change *change)
{
    (void)context;
    told = *change;
    calls++;
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", policy, name);
    return path;
}

static void write_file(const char *name)
{
    int fd = open(path_of(name), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static void make_directory(const char *name)
{
    ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
}

static void begin(void)
{
    struct error error;
    strcpy(root, "/tmp/sallyport-watch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(policy, sizeof(policy), "%s/policy", root);
    ck_assert_int_eq(mkdir(policy, 0700), 0);
    make_directory("app");
    make_directory("app/production");
    write_file("app/production/manifest.yml");
    base = event_base_new();
    watch = policy_watch_new(base, policy, DEBOUNCE, on_changed, NULL, &error);
    ck_assert_msg(watch != NULL, "%s", error.message);
    calls = 0;
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *walk)
{
    (void)file;
    (void)type;
    (void)walk;
    return remove(path);
}

static void end(void)
{
    policy_watch_free(watch);
    event_base_free(base);
    ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void run_for(unsigned milliseconds)
{
    const struct timeval interval = {.tv_usec = (suseconds_t)milliseconds * 1000};
    event_base_loopexit(base, &interval);
    event_base_dispatch(base);
}

/* Until the callback has come; then as long again as a second one would need. */
static void wait_for_call(void)
{
    for (int i = 0; i < 100 && calls == 0; i++)
        run_for(20);
    run_for(DEBOUNCE * 3);
}

START_TEST(is_silent_while_nothing_changes)
{
    run_for(DEBOUNCE * 5);
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(tells_of_a_file_written_anew)
{
    write_file("app/production/manifest.yml");
    wait_for_call();
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(tells_once_of_many_changes_that_come_together)
{
    for (int i = 0; i < 20; i++)
        write_file("app/production/manifest.yml");
    write_file("app/production/variables.yml");
    wait_for_call();
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(tells_of_a_file_renamed_into_place)
{
    char from[512];
    write_file("app/production/.manifest.yml.new");
    run_for(DEBOUNCE * 3);
    ck_assert_int_eq(calls, 0);
    snprintf(from, sizeof(from), "%s", path_of("app/production/.manifest.yml.new"));
    ck_assert_int_eq(rename(from, path_of("app/production/manifest.yml")), 0);
    wait_for_call();
    ck_assert_int_eq(calls, 1);
}
END_TEST

/* A debounce of a quarter of an hour would be waited for by whatever is not whole at once. */
START_TEST(does_not_wait_for_more_where_a_file_is_renamed_into_place)
{
    struct error error;
    char from[512];
    policy_watch_free(watch);
    watch = policy_watch_new(base, policy, 900000, on_changed, NULL, &error);
    ck_assert_ptr_nonnull(watch);
    write_file("app/production/installations.yml.new");
    write_file("ledger.jsonl");
    snprintf(from, sizeof(from), "%s", path_of("app/production/installations.yml.new"));
    ck_assert_int_eq(rename(from, path_of("app/production/installations.yml")), 0);
    for (int i = 0; i < 500 && calls == 0; i++)
        run_for(20);
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(watches_a_version_that_appears)
{
    make_directory("app/production/versions");
    make_directory("app/production/versions/1.1");
    wait_for_call();
    calls = 0;
    write_file("app/production/versions/1.1/manifest.yml");
    wait_for_call();
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(watches_an_app_that_appears)
{
    make_directory("new");
    make_directory("new/staging");
    wait_for_call();
    calls = 0;
    write_file("new/staging/manifest.yml");
    wait_for_call();
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(tells_of_a_directory_put_in_the_place_of_the_old_one)
{
    char other[192];
    snprintf(other, sizeof(other), "%s/other", root);
    ck_assert_int_eq(mkdir(other, 0700), 0);
    run_for(DEBOUNCE * 3);
    ck_assert_int_eq(calls, 0);
    char away[192];
    snprintf(away, sizeof(away), "%s/away", root);
    ck_assert_int_eq(rename(policy, away), 0);
    ck_assert_int_eq(rename(other, policy), 0);
    wait_for_call();
    calls = 0;
    make_directory("app");
    wait_for_call();
    ck_assert_int_ge(calls, 1);
}
END_TEST

START_TEST(tells_which_environments_have_changed)
{
    make_directory("app/staging");
    make_directory("app/production/versions");
    make_directory("app/production/versions/1.1");
    wait_for_call();
    ck_assert(told.whole); /* there are directories that it did not know */
    calls = 0;
    write_file("app/production/versions/1.1/manifest.yml");
    write_file("app/production/installations.yml");
    write_file("ledger.jsonl");
    wait_for_call();
    ck_assert(!told.whole);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_str_eq(told.places[0], "app/production");
    calls = 0;
    write_file("app/staging/variables.yml");
    wait_for_call();
    ck_assert(!told.whole);
    ck_assert_str_eq(told.places[0], "app/staging");
}
END_TEST

START_TEST(tells_every_name_of_a_directory_that_has_several)
{
    ck_assert_int_eq(symlink("production", path_of("app/linked")), 0);
    wait_for_call();
    calls = 0;
    write_file("app/production/manifest.yml");
    wait_for_call();
    ck_assert(!told.whole);
    ck_assert_uint_eq(told.count, 2);
}
END_TEST

START_TEST(says_that_anything_may_have_changed_where_it_is_not_sure)
{
    static const char *const names[] = {"stray.yml", "app/stray.yml", "app/production/..data"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        calls = 0;
        write_file(names[i]);
        wait_for_call();
        ck_assert_msg(told.whole, "%s", names[i]);
    }
}
END_TEST

START_TEST(passes_over_files_of_editors)
{
    write_file("app/production/.manifest.yml.swp");
    write_file("app/production/manifest.yml~");
    run_for(DEBOUNCE * 5);
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(says_which_directory_cannot_be_watched)
{
    struct error error;
    ck_assert_ptr_null(
        policy_watch_new(base, "/nonexistent/policy", DEBOUNCE, on_changed, NULL, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "/nonexistent/policy"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy_watch");
    TCase *tests = tcase_create("policy_watch");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, is_silent_while_nothing_changes);
    tcase_add_test(tests, tells_of_a_file_written_anew);
    tcase_add_test(tests, tells_once_of_many_changes_that_come_together);
    tcase_add_test(tests, tells_of_a_file_renamed_into_place);
    tcase_add_test(tests, does_not_wait_for_more_where_a_file_is_renamed_into_place);
    tcase_add_test(tests, watches_a_version_that_appears);
    tcase_add_test(tests, watches_an_app_that_appears);
    tcase_add_test(tests, tells_of_a_directory_put_in_the_place_of_the_old_one);
    tcase_add_test(tests, tells_which_environments_have_changed);
    tcase_add_test(tests, tells_every_name_of_a_directory_that_has_several);
    tcase_add_test(tests, says_that_anything_may_have_changed_where_it_is_not_sure);
    tcase_add_test(tests, passes_over_files_of_editors);
    tcase_add_test(tests, says_which_directory_cannot_be_watched);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
