/*
 * Commands that are killed at each of their steps on the disk, one after the
 * other: what readers see is the old state or the new one, and the next
 * command that writes makes it whole and says so.
 *
 * Linked with --wrap (see the Makefile): the library's steps pass through the
 * functions below. fsync is only counted: what a kernel does with it is not tested here.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/ledger_audit.h"
#include "policy/policy_directory.h"
#include "test/suite.h"

#define DATA          "test/policy/data/diff/"
#define STEPS_AT_MOST 500

static unsigned long left; /* steps until the last one; 0: none is */
static bool torn;          /* a write that is the last step does half of its work */

ssize_t __real_write(int file, const void *bytes, size_t count);
int __real_ftruncate(int file, off_t length);
int __real_openat(int directory, const char *path, int flags, ...);
int __real_renameat(int from, const char *old, int to, const char *new);
int __real_unlinkat(int directory, const char *path, int flags);
int __real_mkdirat(int directory, const char *path, mode_t mode);

ssize_t __wrap_write(int file, const void *bytes, size_t count);
int __wrap_fsync(int file);
int __wrap_ftruncate(int file, off_t length);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __wrap_unlinkat(int directory, const char *path, int flags);
int __wrap_mkdirat(int directory, const char *path, mode_t mode);

static bool is_last(void)
{
    return left != 0 && --left == 0;
}

static void step(void)
{
    if (is_last())
        raise(SIGKILL);
}

ssize_t __wrap_write(int file, const void *bytes, size_t count)
{
    if (!is_last())
        return __real_write(file, bytes, count);
    if (torn)
        __real_write(file, bytes, count / 2);
    raise(SIGKILL);
    return -1;
}

int __wrap_fsync(int file)
{
    (void)file;
    step();
    return 0;
}

int __wrap_ftruncate(int file, off_t length)
{
    step();
    return __real_ftruncate(file, length);
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
        step();
    }
    return __real_openat(directory, path, flags, mode);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
    step();
    return __real_renameat(from, old, to, new);
}

int __wrap_unlinkat(int directory, const char *path, int flags)
{
    step();
    return __real_unlinkat(directory, path, flags);
}

int __wrap_mkdirat(int directory, const char *path, mode_t mode)
{
    step();
    return __real_mkdirat(directory, path, mode);
}

/* ---- The stage --------------------------------------------------------------------------- */

static char base[64], policy[80], kept[80], said[80];

static void shell(const char *format, ...) PRINTF_LIKE(1, 2);

static void shell(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    ck_assert_msg(system(line) == 0, "%s", line); /* NOLINT(cert-env33-c): a test's own words */
}

/* WHEN COMMAND is run with LINE and killed at its step AT (0: not). True: it came to its end. */
static bool run(const struct command *command, const char *line, unsigned long at)
{
    char copy[512], name[32];
    char *words[32] = {name};
    int count = 1, status;
    snprintf(name, sizeof(name), "%s", command->name);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = strcmp(word, "DIR") == 0 ? policy : word;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL || freopen(said, "w", stderr) == NULL)
            _exit(99);
        left = at;
        status = command->run(count, words);
        fflush(stderr);
        _exit(status);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return false;
    }
    ck_assert_msg(WEXITSTATUS(status) == 0, "%s %s ends with %d", command->name, line,
                  WEXITSTATUS(status));
    return true;
}

static struct ledger_entry last;
static struct error error;

/* The last entry's event and version; storage of a fixed size. */
static char last_event[32], last_version[32];
static uint64_t deploys, approvals; /* entries of these events */

static void read_ledger(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/" LEDGER_FILE_NAME, policy);
    struct ledger_reader *reader = ledger_reader_open(path, NULL, &error);
    ck_assert_ptr_nonnull(reader);
    enum ledger_line kind;
    deploys = approvals = 0;
    while ((kind = ledger_reader_next(reader, &last, &error)) == LEDGER_ENTRY) {
        snprintf(last_event, sizeof(last_event), "%.*s", SPAN_FORMAT(last.event));
        snprintf(last_version, sizeof(last_version), "%.*s", SPAN_FORMAT(last.version));
        deploys += strcmp(last_event, "deploy") == 0;
        approvals += strcmp(last_event, "approve") == 0;
    }
    ck_assert_msg(kind == LEDGER_END, "%s", error.message);
    ledger_reader_close(reader);
}

