/* Promises of proxy/sandbox about who the process is: user, groups, capabilities, and what it says
 * where it cannot become what it should. */
#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/proxy/sandboxed.h"
#include "test/suite.h"

static uint64_t status_word(const char *name)
{
    char line[256], *value = NULL;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && value == NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = line + strlen(name);
    }
    if (file != NULL)
        fclose(file);
    return value == NULL ? UINT64_MAX : strtoull(value, NULL, 16);
}

static int hold_rights(void)
{
    struct rlimit core = {1, 1};
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
        return 1;
    if (status_word("CapEff:") != 0 || status_word("CapPrm:") != 0 || status_word("CapAmb:") != 0)
        return 2;
    if (status_word("NoNewPrivs:") != 1)
        return 3;
    return geteuid() == 0 && (status_word("CapBnd:") != 0 || getgroups(0, NULL) != 0) ? 4 : 0;
}

START_TEST(gives_up_rights_with_and_without_a_sandbox)
{
    sandboxed.configuration.process_sandbox = SANDBOX_OFF;
    ck_assert_int_eq(sandboxed_result(hold_rights, 0), 0);
}
END_TEST

static int be_nobody_for_good(void)
{
    uid_t real = 0, effective = 0, saved = 0;
    if (getresuid(&real, &effective, &saved) != 0 || real == 0 || real != effective ||
        real != saved || getgroups(0, NULL) != 0)
        return 1;
    return setuid(0) == 0 ? 2 : 0;
}

START_TEST(becomes_the_user_that_is_named_without_a_way_back)
{
    if (geteuid() != 0)
        return; /* only root becomes somebody else */
    sandboxed.configuration.process_user = "nobody";
    sandboxed.configuration.process_sandbox = SANDBOX_OFF;
    ck_assert_int_eq(chown(sandboxed.decisions, 65534, 65534), 0);
    ck_assert_int_eq(sandboxed_result(be_nobody_for_good, 0), 0);
}
END_TEST

/* Which a process may always ask about itself; what follows from it is seen from outside. */
static int look_dumpable(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

START_TEST(stays_open_to_debuggers_without_a_sandbox)
{
    sandboxed.configuration.process_sandbox = SANDBOX_OFF;
    ck_assert_int_eq(sandboxed_result(look_dumpable, 0), 1);
}
END_TEST

/* What sandbox_enter says of the configuration, in a process of its own. */
static void assert_refused(uid_t as, const char *words)
{
    struct error error;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (as != geteuid() && (setgroups(0, NULL) != 0 || setuid(as) != 0))
            _exit(2);
        if (sandbox_enter(&sandboxed.configuration, &error))
            _exit(3);
        if (strstr(error.message, words) != NULL)
            _exit(0);
        error_print(&error, stderr);
        _exit(4);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(names_a_user_that_there_is_not)
{
    sandboxed.configuration.process_user = "no-such-user";
    assert_refused(geteuid(), "process.user no-such-user: there is no such user");
}
END_TEST

START_TEST(will_not_become_root)
{
    sandboxed.configuration.process_user = "root";
    assert_refused(geteuid(), "process.user root is root itself");
}
END_TEST

START_TEST(says_that_it_takes_root_to_become_somebody_else)
{
    sandboxed.configuration.process_user = geteuid() == 1 ? "nobody" : "daemon";
    assert_refused(geteuid() == 0 ? 65534 : geteuid(), "not started as root");
}
END_TEST

START_TEST(names_the_policy_that_the_user_may_not_read)
{
    if (geteuid() != 0)
        return; /* only root becomes somebody else */
    sandboxed.configuration.process_user = "nobody";
    ck_assert_int_eq(chmod(sandboxed.policy, 0700), 0);
    assert_refused(0, "process.user nobody may not read policy.path /tmp/sandbox_test.");
}
END_TEST

START_TEST(names_the_log_that_the_user_may_not_write)
{
    if (geteuid() != 0)
        return; /* only root becomes somebody else */
    sandboxed.configuration.process_user = "nobody";
    assert_refused(0, "process.user nobody may not write log.decisions /tmp/sandbox_test.");
    ck_assert_int_eq(remove(sandboxed.decisions), 0);
    assert_refused(0, "process.user nobody may not write log.decisions /tmp/sandbox_test.");
}
END_TEST

static int create_a_file(void)
{
    return open(sandboxed.elsewhere, O_WRONLY | O_CREAT, 0600) < 0;
}

START_TEST(leaves_threads_alone_that_entered_no_sandbox)
{
    sandboxed.configuration.process_sandbox = SANDBOX_OFF;
    ck_assert_int_eq(sandboxed_result(create_a_file, SANDBOX_WORKER), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy/sandbox_privileges");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, sandboxed_set_up, sandboxed_tear_down);
    tcase_add_test(all, gives_up_rights_with_and_without_a_sandbox);
    tcase_add_test(all, becomes_the_user_that_is_named_without_a_way_back);
    tcase_add_test(all, stays_open_to_debuggers_without_a_sandbox);
    tcase_add_test(all, names_a_user_that_there_is_not);
    tcase_add_test(all, will_not_become_root);
    tcase_add_test(all, says_that_it_takes_root_to_become_somebody_else);
    tcase_add_test(all, names_the_policy_that_the_user_may_not_read);
    tcase_add_test(all, names_the_log_that_the_user_may_not_write);
    tcase_add_test(all, leaves_threads_alone_that_entered_no_sandbox);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
