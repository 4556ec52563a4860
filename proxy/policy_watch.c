/*
 * The table of watches is never mended: after each change that may have brought a
 * directory, and before the callback, the tree is walked, every directory
 * watched (watching one again is harmless), and the table made anew.
 * So a directory that appears is watched before it is read, and whatever comes
 * later is an event of its own. DIR itself may be replaced: its parent is watched
 * for its name.
 */
#include "proxy/policy_watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "policy/span.h"
#include "proxy/clock.h"
#include "proxy/watched_places.h"

#define LEVELS            5 /* DIR, APP, ENVIRONMENT, versions, MAJOR.MINOR */
#define RENAMED_REST_MS   2
#define CHANGES           (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define DEBOUNCES_AT_MOST 10

struct policy_watch {
    char *directory;
    char *parent;
    char *name; /* of the directory in its parent */
    unsigned debounce_ms;
    policy_watch_callback *callback;
    void *context;
    int fd;
    int parent_watch;
    struct event *readable;
    struct event *timer;
    bool waiting;        /* a change was seen, the callback is due */
    bool at_once;        /* the timer runs for a rename: nothing prolongs it */
    bool walk_due;       /* there may be directories that are not watched */
    int directory_watch; /* of the directory itself */
    struct watched_places places;
    struct policy_change change; /* since the last call */
    uint64_t first_change;       /* milliseconds, monotonic */
    bool called;
    uint64_t last_call;
};

/* ---- watching ------------------------------------------------------------------ */

static bool is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* False: memory is out. */
static bool note_watch(struct policy_watch *watch, int number, const char *path)
{
    struct span below = span_after(span_of(path), strlen(watch->directory));
    if (below.length == 0)
        watch->directory_watch = number;
    return below.length == 0 || watched_places_add(&watch->places, number, span_after(below, 1));
}

/* False: PATH cannot be watched, for a reason other than not being a directory. */
static bool watch_tree(struct policy_watch *watch, const char *path, int levels)
{
    int number = inotify_add_watch(watch->fd, path, CHANGES | IN_ONLYDIR);
    if (number < 0)
        return errno == ENOTDIR || errno == ENOENT;
    if (!note_watch(watch, number, path))
        return false;
    if (levels == 1)
        return true;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return errno == ENOENT;
    bool watched = true;
    const struct dirent *entry;
    while (watched && (entry = readdir(directory)) != NULL) {
        char below[PATH_MAX];
        int length = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (is_visible(entry) && length < (int)sizeof(below))
            watched = watch_tree(watch, below, levels - 1);
    }
    int reason = errno;
    closedir(directory);
    errno = reason;
    return watched;
}

static bool watch_all(struct policy_watch *watch)
{
    watched_places_clear(&watch->places);
    watch->directory_watch = -1;
    bool watched = watch_tree(watch, watch->directory, LEVELS);
    watched_places_sort(&watch->places);
    return watched;
}

/* ---- what counts as a change ------------------------------------------------------ */

/* Editors' and deploy tools' files aside do not count; "..data" is how a mounted ConfigMap is
 * swapped. */
static bool name_counts(struct span name)
{
    if (span_equal(name, SPAN("..data")))
        return true;
    return !span_starts_with(name, SPAN(".")) && !span_ends_with(name, SPAN("~")) &&
           !span_ends_with(name, SPAN(".swp"));
}

static bool event_counts(const struct policy_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true;
    if (event->len == 0 || (event->mask & CHANGES) == 0)
        return false;
    if (event->wd == watch->parent_watch)
        return strcmp(event->name, watch->name) == 0;
    return name_counts(span_of(event->name));
}

/* A file of a policy by its name, and so no directory nor a link to one. */
static bool is_policy_file(const struct inotify_event *event)
{
    struct span name = span_of(event->name);
    return (event->mask & IN_ISDIR) == 0 &&
           (span_ends_with(name, SPAN(".yml")) || span_ends_with(name, SPAN(".yaml")) ||
            span_ends_with(name, SPAN(".json")) || span_ends_with(name, SPAN(".jsonl")));
}

static void start_timer(struct policy_watch *watch, unsigned milliseconds)
{
    const struct timeval rest = {.tv_sec = milliseconds / 1000,
                                 .tv_usec = (suseconds_t)(milliseconds % 1000) * 1000};
    watch->waiting = true;
    event_add(watch->timer, &rest);
}

