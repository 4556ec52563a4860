/* Waiting is by asking again: flock itself would wait without end. */
#include "policy/ledger_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "policy/text.h"

#define LOCK_NAME  ".lock"
#define ASK_EVERY  2 /* milliseconds */
#define NAMED_MOST 80

static const struct position whole_file = {0, 0};

static int refuse(const char *name, const char *why, struct error *error)
{
    error_set_at(error, name, whole_file, "%s: %s", why, strerror(errno));
    return -1;
}

/* Who says in the file that the lock is theirs. */
static void refuse_busy(int lock, const char *name, unsigned wait_ms, struct error *error)
{
    char who[NAMED_MOST], quoted[TEXT_QUOTE_SIZE];
    ssize_t length = pread(lock, who, sizeof(who), 0);
    struct span said = {who, length < 0 ? 0 : (size_t)length};
    said.length = span_find(said, '\n');
    error_set_at(error, name, whole_file,
                 "another command is writing here (%s) and has not come to its end in %u ms; try "
                 "again",
                 text_quote(said, quoted), wait_ms);
}

static bool wait_for(int lock, int kind, unsigned wait_ms)
{
    const struct timespec pause = {.tv_nsec = ASK_EVERY * 1000000L};
    for (unsigned waited = 0; flock(lock, kind | LOCK_NB) != 0; waited += ASK_EVERY) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (waited >= wait_ms)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* For whoever waits; nothing depends on it. */
static void sign(int lock, const char *command)
{
    char who[NAMED_MOST];
    int length = snprintf(who, sizeof(who), "sallyport %s, process %ld\n", command, (long)getpid());
    if (ftruncate(lock, 0) == 0 && length > 0 && length < (int)sizeof(who) &&
        pwrite(lock, who, (size_t)length, 0) != length)
        errno = 0;
}

int ledger_lock_take(int directory, const char *name, const char *command, unsigned wait_ms,
                     struct error *error)
{
    int lock = openat(directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (lock < 0)
        return refuse(name, "cannot be written to", error);
    if (wait_for(lock, LOCK_EX, wait_ms)) {
        sign(lock, command);
        return lock;
    }
    if (errno == EWOULDBLOCK || errno == EINTR)
        refuse_busy(lock, name, wait_ms, error);
    else
        refuse(name, "cannot be locked", error);
    close(lock);
    return -1;
}

int ledger_lock_share(int directory, unsigned wait_ms)
{
    int lock = openat(directory, LOCK_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0 && wait_for(lock, LOCK_SH, wait_ms))
        return lock;
    if (lock >= 0)
        close(lock);
    return -1;
}
