/*
 * The loop is: hand on what is held, then take more, by copy or by splice. Every
 * helper answers RELAY_DONE for "go on"; anything else is the turn's answer.
 */
#include "proxy/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define THIN 4096 /* a splice of fewer bytes than this was not worth its pipe: copy again */

void relay_init(struct relay *relay, uint64_t limit)
{
    *relay = (struct relay){.left = limit, .pipe = {-1, -1}};
}

static void take_from_limit(struct relay *relay, size_t count)
{
    if (relay->left != RELAY_NO_LIMIT)
        relay->left -= count;
}

static bool hold(struct relay *relay, struct span bytes)
{
    relay->held = malloc(bytes.length);
    if (relay->held == NULL)
        return false;
    memcpy(relay->held, bytes.data, bytes.length);
    relay->held_length = (uint32_t)bytes.length;
    relay->held_sent = 0;
    return true;
}

static void drop_held(struct relay *relay)
{
    if (relay->held != NULL)
        explicit_bzero(relay->held, relay->held_length);
    free(relay->held);
    relay->held = NULL;
    relay->held_length = relay->held_sent = 0;
}

bool relay_preload(struct relay *relay, struct span bytes)
{
    if (bytes.length == 0)
        return true;
    if (!hold(relay, bytes))
        return false;
    take_from_limit(relay, bytes.length);
    return true;
}

static enum relay_result result_of_write(enum transport_result result)
{
    return result == TRANSPORT_AGAIN ? RELAY_WAIT : RELAY_TO_FAILED;
}

/* What TLS takes at a time is a record; *SENT is what went in all. */
static enum transport_result write_all(struct transport *to, const char *bytes, size_t size,
                                       size_t *sent)
{
    enum transport_result result = TRANSPORT_OK;
    size_t count;
    *sent = 0;
    while (*sent < size && result == TRANSPORT_OK) {
        result = transport_write(to, bytes + *sent, size - *sent, &count);
        if (result == TRANSPORT_OK)
            *sent += count;
    }
    return result;
}

/* RELAY_DONE: nothing is held any more. */
static enum relay_result send_held(struct relay *relay, struct transport *to, uint64_t *moved)
{
    size_t sent;
    const enum transport_result result =
        write_all(to, relay->held + relay->held_sent, relay->held_length - relay->held_sent, &sent);
    relay->held_sent += (uint32_t)sent;
    *moved += sent;
    if (result != TRANSPORT_OK)
        return result_of_write(result);
    drop_held(relay);
    return RELAY_DONE;
}

/* RELAY_DONE: the pipe is empty. */
static enum relay_result drain_pipe(struct relay *relay, struct transport *to, uint64_t *moved)
{
    while (relay->in_pipe > 0) {
        if (!to->writable)
            return RELAY_WAIT;
        ssize_t sent = splice(relay->pipe.read_fd, NULL, to->fd, NULL, relay->in_pipe,
                              SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            to->writable = false;
            return RELAY_WAIT;
        }
        if (sent <= 0)
            return RELAY_TO_FAILED;
        relay->in_pipe -= (uint32_t)sent;
        *moved += (uint64_t)sent;
    }
    return RELAY_DONE;
}

static enum relay_result sender_ended(struct relay *relay)
{
    if (relay->left != RELAY_NO_LIMIT)
        return RELAY_FROM_ENDED;
    relay->ended = true;
    return RELAY_DONE;
}

/* ROOM: bytes left of the turn. */
static size_t wanted(const struct relay *relay, size_t room)
{
    const size_t at_most = room < RELAY_SCRATCH_SIZE ? room : RELAY_SCRATCH_SIZE;
    return relay->left < at_most ? (size_t)relay->left : at_most;
}

/*
 * TLS gives a record at a time: those that wait go out together. What ends them is told again by
 * the next read.
 */
static enum transport_result read_waiting(struct transport *from, char *bytes, size_t size,
                                          size_t *got)
{
    size_t count;
    const enum transport_result result = transport_read(from, bytes, size, got);
    if (result != TRANSPORT_OK || from->tls == NULL)
        return result;
    while (*got < size && transport_read(from, bytes + *got, size - *got, &count) == TRANSPORT_OK)
        *got += count;
    return result;
}

