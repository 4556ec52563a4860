/*
 * Whose turn it is: a worker's time, dealt out app by app, so that a thousand
 * streams of one app do not keep another's single request waiting.
 *
 * Each app and environment has one share of the worker (deficit round robin, in
 * nanoseconds): in a turn of the loop it is served at once as long as its credit
 * lasts; what comes after that waits in the share's own queue, and the shares that
 * wait are served in a circle, a credit each. What was used beyond the credit is taken
 * off the next one. Who is alone is never held up.
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
struct session;
struct worker;

TAILQ_HEAD(session_list, session);

struct share {
    struct limit_account *account; /* NULL: nothing is limited */
    struct session_list ready;     /* more to do now */
    struct session_list slowed;    /* over the app's bytes a second */
    TAILQ_ENTRY(share) waiting_link;
    TAILQ_ENTRY(share) slowed_link;
    bool is_waiting; /* in turns->waiting */
    bool is_slowed;  /* in turns->slowed */
    int64_t credit;  /* nanoseconds */
    uint64_t turn;   /* the turn of the loop that it was last given credit in */
    uint64_t since;  /* nanoseconds, monotonic: waits since then */
    struct log_share log;
};

TAILQ_HEAD(share_list, share);

struct turns {
    struct share_list waiting;
    struct share_list slowed;
    struct event *timer;      /* the next turn of those that wait */
    struct event *slow_timer; /* the first of the slowed is due */
    struct share strangers;   /* sessions of which nobody knows yet whose they are */
    struct share *current;    /* pays for what runs now */
    struct share *last;       /* had the last turn */
    uint64_t wait;            /* nanoseconds, smoothed: how long a share waits for its turn */
    uint64_t shared_until;    /* nanoseconds, monotonic: more than one app has work to do */
};

void share_init(struct share *share, struct limit_account *account);

/* False: memory is out. */
bool turns_init(struct turns *turns, struct worker *worker);
void turns_clear(struct turns *turns);

/* Whose SESSION is; strangers share one. */
struct share *turns_share(struct session *session);

/* An event came for SESSION: runs it, now or when it is its app's turn. */
void turns_wake(struct session *session);

/* SESSION has more to do: runs it again when the others had their turn. */
void turns_resume(struct session *session);

/* Who SESSION belongs to has just been found out: they pay for this run. */
void turns_identify(struct session *session);

/* SESSION's app is over its bytes a second: it will be run again, and may move nothing now. */
bool turns_hold_back(struct session *session);

/* Waits by turns_hold_back. */
bool turns_holds_back(const struct session *session);

/* SESSION has moved COUNT bytes of payload. */
void turns_pay(struct session *session, uint64_t count);

#endif
