/* conf/credentials: who is let in, who is not, and which files are refused. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/credentials.h"
#include "test/suite.h"

/* SHA-256 of "one", "two" and "three". */
#define ONE   "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
#define TWO   "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
#define THREE "8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f"

static char path[] = "/tmp/sallyport-credentials-XXXXXX";
static struct error error;

static void make_file(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void remove_file(void)
{
    unlink(path);
}

static struct credentials *read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return credentials_read(path, &error);
}

static struct credentials *read_good(const char *text)
{
    struct credentials *credentials = read_text(text);
    ck_assert_msg(credentials != NULL, "%u: %s", error.at.line, error.message);
    return credentials;
}

static bool is_let_in(const struct credentials *credentials, const char *app,
                      const char *environment, const char *installation, const char *secret)
{
    return credentials_verify(credentials, span_of(app), span_of(environment),
                              span_of(installation), span_of(secret));
}

START_TEST(lets_in_whoever_has_the_secret_of_the_name)
{
    struct credentials *credentials =
        read_good("- {app: demo, environment: production, sha256: " ONE "}\n"
                  "- {app: demo, environment: development, sha256: " TWO "}\n");
    ck_assert(is_let_in(credentials, "demo", "production", "", "one"));
    ck_assert(is_let_in(credentials, "demo", "development", "", "two"));
    credentials_free(credentials);
}
END_TEST

START_TEST(a_secret_opens_its_own_name_only)
{
    struct credentials *credentials =
        read_good("- {app: demo, environment: production, sha256: " ONE "}\n"
                  "- {app: demo, environment: development, sha256: " TWO "}\n"
                  "- {app: orders, environment: production, sha256: " THREE "}\n");
    ck_assert(!is_let_in(credentials, "demo", "production", "", "two"));
    ck_assert(!is_let_in(credentials, "demo", "development", "", "one"));
    ck_assert(!is_let_in(credentials, "orders", "production", "", "one"));
    ck_assert(!is_let_in(credentials, "orders", "development", "", "three"));
    credentials_free(credentials);
}
END_TEST

START_TEST(denies_a_wrong_or_empty_secret_and_an_unknown_name)
{
    struct credentials *credentials =
        read_good("- {app: demo, environment: production, sha256: " ONE "}\n");
    ck_assert(!is_let_in(credentials, "demo", "production", "", "One"));
    ck_assert(!is_let_in(credentials, "demo", "production", "", "one\n"));
    ck_assert(!is_let_in(credentials, "demo", "production", "", ONE));
    ck_assert(!is_let_in(credentials, "demo", "production", "", ""));
    ck_assert(!is_let_in(credentials, "", "", "", "one"));
    ck_assert(!is_let_in(credentials, "demo", "productio", "n", "one"));
    ck_assert(!is_let_in(credentials, "demo/production", "", "", "one"));
    credentials_free(credentials);
}
END_TEST

START_TEST(an_installation_is_another_name_than_its_app)
{
    struct credentials *credentials = read_good(
        "- {app: demo, environment: production, sha256: " ONE "}\n"
        "- {app: demo, environment: production, installation: site-1, sha256: " TWO "}\n");
    ck_assert(is_let_in(credentials, "demo", "production", "site-1", "two"));
    ck_assert(!is_let_in(credentials, "demo", "production", "site-1", "one"));
    ck_assert(!is_let_in(credentials, "demo", "production", "site-2", "two"));
    ck_assert(!is_let_in(credentials, "demo", "production", "", "two"));
    credentials_free(credentials);
}
END_TEST

START_TEST(old_and_new_secret_both_open_while_one_takes_the_others_place)
{
    struct credentials *credentials =
        read_good("- {app: demo, environment: production, sha256: " ONE "}\n"
                  "- {app: orders, environment: production, sha256: " THREE "}\n"
                  "- {app: demo, environment: production, sha256: " TWO "}\n");
    ck_assert(is_let_in(credentials, "demo", "production", "", "one"));
    ck_assert(is_let_in(credentials, "demo", "production", "", "two"));
    ck_assert(!is_let_in(credentials, "demo", "production", "", "three"));
    credentials_free(credentials);
}
END_TEST

START_TEST(an_empty_list_lets_nobody_in)
{
    struct credentials *credentials = read_good("[]\n");
    ck_assert(!is_let_in(credentials, "demo", "production", "", "one"));
    ck_assert(!is_let_in(credentials, "", "", "", ""));
    credentials_free(credentials);
}
END_TEST

