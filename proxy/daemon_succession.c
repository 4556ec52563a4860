/*
 * How one process follows another, seen from the one that is followed: what it
 * gives away, and how it makes way. Nothing is given up before the other says that
 * it serves, so nothing is lost when it does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/daemon_parts.h"
#include "proxy/launcher.h"

/* ---- for the one that follows ------------------------------------------------------- */

static const int *find_admin(struct daemon *daemon, const char *address, size_t *count)
{
    const struct configuration *configuration = daemon->configuration;
    char configured[TAKEOVER_ADDRESS_SIZE], bound[TAKEOVER_ADDRESS_SIZE];
    if (daemon->admin == NULL)
        return NULL;
    takeover_address(configuration->admin_unix_path, &configuration->admin_ip,
                     configuration->admin_port, configured);
    takeover_address(configuration->admin_unix_path, &configuration->admin_ip,
                     admin_port(daemon->admin), bound);
    if (strcmp(address, configured) != 0 && strcmp(address, bound) != 0)
        return NULL;
    daemon->admin_given = true;
    *count = 1;
    return admin_socket(daemon->admin);
}

static const int *find_succession(const struct daemon *daemon, const char *address, size_t *count)
{
    char ours[TAKEOVER_ADDRESS_SIZE];
    listener_sockets_address(&daemon->sockets, ours);
    *count = 1;
    return strcmp(address, ours) == 0 ? handover_socket(daemon->handover) : NULL;
}

static const int *find(void *context, const char *address, size_t *count)
{
    struct daemon *daemon = context;
    const struct span what = span_of(address);
    if (span_starts_with(what, SPAN(TAKEOVER_ADMIN)))
        return find_admin(daemon, address + sizeof(TAKEOVER_ADMIN) - 1, count);
    if (span_starts_with(what, SPAN(TAKEOVER_SUCCESSION)))
        return find_succession(daemon, address + sizeof(TAKEOVER_SUCCESSION) - 1, count);
    return listener_sockets_give(&daemon->sockets, address, count);
}

static void tell(struct daemon *daemon, const char *event, const char *detail)
{
    log_queue_event(daemon->policy.log, event, span_of(detail),
                    snapshot_revision(daemon->policy.snapshot));
}

static void stay(void *context, const char *why)
{
    struct daemon *daemon = context;
    listener_sockets_take_back(&daemon->sockets);
    daemon->admin_given = false;
    tell(daemon, "takeover_failed", why);
    fprintf(stderr, "sallyport: not taken over, this process goes on: %s\n", why);
}

static void close_launcher(struct daemon *daemon)
{
    if (daemon->launcher >= 0)
        close(daemon->launcher);
    daemon->launcher = -1;
}

static void leave(void *context, pid_t process)
{
    struct daemon *daemon = context;
    char detail[64];
    snprintf(detail, sizeof(detail), "process %ld", (long)process);
    daemon->left = true;
    listener_sockets_leave(&daemon->sockets);
    if (daemon->admin_given)
        admin_leave(daemon->admin);
    close_launcher(daemon);
    daemon_loop_order(daemon, WORKER_LEAVE);
    tell(daemon, "taken_over", detail);
    fprintf(stderr, "sallyport: %s has taken over; what runs here ends here\n", detail);
}

/* ---- life --------------------------------------------------------------------------- */

/* The socket of the process before this one, or a new one. -1: there is none, and why has been
 * said. */
static int wait_at(const char *address, int inherited)
{
    int listening = inherited >= 0 ? inherited : takeover_listen(address);
    if (listening < 0)
        fprintf(stderr, "sallyport: nobody can take over from this process: %s\n", strerror(errno));
    return listening;
}

bool daemon_succession_open(struct daemon *daemon, struct error *error)
{
    const struct handover_source source = {.context = daemon,
                                           .find = find,
                                           .stay = stay,
                                           .leave = leave,
                                           .follow = daemon_loop_follow};
    char address[TAKEOVER_ADDRESS_SIZE], what[TAKEOVER_WHAT_SIZE];
    int inherited;
    if (!daemon->configuration->process_takeover) {
        close_launcher(daemon);
        return true;
    }
    listener_sockets_address(&daemon->sockets, address);
    snprintf(what, sizeof(what), TAKEOVER_SUCCESSION "%s", address);
    if (!takeover_ask_one(&daemon->takeover, what, &inherited, error))
        return false;
    int listening = wait_at(address, inherited);
    if (listening < 0)
        return true;
    daemon->handover = handover_new(daemon->base, listening, &source);
    if (daemon->handover == NULL)
        error_set(error, "out of memory");
    return daemon->handover != NULL;
}

void daemon_succession_start(struct daemon *daemon)
{
    char address[TAKEOVER_ADDRESS_SIZE];
    const char *why = NULL;
    listener_sockets_address(&daemon->sockets, address);
    if (daemon->left)
        why = "it has been taken over from already";
    else if (daemon->status.stopping)
        why = "it is stopping";
    else if (daemon->handover == NULL)
        why = "nobody can take over from it";
    else if (!launcher_start(daemon->launcher, address))
        why = strerror(errno);
    if (why != NULL)
        fprintf(stderr, "sallyport: the program is not started again: %s\n", why);
}
