/*
 * Whose turn it is: a worker's time, dealt out app by app, so that a thousand
 * streams of one app do not keep another's single request waiting.
 *
 * Each app and environment has one share of the worker (deficit round robin, in
 * nanoseconds). An event only notes that a share has work; served are first those that
 * have credit left in this round, one run each in turn, then those that have used theirs
 * up, in a circle, a credit each: the circle once round is a round. So who asks for little
 * waits for one run of another's, not for its credit. What was used beyond the credit is
 * taken off the next one. While more than one share has work, events are looked for again
 * after a few runs. Who is alone is never held up.
 *
 * New connections are taken the same way, as work of the app that the listener is for;
 * where only the client can say whose it is, the listener has a share of its own for as
 * long as it has not.
 *
 * An app that is over its bytes a second waits here, too: its sessions are not
 * read until the bytes that went are paid for, one after the other.
 */
#ifndef SALLYPORT_PROXY_TURNS_H
#define SALLYPORT_PROXY_TURNS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proxy/decision_log.h"

struct limit_account;
struct listener;
struct session;
struct worker;

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(listener_list, listener);
TAILQ_HEAD(share_list, share);

struct share {
    struct limit_account *account;   /* NULL: nothing is limited */
    struct session_list ready;       /* more to do now */
    struct session_list slowed;      /* over the app's bytes a second */
    struct listener_list acceptable; /* somebody waits to be accepted */
    TAILQ_ENTRY(share) link;
    TAILQ_ENTRY(share) slowed_link;
    struct share_list *list; /* turns->fresh or waiting; NULL: has no work */
    bool is_slowed;          /* in turns->slowed */
    bool accepts;            /* its last run was a new connection */
    int64_t credit;          /* nanoseconds */
    uint64_t round;          /* that it was last given credit in */
    uint64_t since;          /* nanoseconds, monotonic: waits since then; 0: it had its turn */
    struct log_share log;
};

struct turns {
    struct share_list fresh;   /* have work, and credit left in this round */
    struct share_list waiting; /* have work, and have had their credit: a circle */
    struct share_list slowed;
    uint64_t round;
    bool is_serving;
    struct event *timer;      /* the next turn of those that have work */
    struct event *slow_timer; /* the first of the slowed is due */
    struct share *current;    /* pays for what runs now */
    struct share *last;       /* had the last turn */
    uint64_t wait;            /* nanoseconds, smoothed: how long a share waits for its turn */
    uint64_t shared_until;    /* nanoseconds, monotonic: more than one app has work to do */
};

void share_init(struct share *share, struct limit_account *account);

/* False: memory is out. */
bool turns_init(struct turns *turns, struct worker *worker);
void turns_clear(struct turns *turns);

/* Whose SESSION is; as long as nobody knows, its listener's. */
struct share *turns_share(struct session *session);

/* SESSION has something to do: it is run when it is its app's turn, never from within. */
void turns_resume(struct session *session);

/* Somebody waits at LISTENER: accepted when it is its share's turn, until nobody waits. */
void turns_accept(struct listener *listener);
void turns_accept_no_more(struct listener *listener);

/* Who SESSION belongs to has just been found out: they pay for this run. */
void turns_identify(struct session *session);

/* SESSION's app is over its bytes a second: it will be run again, and may move nothing now. */
bool turns_hold_back(struct session *session);

/* Waits by turns_hold_back. */
bool turns_holds_back(const struct session *session);

/* SESSION has moved COUNT bytes of payload. */
void turns_pay(struct session *session, uint64_t count);

#endif
