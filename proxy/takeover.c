/*
 * Asking is done before the process guards itself, blocking and in order; what is
 * said afterwards never waits. The old process is not believed: what it gives is
 * used only if the kernel says that it is a listening socket.
 */
#include "proxy/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void takeover_address(const char *unix_path, const struct ip *ip, uint16_t port,
                      char address[TAKEOVER_ADDRESS_SIZE])
{
    if (unix_path == NULL)
        ip_format_with_port(ip, port, address);
    else
        snprintf(address, TAKEOVER_ADDRESS_SIZE, "unix:%s", unix_path);
}

bool takeover_begin(struct takeover *takeover, const char *address, struct error *error)
{
    takeover->fd = takeover_connect(address, error);
    return takeover->fd >= 0;
}

bool takeover_find(struct takeover *takeover, const struct configuration *configuration,
                   struct error *error)
{
    char address[TAKEOVER_ADDRESS_SIZE];
    for (size_t i = 0; i < configuration->listener_count && takeover->fd < 0; i++) {
        const struct listener_configuration *listener = &configuration->listeners[i];
        takeover_address(listener->unix_path, &listener->ip, listener->port, address);
        takeover->fd = takeover_connect(address, error);
    }
    return takeover->fd >= 0;
}

static bool listens(int fd)
{
    int on = 0;
    socklen_t size = sizeof(on);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on == 1;
}

/* Adds those of MESSAGE that listen to *DESCRIPTORS, and closes the others. */
static bool keep(const struct takeover_message *message, int **descriptors, size_t *count)
{
    int *grown = reallocarray(*descriptors, *count + message->count, sizeof(int));
    if (grown != NULL)
        *descriptors = grown;
    for (size_t i = 0; i < message->count; i++) {
        if (grown != NULL && listens(message->descriptors[i]))
            grown[(*count)++] = message->descriptors[i];
        else
            close(message->descriptors[i]);
    }
    return grown != NULL;
}

static bool has_hung_up(int reason)
{
    return reason == 0 || reason == EPIPE || reason == ECONNRESET;
}

static bool fail(const char *address, int **descriptors, size_t *count, struct error *error)
{
    error_set(error, "cannot take over %s: %s", address,
              has_hung_up(errno) ? "the other process has ended, or another takes over from it"
                                 : strerror(errno));
    while (*count > 0)
        close((*descriptors)[--*count]);
    free(*descriptors);
    *descriptors = NULL;
    return false;
}

bool takeover_ask(const struct takeover *takeover, const char *address, int **descriptors,
                  size_t *count, struct error *error)
{
    struct takeover_message message = {.word = TAKEOVER_ALL};
    *descriptors = NULL;
    *count = 0;
    if (takeover->fd < 0)
        return true;
    if (!takeover_say(takeover->fd, TAKEOVER_WANT, span_of(address)))
        return fail(address, descriptors, count, error);
    do {
        if (!takeover_receive(takeover->fd, &message))
            return fail(address, descriptors, count, error);
        if (message.count > 0 && !keep(&message, descriptors, count))
            return fail(address, descriptors, count, error);
    } while (message.word == TAKEOVER_HERE);
    return true;
}

bool takeover_ask_one(const struct takeover *takeover, const char *address, int *descriptor,
                      struct error *error)
{
    int *descriptors;
    size_t count;
    *descriptor = -1;
    if (!takeover_ask(takeover, address, &descriptors, &count, error))
        return false;
    if (count > 0)
        *descriptor = descriptors[0];
    while (count > 1)
        close(descriptors[--count]);
    free(descriptors);
    return true;
}

void takeover_end(struct takeover *takeover)
{
    if (takeover->fd >= 0)
        close(takeover->fd);
    takeover->fd = -1;
}

static bool say(struct takeover *takeover, enum takeover_word word, struct span text)
{
    if (takeover->fd < 0)
        return true;
    if (takeover_say(takeover->fd, word, text) || errno == EAGAIN)
        return true;
    takeover_end(takeover);
    return false;
}

bool takeover_succeed(struct takeover *takeover, struct error *error)
{
    struct takeover_message message;
    if (takeover->fd < 0)
        return true;
    if (say(takeover, TAKEOVER_READY, SPAN("")) && takeover_hear(takeover->fd, &message) &&
        message.word == TAKEOVER_ALL && fcntl(takeover->fd, F_SETFL, O_NONBLOCK) == 0)
        return true;
    error_set(error, "the process that was to be taken over from has ended; start without "
                     "--takeover");
    takeover_end(takeover);
    return false;
}

void takeover_fail(struct takeover *takeover, const struct error *why)
{
    char words[TAKEOVER_TEXT_MAXIMUM];
    error_format(why, words, sizeof(words));
    (void)say(takeover, TAKEOVER_FAILED, span_of(words));
    takeover_end(takeover);
}

void takeover_pass_on(struct takeover *takeover, enum takeover_word word)
{
    (void)say(takeover, word, SPAN(""));
}
