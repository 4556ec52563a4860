/*
 * Rests on: a Landlock rule is about a file or directory as it is now, not about
 * a name. What deployers replace by renaming (the policy directory, the hosts
 * file, a rotated log) is therefore reached by a rule for the directory it lies
 * in, and, where it is a symbolic link, for the directory it leads to as well. A
 * rule for "/" would be none: what lies directly there gets a rule of its own
 * and cannot be replaced while we run.
 */
#include "proxy/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "certs/tls.h"

#define READ    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LOG     (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define ROTATED (LOG | LANDLOCK_ACCESS_FS_MAKE_REG)
#define REMOVE  LANDLOCK_ACCESS_FS_REMOVE_FILE
#define CUT     (UINT64_C(1) << 14) /* LANDLOCK_ACCESS_FS_TRUNCATE, which older headers lack */

/* What a rule for something other than a directory may grant. */
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | CUT)

/* How many rights, from the lowest bit on, each version of Landlock knows; the last for all later.
 */
static const unsigned rights_known[] = {13, 14, 15, 15, 16};
#define VERSIONS_KNOWN (sizeof(rights_known) / sizeof(rights_known[0]))

struct rules {
    int set;
    uint64_t handled; /* the rights that this kernel knows of */
    int failed;       /* errno of a rule that could not be made; 0: none */
};

static long version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool sandbox_files_available(void)
{
    return version() > 0;
}

/* A set in which every right is handled, so that all are refused but those that rules grant. */
static bool create_set(struct rules *rules)
{
    long newest = version();
    if (newest <= 0)
        return false;
    size_t row = (size_t)newest < VERSIONS_KNOWN ? (size_t)newest : VERSIONS_KNOWN;
    rules->handled = (UINT64_C(1) << rights_known[row - 1]) - 1;
    const struct landlock_ruleset_attr attributes = {.handled_access_fs = rules->handled};
    rules->set = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0U);
    return rules->set >= 0;
}

static void allow(struct rules *rules, const char *path, uint64_t rights)
{
    struct stat file;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    rights &= rules->handled;
    if (fstat(fd, &file) == 0 && !S_ISDIR(file.st_mode))
        rights &= FILE_RIGHTS;
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (rights != 0 &&
        syscall(SYS_landlock_add_rule, rules->set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0 &&
        errno != EBADFD) /* a pipe behind /dev/stdout: Landlock leaves such alone */
        rules->failed = errno;
    close(fd);
}

/* RIGHTS for all in the directory that PATH lies in. */
static void allow_around(struct rules *rules, const char *path, uint64_t rights)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof(copy))
        return;
    memcpy(copy, path, strlen(path) + 1);
    const char *directory = dirname(copy);
    allow(rules, strcmp(directory, "/") == 0 ? path : directory, rights);
}

/* The same, and where PATH leads to, should it be a symbolic link. */
static void allow_replaced(struct rules *rules, const char *path, uint64_t rights)
{
    char resolved[PATH_MAX];
    allow_around(rules, path, rights);
    if (realpath(path, resolved) != NULL)
        allow_around(rules, resolved, rights);
}

/*
 * A pipe or a terminal is not rotated: only it is granted, not what lies beside it. What an
 * earlier process did not finish is cut off at the start; whoever writes lines never cuts.
 */
static void allow_log(struct rules *rules, const char *path, unsigned threads)
{
    const uint64_t rights = threads & SANDBOX_START ? ROTATED | CUT : ROTATED;
    struct stat file;
    if (strcmp(path, "-") == 0)
        return;
    if (stat(path, &file) == 0 && !S_ISREG(file.st_mode))
        allow(rules, path, LOG);
    else
        allow_replaced(rules, path, rights);
}

/* Sockets are removed at the end. */
static void allow_sockets(struct rules *rules, const struct configuration *configuration)
{
    for (size_t i = 0; i < configuration->listener_count; i++) {
        if (configuration->listeners[i].unix_path != NULL)
            allow_around(rules, configuration->listeners[i].unix_path, REMOVE);
    }
    if (configuration->admin_unix_path != NULL)
        allow_around(rules, configuration->admin_unix_path, REMOVE);
}

static void allow_client_certificates(struct rules *rules,
                                      const struct configuration *configuration)
{
    const char *system = tls_system_bundle();
    if (system != NULL)
        allow_replaced(rules, system, READ);
    if (configuration->trust[0] != '\0')
        allow_replaced(rules, configuration->trust, READ);
    for (size_t i = 0; i < configuration->client_certificate_count; i++) {
        allow_replaced(rules, configuration->client_certificates[i].certificate, READ);
        allow_replaced(rules, configuration->client_certificates[i].key, READ);
    }
    for (size_t i = 0; i < configuration->inspection_count; i++) {
        allow_replaced(rules, configuration->inspections[i].ca, READ);
        allow_replaced(rules, configuration->inspections[i].key, READ);
    }
}

/* What SIGHUP has read again. */
static void allow_listeners(struct rules *rules, const struct configuration *configuration)
{
    for (size_t i = 0; i < configuration->listener_count; i++) {
        const struct listener_configuration *listener = &configuration->listeners[i];
        const char *const files[] = {listener->certificate,      listener->key,
                                     listener->client_ca,        listener->crl,
                                     listener->credentials_path, listener->mtls.roles_path,
                                     listener->proxy.roles_path};
        for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
            if (files[j] != NULL)
                allow_replaced(rules, files[j], READ);
        }
    }
    allow_client_certificates(rules, configuration);
}

/* c-ares reads these when a worker's resolver is made, and not again. */
static void allow_resolver_start(struct rules *rules)
{
    allow(rules, "/etc/resolv.conf", READ);
    allow(rules, "/dev/urandom", READ);
}

static void allow_all(struct rules *rules, const struct configuration *configuration,
                      unsigned threads)
{
    if (threads & SANDBOX_START)
        allow_resolver_start(rules);
    if (threads & (SANDBOX_START | SANDBOX_MAIN)) {
        allow_replaced(rules, configuration->policy_path, READ);
        allow_listeners(rules, configuration);
        allow_sockets(rules, configuration);
    }
    if (threads & SANDBOX_WORKER && configuration->hosts_file[0] != '\0')
        allow_replaced(rules, configuration->hosts_file, READ);
    if (threads & (SANDBOX_START | SANDBOX_LOG_WRITER))
        allow_log(rules, configuration->log_decisions, threads);
}

int sandbox_files_prepare(const struct configuration *configuration, unsigned threads,
                          struct error *error)
{
    struct rules rules = {.set = -1};
    if (!create_set(&rules)) {
        error_set(error, "cannot make Landlock rules: %s", strerror(errno));
        return -1;
    }
    allow_all(&rules, configuration, threads);
    if (rules.failed == 0)
        return rules.set;
    error_set(error, "cannot make Landlock rules: %s", strerror(rules.failed));
    close(rules.set);
    return -1;
}

bool sandbox_files_restrict(int prepared)
{
    return syscall(SYS_landlock_restrict_self, prepared, 0U) == 0;
}