START_TEST(an_empty_digest_slot_is_never_a_secret)
{
    /* a digest of 32 zero bytes is what an unused slot holds */
    struct credentials *credentials =
        read_good("- {app: demo, environment: production, sha256: "
                  "'0000000000000000000000000000000000000000000000000000000000000000'}\n");
    ck_assert(!is_let_in(credentials, "demo", "production", "", ""));
    ck_assert(!is_let_in(credentials, "nobody", "production", "", ""));
    credentials_free(credentials);
}
END_TEST

#define BEFORE "- {app: demo, environment: production, sha256: "

static const struct {
    const char *text;
    unsigned line;
    const char *message;
} refused[] = {
    {"", 1, "list"},
    {"app: demo\n", 1, "list"},
    {"- demo\n", 1, "credential"},
    {"- {environment: production, sha256: " ONE "}\n", 1, "no app"},
    {"- {app: demo, sha256: " ONE "}\n", 1, "no environment"},
    {"- {app: demo, environment: production}\n", 1, "no sha256"},
    {BEFORE "}\n", 1, "64 hex digits"},
    {BEFORE "one}\n", 1, "64 hex digits"},
    {BEFORE ONE "0}\n", 1, "64 hex digits"},
    {BEFORE "z692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed}\n", 1, "hex"},
    {BEFORE "[" ONE "]}\n", 1, "64 hex digits"},
    {BEFORE ONE "}\n- {app: Demo, environment: production, sha256: " ONE "}\n", 2, "not a name"},
    {"- {app: null, environment: production, sha256: " ONE "}\n", 1, "not a name"},
    {"- {app: [demo], environment: production, sha256: " ONE "}\n", 1, "not a name"},
    {"- {app: demo, environment: ../x, sha256: " ONE "}\n", 1, "not a name"},
    {"- {app: demo, environment: production, secret: one}\n", 1, "unknown key \"secret\""},
    {"- {app: demo, [a]: b}\n", 1, "unknown key"},
    {BEFORE ONE "}\n" BEFORE ONE "}\n" BEFORE ONE "}\n" BEFORE ONE "}\n" BEFORE ONE "}\n", 5,
     "more than 4"},
};

START_TEST(refuses_a_file_with_a_slip_and_says_where)
{
    struct credentials *credentials = read_text(refused[_i].text);
    ck_assert_msg(credentials == NULL, "%s", refused[_i].text);
    ck_assert_str_eq(error.file, path);
    ck_assert_msg(error.at.line == refused[_i].line, "%s: line %u, %s", refused[_i].text,
                  error.at.line, error.message);
    ck_assert_msg(strstr(error.message, refused[_i].message) != NULL, "%s: %s", refused[_i].text,
                  error.message);
}
END_TEST

START_TEST(names_the_file_that_cannot_be_read)
{
    ck_assert_ptr_null(credentials_read("/nowhere/credentials.yml", &error));
    ck_assert_str_eq(error.file, "/nowhere/credentials.yml");
}
END_TEST

START_TEST(finds_each_of_thousands_of_names)
{
    const int count = 8000;
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < count; i++)
        fprintf(file, "- {app: a%d, environment: e%d, sha256: %s}\n", i, i % 3,
                i % 2 == 0 ? ONE : TWO);
    ck_assert_int_eq(fclose(file), 0);

    struct credentials *credentials = credentials_read(path, &error);

    ck_assert_msg(credentials != NULL, "%s", error.message);
    for (int i = 0; i < count; i++) {
        char app[16];
        char environment[16];
        snprintf(app, sizeof(app), "a%d", i);
        snprintf(environment, sizeof(environment), "e%d", i % 3);
        ck_assert(is_let_in(credentials, app, environment, "", i % 2 == 0 ? "one" : "two"));
        ck_assert(!is_let_in(credentials, app, environment, "", i % 2 == 0 ? "two" : "one"));
    }
    credentials_free(credentials);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf/credentials");
    TCase *all = tcase_create("credentials");
    suite_add_tcase(suite, all);
    tcase_add_checked_fixture(all, make_file, remove_file);
    tcase_add_test(all, lets_in_whoever_has_the_secret_of_the_name);
    tcase_add_test(all, a_secret_opens_its_own_name_only);
    tcase_add_test(all, denies_a_wrong_or_empty_secret_and_an_unknown_name);
    tcase_add_test(all, an_installation_is_another_name_than_its_app);
    tcase_add_test(all, old_and_new_secret_both_open_while_one_takes_the_others_place);
    tcase_add_test(all, an_empty_list_lets_nobody_in);
    tcase_add_test(all, an_empty_digest_slot_is_never_a_secret);
    tcase_add_loop_test(all, refuses_a_file_with_a_slip_and_says_where, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(all, names_the_file_that_cannot_be_read);
    tcase_add_test(all, finds_each_of_thousands_of_names);

    return suite_run(suite);
}
