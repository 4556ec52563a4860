/* Promises about replacing a file whole. */
#include "policy/file_replace.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/suite.h"

static char folder[64], path[96];
static struct error error;

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sallyport-replace-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/page.html", folder);
}

static void tear_down(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left there */
}

static void holds(const char *bytes)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(found, bytes);
}

START_TEST(makes_a_file_as_others_do)
{
    struct stat status;
    mode_t mask = umask(S_IRWXO);
    ck_assert(file_replace(path, SPAN("new"), &error));
    (void)umask(mask);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777U, 0660);
    holds("new");
}
END_TEST

START_TEST(keeps_the_mode_of_the_file_it_replaces)
{
    struct stat status;
    ck_assert(file_replace(path, SPAN("a longer old text"), &error));
    ck_assert_int_eq(chmod(path, S_IRUSR | S_IWUSR), 0);
    ck_assert(file_replace(path, SPAN("new"), &error));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777U, 0600);
    holds("new");
}
END_TEST

START_TEST(says_why_it_cannot_and_leaves_nothing)
{
    char missing[128];
    snprintf(missing, sizeof(missing), "%s/missing/page.html", folder);
    ck_assert(!file_replace(missing, SPAN("new"), &error));
    ck_assert_str_eq(error.message, "cannot be written: No such file or directory");
    ck_assert_str_eq(error.file, missing);
    ck_assert(!file_replace(folder, SPAN("new"), &error));
    ck_assert_str_eq(error.message, "cannot be written: Is a directory");
}
END_TEST

START_TEST(writes_through_what_is_no_regular_file)
{
    int ends[2];
    char through[64], found[8] = "";
    ck_assert_int_eq(pipe(ends), 0);
    snprintf(through, sizeof(through), "/proc/self/fd/%d", ends[1]);
    ck_assert(file_replace(through, SPAN("new"), &error));
    ck_assert_int_eq(read(ends[0], found, sizeof(found)), 3);
    ck_assert_str_eq(found, "new");
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file_replace");
    TCase *promises = tcase_create("file_replace");
    tcase_add_checked_fixture(promises, set_up, tear_down);
    tcase_add_test(promises, makes_a_file_as_others_do);
    tcase_add_test(promises, keeps_the_mode_of_the_file_it_replaces);
    tcase_add_test(promises, says_why_it_cannot_and_leaves_nothing);
    tcase_add_test(promises, writes_through_what_is_no_regular_file);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
