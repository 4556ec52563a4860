/*
 * Minutes are the clock's, not the app's: an account needs no memory of when each
 * request came, and at most two minutes' worth can pass within any sixty seconds.
 * Bytes are a token bucket that is one number (the generic cell rate algorithm): the
 * time at which all bytes so far would have gone at the app's rate. Ahead of the clock,
 * it says how long to wait; behind it, what was saved up, which is bounded.
 */
#include "proxy/limiter.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>

#include "proxy/minute_counter.h"
#include "proxy/name_set.h"

#define MINUTE   60000 /* milliseconds */
#define SECOND   UINT64_C(1000000000)
#define KEY_SIZE 256 /* three names of at most 63 bytes, and what is between them */
#define SAVED                                                                                      \
    (SECOND / 10) /* how much of a pause may be made up for: late wake-ups cost nothing            \
                   */

struct limiter {
    const struct configuration *configuration;
    pthread_mutex_t lock;
    _Atomic(struct limit_account *) accounts; /* only ever grows, at its head */
    void *by_key;                             /* a tree of the same, for tsearch */
};

struct limiter *limiter_new(const struct configuration *configuration)
{
    struct limiter *limiter = calloc(1, sizeof(*limiter));
    if (limiter == NULL)
        return NULL;
    limiter->configuration = configuration;
    pthread_mutex_init(&limiter->lock, NULL); /* cannot fail on Linux */
    return limiter;
}

/* The list owns them. */
static void keep_account(void *account)
{
    (void)account;
}

void limiter_free(struct limiter *limiter)
{
    if (limiter == NULL)
        return;
    struct limit_account *account = limiter->accounts, *next;
    tdestroy(limiter->by_key, keep_account);
    for (; account != NULL; account = next) {
        next = account->next;
        name_set_free(account->names);
        free(account);
    }
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct limits limits_of(const struct configuration *configuration,
                               const struct subject *subject)
{
    for (size_t i = 0; i < configuration->app_limit_count; i++) {
        const struct app_limits *own = &configuration->app_limits[i];
        if (span_equal(subject->app, span_of(own->app)) &&
            span_equal(subject->environment, span_of(own->environment)))
            return own->limits;
    }
    return configuration->limits;
}

/* "app/environment/installation": their names hold no slash. */
static size_t write_key(const struct subject *subject, char key[KEY_SIZE])
{
    struct text text;
    text_init_fixed(&text, key, KEY_SIZE - 1);
    text_add(&text, subject->app);
    text_add_char(&text, '/');
    text_add(&text, subject->environment);
    text_add_char(&text, '/');
    text_add(&text, subject->installation);
    key[text.length] = '\0';
    return text.overflow ? 0 : text.length;
}

static int compare_keys(const void *left, const void *right)
{
    const struct limit_account *a = left, *b = right;
    return strcmp(a->key, b->key);
}

/* Puts WANTED among the accounts, unless one of its key is there already; that one then. */
static struct limit_account *find_or_add(struct limiter *limiter, struct limit_account *wanted)
{
    struct limit_account **found = tsearch(wanted, &limiter->by_key, compare_keys);
    if (found == NULL || *found != wanted) {
        free(wanted);
        return found == NULL ? NULL : *found;
    }
    wanted->next = limiter->accounts;
    limiter->accounts = wanted;
    return wanted;
}

struct limit_account *limiter_account(struct limiter *limiter, const struct subject *subject)
{
    char key[KEY_SIZE];
    const size_t length = write_key(subject, key);
    struct limit_account *account = length == 0 ? NULL : calloc(1, sizeof(*account) + length + 1);
    if (account == NULL)
        return NULL;
    account->limits = limits_of(limiter->configuration, subject);
    memcpy(account->key, key, length);
    pthread_mutex_lock(&limiter->lock);
    account = find_or_add(limiter, account);
    pthread_mutex_unlock(&limiter->lock);
    return account;
}

static unsigned seconds_left(uint64_t now)
{
    return (unsigned)((MINUTE - now % MINUTE + 999) / 1000);
}

unsigned limit_take_request(struct limit_account *account, uint64_t now)
{
    const uint32_t limit = account->limits.requests_per_minute;
    if (limit == 0 || minute_counter_take(&account->requests, limit, now / MINUTE))
        return 0;
    return seconds_left(now);
}

/* ---- names ------------------------------------------------------------------ */

/* Two workers may make one at a time: the first one stays. NULL: memory is out. */
static struct name_set *names_of(struct limit_account *account)
{
    struct name_set *set = atomic_load(&account->names), *none = NULL;
    if (set != NULL)
        return set;
    set = name_set_new(account->limits.names_per_minute);
    if (set == NULL || atomic_compare_exchange_strong(&account->names, &none, set))
        return set;
    name_set_free(set);
    return none;
}

unsigned limit_take_name(struct limit_account *account, struct span name, uint64_t now)
{
    if (account->limits.names_per_minute == 0)
        return 0;
    struct name_set *names = names_of(account);
    if (names == NULL)
        return 1;
    return name_set_take(names, name, now / MINUTE) ? 0 : seconds_left(now);
}

/* ---- tunnels ---------------------------------------------------------------- */

bool limit_take_tunnel(struct limit_account *account)
{
    unsigned open = atomic_load_explicit(&account->tunnels, memory_order_relaxed);
    do {
        if (account->limits.tunnels != 0 && open >= account->limits.tunnels)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&account->tunnels, &open, open + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void limit_give_tunnel(struct limit_account *account)
{
    atomic_fetch_sub_explicit(&account->tunnels, 1, memory_order_relaxed);
}

void limit_count_session(struct limit_account *account, int change)
{
    atomic_fetch_add_explicit(&account->sessions, (unsigned)change, memory_order_relaxed);
}

const struct limit_account *limiter_greediest(struct limiter *limiter)
{
    const struct limit_account *greediest = NULL;
    unsigned most = 0;
    for (struct limit_account *account = limiter->accounts; account != NULL;
         account = account->next) {
        const unsigned held = atomic_load_explicit(&account->sessions, memory_order_relaxed) +
                              atomic_load_explicit(&account->tunnels, memory_order_relaxed);
        if (held <= most)
            continue;
        most = held;
        greediest = account;
    }
    return greediest;
}

/* ---- bytes ------------------------------------------------------------------ */

void limit_pay_bytes(struct limit_account *account, uint64_t count, uint64_t now)
{
    if (account->limits.bytes_per_second == 0)
        return;
    const uint64_t price = count * SECOND / account->limits.bytes_per_second;
    const uint64_t oldest = now > SAVED ? now - SAVED : 0;
    uint64_t paid = atomic_load_explicit(&account->paid_until, memory_order_relaxed);
    uint64_t next;
    do {
        next = (paid > oldest ? paid : oldest) + price;
    } while (!atomic_compare_exchange_weak_explicit(&account->paid_until, &paid, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

uint64_t limit_bytes_wait(const struct limit_account *account, uint64_t now)
{
    if (account->limits.bytes_per_second == 0)
        return 0;
    uint64_t paid = atomic_load_explicit(&account->paid_until, memory_order_relaxed);
    return paid > now ? paid - now : 0;
}