static void fail_of(void *context, const struct error *trouble)
{
    ck_abort_msg("at %lu: %s: %s", *(unsigned long *)context, trouble->file, trouble->message);
}

/* THEN ledger and files agree. */
static void expect_whole(unsigned long at)
{
    struct ledger_audit audit;
    ck_assert(ledger_audit_init(&audit, policy, &error));
    enum ledger_state state = ledger_audit_run(&audit, NULL, fail_of, &at, &error);
    ck_assert_msg(state == LEDGER_WHOLE, "at %lu: %d %s", at, state, error.message);
    ledger_audit_clear(&audit);
}

/* THEN a proxy that starts now has a policy. */
static void expect_loadable(unsigned long at)
{
    const struct policy_options options = {.plain_http = false};
    struct snapshot *snapshot = policy_directory_load(policy, &options, NULL, &error);
    ck_assert_msg(snapshot != NULL, "at %lu: %s: %s", at, error.file, error.message);
    snapshot_unref(snapshot);
}

static bool is_said(const char *words)
{
    char text[2048] = "";
    FILE *file = fopen(said, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return strstr(text, words) != NULL;
}

static bool is_there(const char *path)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "%s/%s", policy, path);
    return access(whole, F_OK) == 0;
}

static void setup(void)
{
    snprintf(base, sizeof(base), "%s/sallyport-crash-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(policy, sizeof(policy), "%s/policy", base);
    snprintf(kept, sizeof(kept), "%s/kept", base);
    snprintf(said, sizeof(said), "%s/said", base);
    shell("mkdir %s", policy);
    run(&command_deploy_description,
        "--policy DIR -a orders -e production " DATA "old.yml --by Ann", 0);
    shell("cp -a %s %s", policy, kept);
}

static void teardown(void)
{
    shell("rm -rf %s", base);
}

static void start_again(void)
{
    shell("rm -rf %s && cp -a %s %s", policy, kept, policy);
}

/* ---- The cases --------------------------------------------------------------------------- */

/* WRITES: what exists exactly where the entry of the killed command stands. */
struct crash {
    const char *line;
    const char *writes;
};

static const struct crash crashes[] = {
    {"--policy DIR -a orders -e production " DATA "wider.yml --by Ben",
     "orders/production/versions/2.1/manifest.yml"},
    {"--policy DIR -a orders -e staging --from production --by Ben",
     "orders/staging/versions/1.1/manifest.yml"},
    {"--policy DIR -a billing -e production " DATA "old.yml --by Ben",
     "billing/production/manifest.yml"},
};

static const char next_line[] = "record DIR --why next";

/* WHEN another command writes, THEN all is as if the first had been run to its end, or never. */
static void expect_recovery(const struct crash *crash, unsigned long at)
{
    run(&command_ledger_description, next_line, 0);
    bool recovered = is_said("was interrupted");
    read_ledger();
    expect_whole(at);
    expect_loadable(at);
    ck_assert_msg(!recovered || strcmp(last_event, "recover") == 0, "at %lu: %s", at, last_event);
    ck_assert_msg(is_there(crash->writes) == (deploys == 2), "at %lu", at);
    ck_assert(!is_there(".pending"));
    ck_assert_msg(!recovered || is_said(deploys == 2 ? "it was recorded, and is complete now"
                                                     : "it was not recorded, and is undone"),
                  "at %lu", at);
}

static void kill_at_each_step(const struct crash *crash)
{
    unsigned long at = 1;
    for (; at < STEPS_AT_MOST; at++) {
        start_again();
        if (run(&command_deploy_description, crash->line, at))
            break;
        expect_loadable(at);
        expect_recovery(crash, at);
    }
    ck_assert_uint_gt(at, 15); /* it has so many steps at least */
    ck_assert_uint_lt(at, STEPS_AT_MOST);
    ck_assert(is_there(crash->writes));
    expect_whole(at);
}

START_TEST(a_deploy_killed_at_any_step_is_done_or_not_done)
{
    torn = false;
    kill_at_each_step(&crashes[_i]);
}
END_TEST

START_TEST(a_deploy_killed_in_any_write_is_done_or_not_done)
{
    torn = true;
    kill_at_each_step(&crashes[_i]);
}
END_TEST

/* GIVEN a deploy killed at step AT, WHEN the next commands are killed in turn, too. */
static void kill_the_recovery(const struct crash *crash, unsigned long at)
{
    unsigned long again = 1;
    for (; again < STEPS_AT_MOST; again++) {
        start_again();
        run(&command_deploy_description, crash->line, at);
        if (run(&command_ledger_description, next_line, again))
            break;
        expect_loadable(at);
        expect_recovery(crash, at);
    }
    ck_assert_uint_lt(again, STEPS_AT_MOST);
}

START_TEST(a_recovery_killed_at_any_step_is_recovered_from)
{
    torn = true;
    for (unsigned long at = 2; at < STEPS_AT_MOST; at += 5) {
        start_again();
        if (run(&command_deploy_description, crashes[_i].line, at))
            return;
        kill_the_recovery(&crashes[_i], at);
    }
    ck_abort_msg("the deploy has no end");
}
END_TEST

/* ---- An approval -------------------------------------------------------------------------- */

static const char approval_line[] = "approve --policy DIR -a orders -e production --id site "
                                    "--version 2 --by Ann --why needed";

/* GIVEN a site on version 1, and 2.1 deployed. */
static void given_a_version_that_waits(void)
{
    run(&command_installation_description,
        "add --policy DIR -a orders -e production --id site --version 1", 0);
    run(&command_deploy_description, crashes[0].line, 0);
    shell("rm -rf %s && cp -a %s %s", kept, policy, kept);
}

/* What the file says, which is one of two things and never half of them. */
static bool is_approved(unsigned long at)
{
    char path[160], text[256] = "";
    snprintf(path, sizeof(path), "%s/orders/production/installations.yml", policy);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    bool approved = strcmp(text, "installations:\n  - {id: site, approved: 2}\n") == 0;
    ck_assert_msg(approved || strcmp(text, "installations:\n  - {id: site, approved: 1}\n") == 0,
                  "at %lu: %s", at, text);
    return approved;
}

START_TEST(an_approval_killed_at_any_step_or_write_is_given_or_not_given)
{
    unsigned long at = 1;
    torn = _i == 1;
    given_a_version_that_waits();
    for (; at < STEPS_AT_MOST; at++) {
        start_again();
        if (run(&command_installation_description, approval_line, at))
            break;
        is_approved(at);
        expect_loadable(at);
        run(&command_ledger_description, next_line, 0);
        read_ledger();
        expect_whole(at);
        expect_loadable(at);
        ck_assert_msg(is_approved(at) == (approvals == 1), "at %lu", at);
    }
    ck_assert_uint_gt(at, 10); /* it has so many steps at least */
    ck_assert_uint_lt(at, STEPS_AT_MOST);
    ck_assert(is_approved(at));
    expect_whole(at);
}
END_TEST

/* GIVEN a torn last line that no interrupted command explains. */
START_TEST(does_not_mend_what_it_has_not_torn)
{
    char *words[] = {"deploy", "--policy", policy,   "-a",         "orders",
                     "-e",     "staging",  "--from", "production", NULL};
    shell("printf '{\"n\":2' >> %s/ledger.jsonl", policy);
    ck_assert_int_eq(command_deploy_description.run(9, words), COMMAND_BAD_INPUT);
    ck_assert(!is_there("orders/staging"));
    shell("tail -c 6 %s/ledger.jsonl | grep -q n.:2", policy);
}
END_TEST

static Suite *suite(void)
{
    const int count = (int)(sizeof(crashes) / sizeof(crashes[0]));
    Suite *all = suite_create("ledger_crash");
    TCase *group = tcase_create("ledger_crash");
    tcase_add_checked_fixture(group, setup, teardown);
    tcase_add_loop_test(group, a_deploy_killed_at_any_step_is_done_or_not_done, 0, count);
    tcase_add_loop_test(group, a_deploy_killed_in_any_write_is_done_or_not_done, 0, count);
    tcase_add_loop_test(group, a_recovery_killed_at_any_step_is_recovered_from, 0, 1);
    tcase_add_loop_test(group, an_approval_killed_at_any_step_or_write_is_given_or_not_given, 0, 2);
    tcase_add_test(group, does_not_mend_what_it_has_not_torn);
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
