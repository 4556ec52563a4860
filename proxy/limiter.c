/*
 * Minutes are the clock's, not the app's: an account needs no memory of when each
 * request came, and at most two minutes' worth can pass within any sixty seconds.
 */
#include "proxy/limiter.h"

#include <pthread.h>
#include <stdlib.h>

#define MINUTE 60000 /* milliseconds */

struct limiter {
    const struct configuration *configuration;
    pthread_mutex_t lock;
    struct limit_account *accounts;
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

void limiter_free(struct limiter *limiter)
{
    if (limiter == NULL)
        return;
    while (limiter->accounts != NULL) {
        struct limit_account *account = limiter->accounts;
        limiter->accounts = account->next;
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

static bool is_account_of(const struct limit_account *account, const struct subject *subject)
{
    struct span key = span_of(account->key);
    size_t app = subject->app.length;
    return key.length == app + 1 + subject->environment.length &&
           span_starts_with(key, subject->app) && key.data[app] == '/' &&
           span_ends_with(key, subject->environment);
}

static struct limit_account *account_new(const struct configuration *configuration,
                                         const struct subject *subject)
{
    size_t app = subject->app.length, environment = subject->environment.length;
    struct limit_account *account = calloc(1, sizeof(*account) + app + environment + 2);
    if (account == NULL)
        return NULL;
    account->limits = limits_of(configuration, subject);
    memcpy(account->key, subject->app.data, app);
    account->key[app] = '/';
    memcpy(account->key + app + 1, subject->environment.data, environment);
    return account;
}

static struct limit_account *find_or_add(struct limiter *limiter, const struct subject *subject)
{
    struct limit_account *account = limiter->accounts;
    while (account != NULL && !is_account_of(account, subject))
        account = account->next;
    if (account != NULL)
        return account;
    account = account_new(limiter->configuration, subject);
    if (account == NULL)
        return NULL;
    account->next = limiter->accounts;
    limiter->accounts = account;
    return account;
}

struct limit_account *limiter_account(struct limiter *limiter, const struct subject *subject)
{
    pthread_mutex_lock(&limiter->lock);
    struct limit_account *account = find_or_add(limiter, subject);
    pthread_mutex_unlock(&limiter->lock);
    return account;
}

unsigned limit_take_request(struct limit_account *account, uint64_t now)
{
    const uint64_t minute = now / MINUTE;
    uint64_t seen = atomic_load_explicit(&account->requests, memory_order_relaxed);
    uint64_t next;
    if (account->limits.requests_per_minute == 0)
        return 0;
    do {
        uint64_t taken = seen >> 32 == (uint32_t)minute ? (uint32_t)seen : 0;
        if (taken >= account->limits.requests_per_minute)
            return (unsigned)((MINUTE - now % MINUTE + 999) / 1000);
        next = (uint64_t)(uint32_t)minute << 32 | (taken + 1);
    } while (!atomic_compare_exchange_weak_explicit(&account->requests, &seen, next,
                                                    memory_order_relaxed, memory_order_relaxed));
    return 0;
}

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
