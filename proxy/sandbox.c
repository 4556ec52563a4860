/*
 * The order: first what needs root (the user, the capabilities), then what may be
 * seen of us from outside, then the files, last the system calls, because they
 * include those for all before. What threads will need to confine themselves is
 * made before, while files may still be opened.
 *
 * Rests on one static struct: the sandbox is the process's, and a thread that
 * asks to be confined need not be handed it through every layer.
 */
#include "proxy/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/sandbox_files.h"
#include "proxy/sandbox_privileges.h"
#include "proxy/sandbox_syscalls.h"

#define EXIT_NOT_CONFINED 1

/* What one kind of thread puts on. */
struct confinement {
    enum sandbox_thread thread;
    int files; /* -1: the kernel has no Landlock */
    struct sock_fprog syscalls;
};

#define EVERY_THREAD (SANDBOX_START | SANDBOX_MAIN | SANDBOX_WORKER | SANDBOX_LOG_WRITER)

static struct {
    bool entered;
    struct confinement threads[3];
} sandbox = {
    .threads = {{.thread = SANDBOX_MAIN, .files = -1},
                {.thread = SANDBOX_WORKER, .files = -1},
                {.thread = SANDBOX_LOG_WRITER, .files = -1}},
};

#define THREAD_KINDS (sizeof(sandbox.threads) / sizeof(sandbox.threads[0]))

static bool prepare(struct confinement *confinement, const struct configuration *configuration,
                    unsigned threads, bool landlock, struct error *error)
{
    if (landlock) {
        confinement->files = sandbox_files_prepare(configuration, threads, error);
        if (confinement->files < 0)
            return false;
    }
    return sandbox_syscalls_prepare(&confinement->syscalls, threads, error);
}

static bool put_on(const struct confinement *confinement, struct error *error)
{
    if (confinement->files >= 0 && !sandbox_files_restrict(confinement->files)) {
        error_set(error, "cannot restrict files by Landlock: %s", strerror(errno));
        return false;
    }
    if (sandbox_syscalls_restrict(&confinement->syscalls))
        return true;
    error_set(error,
              "cannot restrict system calls by seccomp: %s; where the machine has none, set "
              "process.sandbox: off",
              strerror(errno));
    return false;
}

static void discard(struct confinement *confinement)
{
    if (confinement->files >= 0)
        close(confinement->files);
    free(confinement->syscalls.filter);
    confinement->files = -1;
    confinement->syscalls = (struct sock_fprog){.filter = NULL};
}

static bool has_landlock(void)
{
    if (sandbox_files_available())
        return true;
    fprintf(stderr,
            "sallyport: this kernel offers no Landlock (%s): files are guarded by their "
            "permissions alone\n",
            strerror(errno));
    return false;
}

static bool enter_all(const struct configuration *configuration, struct error *error)
{
    struct confinement everything = {.files = -1};
    bool landlock = has_landlock();
    bool entered = prepare(&everything, configuration, EVERY_THREAD, landlock, error);
    for (size_t i = 0; i < THREAD_KINDS && entered; i++) {
        struct confinement *confinement = &sandbox.threads[i];
        entered = prepare(confinement, configuration, confinement->thread, landlock, error);
    }
    entered = entered && put_on(&everything, error);
    discard(&everything);
    return entered;
}

/* Reloads and logrotate come later: better to hear of a missing right now. */
static bool may_read_policy(const struct configuration *configuration, struct error *error)
{
    if (access(configuration->policy_path, R_OK | X_OK) == 0 || errno != EACCES)
        return true;
    error_set(error, "process.user %s may not read policy.path %s: %s", configuration->process_user,
              configuration->policy_path, strerror(errno));
    return false;
}

static bool is_writable(const char *path)
{
    char copy[PATH_MAX];
    if (access(path, W_OK) == 0)
        return true;
    if (errno != ENOENT || strlen(path) >= sizeof(copy))
        return errno != EACCES;
    memcpy(copy, path, strlen(path) + 1);
    return access(dirname(copy), W_OK | X_OK) == 0 || errno != EACCES;
}

static bool may_write_log(const struct configuration *configuration, struct error *error)
{
    const char *path = configuration->log_decisions;
    if (strcmp(path, "-") == 0 || is_writable(path))
        return true;
    error_set(error, "process.user %s may not write log.decisions %s: %s",
              configuration->process_user, path, strerror(errno));
    return false;
}

static bool has_user(const struct configuration *configuration)
{
    return configuration->process_user[0] != '\0';
}

bool sandbox_enter(const struct configuration *configuration, struct error *error)
{
    if (geteuid() == 0 && !has_user(configuration))
        fputs("sallyport: runs as root, without its capabilities; set process.user to a user that "
              "owns nothing else\n",
              stderr);
    if (!sandbox_privileges_drop(configuration->process_user, error))
        return false;
    if (has_user(configuration) &&
        (!may_read_policy(configuration, error) || !may_write_log(configuration, error)))
        return false;
    if (configuration->process_sandbox == SANDBOX_OFF)
        return true;
    sandbox.entered = sandbox_privileges_hide(error) && enter_all(configuration, error);
    return sandbox.entered;
}

void sandbox_confine_thread(enum sandbox_thread thread)
{
    struct error error;
    for (size_t i = 0; i < THREAD_KINDS && sandbox.entered; i++) {
        if (sandbox.threads[i].thread != thread || put_on(&sandbox.threads[i], &error))
            continue;
        error_print(&error, stderr);
        _exit(EXIT_NOT_CONFINED);
    }
}