/* What can be read at once, through the scratch buffer. RELAY_DONE: go on. */
static enum relay_result copy_once(struct relay *relay, struct transport *from,
                                   struct transport *to, char *scratch, size_t room,
                                   uint64_t *moved)
{
    size_t got, sent;
    enum transport_result result = read_waiting(from, scratch, wanted(relay, room), &got);
    if (result == TRANSPORT_AGAIN)
        return RELAY_WAIT;
    if (result == TRANSPORT_END)
        return sender_ended(relay);
    if (result != TRANSPORT_OK)
        return RELAY_FROM_FAILED;
    take_from_limit(relay, got);
    result = write_all(to, scratch, got, &sent);
    if (result != TRANSPORT_OK && result != TRANSPORT_AGAIN)
        return RELAY_TO_FAILED;
    *moved += sent;
    if (sent < got) {
        if (!hold(relay, (struct span){scratch + sent, got - sent}))
            return RELAY_TO_FAILED;
        return RELAY_DONE;
    }
    relay->bulk = got == RELAY_SCRATCH_SIZE && from->tls == NULL && to->tls == NULL;
    return RELAY_DONE;
}

/* One splice into the pipe; what is in it goes out on the next round. RELAY_DONE: go on. */
static enum relay_result fill_pipe(struct relay *relay, struct transport *from,
                                   struct relay_lender *lender, size_t room)
{
    if (relay->pipe.read_fd < 0 && !pipe_pool_take(&lender->pipes, &relay->pipe)) {
        relay->bulk = false;
        return RELAY_DONE;
    }
    ssize_t got = splice(from->fd, NULL, relay->pipe.write_fd, NULL, wanted(relay, room),
                         SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (got > 0) {
        relay->in_pipe = (uint32_t)got;
        relay->bulk = got >= THIN;
        take_from_limit(relay, (size_t)got);
        return RELAY_DONE;
    }
    if (got == 0)
        return sender_ended(relay);
    if (errno == EINTR)
        return RELAY_DONE;
    if (errno != EAGAIN)
        return RELAY_FROM_FAILED;
    from->readable = false;
    return RELAY_WAIT;
}

static enum relay_result send_waiting(struct relay *relay, struct transport *to, uint64_t *moved)
{
    if (relay->held != NULL)
        return send_held(relay, to, moved);
    return drain_pipe(relay, to, moved);
}

static enum relay_result advance(struct relay *relay, struct transport *from, struct transport *to,
                                 struct relay_lender *lender, uint64_t *moved)
{
    const uint64_t turn_end = *moved + relay_turn_bytes(lender);
    for (;;) {
        enum relay_result result = send_waiting(relay, to, moved);
        if (result != RELAY_DONE || relay->ended || relay->left == 0)
            return result;
        if (!from->readable)
            return RELAY_WAIT;
        if (*moved >= turn_end)
            return RELAY_YIELD;
        const size_t room = (size_t)(turn_end - *moved);
        result = relay->bulk ? fill_pipe(relay, from, lender, room)
                             : copy_once(relay, from, to, lender->scratch, room, moved);
        if (result != RELAY_DONE)
            return result;
    }
}

static void give_pipe_back(struct relay *relay, struct relay_lender *lender)
{
    if (relay->pipe.read_fd >= 0)
        pipe_pool_give(&lender->pipes, &relay->pipe, relay->in_pipe == 0);
    relay->in_pipe = 0;
}

enum relay_result relay_turn(struct relay *relay, struct transport *from, struct transport *to,
                             struct relay_lender *lender, uint64_t *moved)
{
    enum relay_result result = advance(relay, from, to, lender, moved);
    if (relay->in_pipe == 0)
        give_pipe_back(relay, lender);
    return result;
}

void relay_clear(struct relay *relay, struct relay_lender *lender)
{
    drop_held(relay);
    give_pipe_back(relay, lender);
}
