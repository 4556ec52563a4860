/*
 * Rests on the order: the bounding set is emptied while there is still
 * CAP_SETPCAP to do it with, the groups go while there is CAP_SETGID, the user
 * last (setuid(2), capabilities(7)). What was given up is then asked for once
 * more, and has to be refused.
 *
 * Plain prctl and capset: three calls read more easily than a library of them.
 */
#include "proxy/sandbox_privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool fail(struct error *error, const char *what)
{
    error_set(error, "cannot %s: %s", what, strerror(errno));
    return false;
}

/* Without CAP_SETPCAP the set cannot be changed; no_new_privs then keeps it from mattering. */
static void empty_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static bool drop_capabilities(struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return fail(error, "clear the ambient capabilities");
    if (syscall(SYS_capset, &header, none) != 0)
        return fail(error, "drop the capabilities");
    return true;
}

static const struct passwd *find_user(const char *name, struct error *error)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        error_set(error, "process.user %s: %s", name,
                  errno == 0 ? "there is no such user" : strerror(errno));
    if (user != NULL && user->pw_uid == 0) {
        error_set(error, "process.user %s is root itself; name a user without privileges", name);
        return NULL;
    }
    return user;
}

static bool become(const char *name, struct error *error)
{
    const struct passwd *user = find_user(name, error);
    if (user == NULL)
        return false;
    if (geteuid() == user->pw_uid)
        return true;
    if (geteuid() != 0) {
        error_set(error,
                  "cannot become process.user %s: not started as root; leave process.user out, or "
                  "start as root or as %s",
                  name, name);
        return false;
    }
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        error_set(error, "cannot become process.user %s: %s", name, strerror(errno));
        return false;
    }
    if (setresuid(0, 0, 0) == 0) {
        error_set(error, "cannot become process.user %s for good: root could be had back", name);
        return false;
    }
    return true;
}

bool sandbox_privileges_drop(const char *user, struct error *error)
{
    const struct rlimit nothing = {0, 0};
    empty_bounding_set();
    if (user != NULL && user[0] != '\0') {
        if (!become(user, error))
            return false;
    } else {
        (void)setgroups(0, NULL); /* who may not do this keeps the groups it was given */
    }
    if (!drop_capabilities(error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(error, "give up the gain of privileges by exec");
    if (setrlimit(RLIMIT_CORE, &nothing) != 0)
        return fail(error, "turn core dumps off");
    return true;
}

bool sandbox_privileges_hide(struct error *error)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 || fail(error, "hide from other processes");
}
