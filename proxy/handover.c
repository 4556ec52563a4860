/*
 * One that follows at a time: while it is connected, others are turned away. It
 * has to be of the user that this process was started by, which is asked before
 * the process becomes another.
 */
#include "proxy/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct handover {
    struct event_base *base;
    struct handover_source source;
    uid_t owner;
    int listening;
    struct event *acceptable;
    int peer; /* -1: nobody is connected */
    pid_t peer_process;
    struct event *audible;
    bool left; /* the peer serves now */
};

static void forget_peer(struct handover *handover)
{
    if (handover->audible != NULL)
        event_free(handover->audible);
    if (handover->peer >= 0)
        close(handover->peer);
    handover->audible = NULL;
    handover->peer = -1;
}

static void lose_peer(struct handover *handover, const char *why)
{
    forget_peer(handover);
    if (!handover->left)
        handover->source.stay(handover->source.context, why);
}

static void stop_listening(struct handover *handover)
{
    if (handover->acceptable != NULL)
        event_free(handover->acceptable);
    if (handover->listening >= 0)
        close(handover->listening);
    handover->acceptable = NULL;
    handover->listening = -1;
}

/* ---- what it is told -------------------------------------------------------------- */

static bool give_all(const struct handover *handover, const int *descriptors, size_t count)
{
    for (size_t given = 0; given < count;) {
        size_t left = count - given;
        size_t now = left < TAKEOVER_DESCRIPTORS_MAXIMUM ? left : TAKEOVER_DESCRIPTORS_MAXIMUM;
        if (!takeover_give(handover->peer, descriptors + given, now))
            return false;
        given += now;
    }
    return takeover_say(handover->peer, TAKEOVER_ALL, SPAN(""));
}

static void answer(struct handover *handover, const char *address)
{
    size_t count = 0;
    const int *descriptors = handover->source.find(handover->source.context, address, &count);
    if (!give_all(handover, descriptors, descriptors == NULL ? 0 : count))
        lose_peer(handover, strerror(errno));
}

/* What the peer has loaded may be newer than ours; to load it takes time, which it need not wait.
 */
static void leave(struct handover *handover)
{
    const struct handover_source *source = &handover->source;
    handover->left = true;
    stop_listening(handover);
    source->leave(source->context, handover->peer_process);
    (void)takeover_say(handover->peer, TAKEOVER_ALL, SPAN(""));
    source->follow(source->context, TAKEOVER_POLICY);
    source->follow(source->context, TAKEOVER_IDENTITIES);
}

static void obey(struct handover *handover, const struct takeover_message *message)
{
    switch (message->word) {
    case TAKEOVER_WANT:
        if (!handover->left)
            answer(handover, message->text);
        break;
    case TAKEOVER_READY:
        if (!handover->left)
            leave(handover);
        break;
    case TAKEOVER_FAILED:
        lose_peer(handover, message->text);
        break;
    case TAKEOVER_POLICY:
    case TAKEOVER_LOG:
    case TAKEOVER_IDENTITIES:
        if (handover->left)
            handover->source.follow(handover->source.context, (enum takeover_word)message->word);
        break;
    default:
        lose_peer(handover, "it speaks another language");
        break;
    }
}

static void on_audible(evutil_socket_t fd, short what, void *context)
{
    struct handover *handover = context;
    struct takeover_message message;
    (void)what;
    if (takeover_hear(fd, &message))
        obey(handover, &message);
    else if (errno != EAGAIN)
        lose_peer(handover, "it ended without a word");
}

/* ---- who comes -------------------------------------------------------------------- */

static void welcome(struct handover *handover, int fd)
{
    handover->peer_process = takeover_peer(fd, handover->owner);
    if (handover->peer >= 0 || handover->peer_process < 0) {
        close(fd);
        return;
    }
    handover->peer = fd;
    handover->audible = event_new(handover->base, fd, EV_READ | EV_PERSIST, on_audible, handover);
    if (handover->audible == NULL || event_add(handover->audible, NULL) != 0)
        forget_peer(handover);
}

static void on_acceptable(evutil_socket_t listening, short what, void *context)
{
    (void)what;
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        welcome(context, fd);
}

struct handover *handover_new(struct event_base *base, int listening,
                              const struct handover_source *source)
{
    struct handover *handover = calloc(1, sizeof(*handover));
    if (handover == NULL) {
        close(listening);
        return NULL;
    }
    *handover = (struct handover){
        .base = base, .source = *source, .owner = geteuid(), .listening = listening, .peer = -1};
    handover->acceptable =
        event_new(base, listening, EV_READ | EV_PERSIST, on_acceptable, handover);
    if (handover->acceptable != NULL && event_add(handover->acceptable, NULL) == 0)
        return handover;
    handover_free(handover);
    return NULL;
}

const int *handover_socket(const struct handover *handover)
{
    return &handover->listening;
}

void handover_free(struct handover *handover)
{
    if (handover == NULL)
        return;
    forget_peer(handover);
    stop_listening(handover);
    free(handover);
}