/* Many renames in a row gather like other changes. */
static bool may_call_at_once(const struct policy_watch *watch, bool renamed)
{
    return renamed &&
           (!watch->called || clock_milliseconds() - watch->last_call >= watch->debounce_ms);
}

static void wait_for_rest(struct policy_watch *watch, bool renamed)
{
    uint64_t now = clock_milliseconds();
    if (watch->at_once)
        return;
    if (may_call_at_once(watch, renamed)) {
        watch->at_once = true;
        start_timer(watch, RENAMED_REST_MS);
        return;
    }
    if (!watch->waiting)
        watch->first_change = now;
    else if (now - watch->first_change >= (uint64_t)watch->debounce_ms * DEBOUNCES_AT_MOST)
        return;
    start_timer(watch, watch->debounce_ms);
}

static void on_rested(evutil_socket_t fd, short what, void *context)
{
    struct policy_watch *watch = context;
    (void)fd;
    (void)what;
    watch->waiting = false;
    watch->at_once = false;
    if (watch->walk_due)
        (void)watch_all(watch); /* the callback finds what is wrong */
    watch->change.whole = watch->change.whole || watch->walk_due;
    watch->walk_due = false;
    watch->callback(watch->context, &watch->change);
    watch->change = (struct policy_change){.whole = false};
    watch->called = true;
    watch->last_call = clock_milliseconds();
}

/* What the ledger gains is looked at in any case. */
static void note_change(struct policy_watch *watch, const struct inotify_event *event)
{
    if (event->len == 0 || !is_policy_file(event))
        watch->walk_due = true;
    else if (event->wd != watch->directory_watch ||
             !span_equal(span_of(event->name), SPAN("ledger.jsonl")))
        watched_places_tell(&watch->places, event->wd, &watch->change);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    _Alignas(struct inotify_event) char events[16384];
    struct policy_watch *watch = context;
    bool changed = false, renamed = false;
    ssize_t length;
    (void)what;
    while ((length = read(fd, events, sizeof(events))) > 0) {
        const struct inotify_event *event;
        for (char *at = events; at < events + length; at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)(const void *)at;
            if (!event_counts(watch, event))
                continue;
            changed = true;
            renamed = renamed || (event->mask & IN_MOVED_TO) != 0;
            note_change(watch, event);
        }
    }
    if (changed)
        wait_for_rest(watch, renamed);
}

/* ---- life ------------------------------------------------------------------------- */

static bool split_path(struct policy_watch *watch, const char *directory)
{
    struct span path = span_of(directory);
    while (path.length > 1 && path.data[path.length - 1] == '/')
        path.length--;
    size_t slash = path.length;
    while (slash > 0 && path.data[slash - 1] != '/')
        slash--;
    watch->directory = span_duplicate(path);
    watch->parent =
        slash == 0 ? span_duplicate(SPAN(".")) : span_duplicate(span_slice(path, 0, slash));
    watch->name = span_duplicate(span_after(path, slash));
    return watch->directory != NULL && watch->parent != NULL && watch->name != NULL;
}

static bool start(struct policy_watch *watch, struct event_base *base)
{
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0)
        return false;
    watch->parent_watch = inotify_add_watch(watch->fd, watch->parent, CHANGES | IN_ONLYDIR);
    if (watch->parent_watch < 0 || !watch_all(watch))
        return false;
    watch->timer = evtimer_new(base, on_rested, watch);
    watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
    return watch->timer != NULL && watch->readable != NULL && event_add(watch->readable, NULL) == 0;
}

struct policy_watch *policy_watch_new(struct event_base *base, const char *directory,
                                      unsigned debounce_ms, policy_watch_callback *callback,
                                      void *context, struct error *error)
{
    struct policy_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    watch->fd = -1;
    watch->debounce_ms = debounce_ms;
    watch->callback = callback;
    watch->context = context;
    if (split_path(watch, directory) && start(watch, base))
        return watch;
    error_set(error,
              "cannot watch %s for changes: %s; raise fs.inotify.max_user_watches, or turn "
              "policy.watch off and reload by SIGHUP",
              directory, strerror(errno));
    policy_watch_free(watch);
    return NULL;
}

void policy_watch_free(struct policy_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->readable != NULL)
        event_free(watch->readable);
    if (watch->timer != NULL)
        event_free(watch->timer);
    if (watch->fd >= 0)
        close(watch->fd);
    watched_places_clear(&watch->places);
    free(watch->directory);
    free(watch->parent);
    free(watch->name);
    free(watch);
}
