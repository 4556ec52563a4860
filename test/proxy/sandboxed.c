#include "test/proxy/sandboxed.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct sandboxed sandboxed;

/* There in a program that a sanitizer is linked with. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

bool sandboxed_possible(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    bool by_valgrind = preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
    return &__asan_init == NULL && &__tsan_init == NULL && !by_valgrind;
}

void sandboxed_write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static void make_directory(const char *name)
{
    char path[80];
    snprintf(path, sizeof(path), "%s/%s", sandboxed.directory, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void set_paths(void)
{
    const char *directory = sandboxed.directory;
    snprintf(sandboxed.policy, sizeof(sandboxed.policy), "%s/p/policy", directory);
    snprintf(sandboxed.policy_file, sizeof(sandboxed.policy_file), "%s/p/policy/a.yml", directory);
    snprintf(sandboxed.hosts, sizeof(sandboxed.hosts), "%s/h/hosts", directory);
    snprintf(sandboxed.key, sizeof(sandboxed.key), "%s/k/key.pem", directory);
    snprintf(sandboxed.decisions, sizeof(sandboxed.decisions), "%s/l/log", directory);
    snprintf(sandboxed.elsewhere, sizeof(sandboxed.elsewhere), "%s/elsewhere", directory);
}

void sandboxed_set_up(void)
{
    strcpy(sandboxed.directory, "/tmp/sandbox_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(sandboxed.directory));
    ck_assert_int_eq(chmod(sandboxed.directory, 0755), 0);
    set_paths();
    make_directory("p");
    make_directory("h");
    make_directory("k");
    make_directory("l");
    make_directory("p/policy");
    sandboxed_write_file(sandboxed.policy_file);
    sandboxed_write_file(sandboxed.hosts);
    sandboxed_write_file(sandboxed.key);
    sandboxed_write_file(sandboxed.decisions);
    sandboxed.listener = (struct listener_configuration){.key = sandboxed.key};
    sandboxed.configuration = (struct configuration){.policy_path = sandboxed.policy,
                                                     .trust = "",
                                                     .hosts_file = sandboxed.hosts,
                                                     .log_decisions = sandboxed.decisions,
                                                     .process_user = "",
                                                     .process_sandbox = SANDBOX_ON,
                                                     .listeners = &sandboxed.listener,
                                                     .listener_count = 1};
}

void sandboxed_tear_down(void)
{
    static const char *const files[] = {
        "p/policy/a.yml", "p/policy", "h/hosts", "k/key.pem", "l/log", "p", "h", "k", "l",
        "elsewhere",      ""};
    char path[80];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", sandboxed.directory, files[i]);
        remove(path);
    }
}

int sandboxed_do(sandboxed_act *what, int thread)
{
    struct error error;
    if (!sandbox_enter(&sandboxed.configuration, &error)) {
        error_print(&error, stderr);
        return 255;
    }
    if (thread != 0)
        sandbox_confine_thread((enum sandbox_thread)thread);
    return what();
}

int sandboxed_status(sandboxed_act *what, int thread)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(sandboxed_do(what, thread));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

int sandboxed_result(sandboxed_act *what, int thread)
{
    int status = sandboxed_status(what, thread);
    ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}
