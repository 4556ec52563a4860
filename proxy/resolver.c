/*
 * A lookup is one name's two questions under way, with all who wait for their answers. Its
 * waiters are told from the loop only: when c-ares answers at once, the lookup's
 * timer tells them; the same timer is the deadline otherwise. When one question has been
 * answered and the other has not, they are told of what there is, IPv6 at once and
 * IPv4 after a moment (RFC 8305, section 3), and again in the end.
 */
#include "proxy/resolver.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "proxy/clock.h"
#include "proxy/resolver_cache.h"
#include "proxy/resolver_channel.h"
#include "proxy/resolver_families.h"
#include "proxy/resolver_hosts.h"

#define STALE_AGAIN_SECONDS           30 /* then the resolvers are asked anew (RFC 8767, section 5) */
#define RESOLUTION_DELAY_MICROSECONDS 50000 /* RFC 8305, section 8 */

struct lookup;

TAILQ_HEAD(query_list, resolver_query);

struct resolver_query {
    TAILQ_ENTRY(resolver_query) link;
    struct query_list *list; /* of the lookup: waiters or told */
    struct lookup *lookup;
    resolver_callback *callback;
    void *context;
};

/* What c-ares is given along with a question: whose it is, and for which family. */
struct question {
    struct lookup *lookup;
    size_t family;
};

struct lookup {
    TAILQ_ENTRY(lookup) link; /* in resolver->lookups, while waiters may join */
    struct resolver *resolver;
    struct span tenant; /* own memory, behind the struct; the name ends in NUL */
    struct span name;
    struct query_list waiters; /* have heard nothing yet */
    struct query_list told;    /* of one family, and wait for the other */
    struct event *timer;
    struct event *delay; /* the waiters are told of one family when it is due */
    struct question questions[RESOLVER_FAMILIES];
    struct resolver_family families[RESOLVER_FAMILIES];
    struct resolver_answer answer;
    bool asking;   /* within resolver_channel_ask */
    bool joinable; /* in the list */
};

struct resolver {
    struct event_base *base;
    const struct configuration *configuration;
    struct metrics *metrics;
    struct resolver_channel *channel;
    struct resolver_cache *cache;
    struct resolver_hosts *hosts;
    TAILQ_HEAD(, lookup) lookups;
    bool closing;
};

/* ---- answers ---------------------------------------------------------------------- */

/*
 * Only what the network said is kept: a failure is asked anew. That a name is gone
 * is said for its time only, and ends what could have stood in for it.
 */
static void keep_answer(struct lookup *lookup)
{
    struct resolver *resolver = lookup->resolver;
    const struct configuration *configuration = resolver->configuration;
    uint64_t ttl = configuration->dns_ttl_negative, stale = 0;
    if (lookup->answer.status != RESOLVER_OK && lookup->answer.status != RESOLVER_NOT_FOUND)
        return;
    if (lookup->answer.status == RESOLVER_OK) {
        ttl = resolver_families_ttl(lookup->families, configuration);
        stale = configuration->dns_stale;
    }
    uint64_t expiry = clock_milliseconds() + ttl * 1000;
    if (ttl > 0 || configuration->dns_stale > 0)
        resolver_cache_put(resolver->cache, lookup->tenant, lookup->name, &lookup->answer, expiry,
                           expiry + stale * 1000);
}

/* ---- lookups ------------------------------------------------------------------------ */

static void leave_list(struct lookup *lookup)
{
    if (lookup->joinable)
        TAILQ_REMOVE(&lookup->resolver->lookups, lookup, link);
    lookup->joinable = false;
}

static void lookup_free(struct lookup *lookup)
{
    leave_list(lookup);
    if (lookup->timer != NULL)
        event_free(lookup->timer);
    if (lookup->delay != NULL)
        event_free(lookup->delay);
    free(lookup);
}

static bool is_answered(const struct lookup *lookup)
{
    return lookup->families[RESOLVER_IPV4].answered && lookup->families[RESOLVER_IPV6].answered;
}

static struct resolver_query *query_take_first(struct query_list *list)
{
    struct resolver_query *query = TAILQ_FIRST(list);
    if (query != NULL)
        TAILQ_REMOVE(list, query, link);
    return query;
}

static void query_put(struct resolver_query *query, struct query_list *list)
{
    query->list = list;
    TAILQ_INSERT_TAIL(list, query, link);
}

static void forget_lookup(struct lookup *lookup)
{
    TAILQ_CONCAT(&lookup->waiters, &lookup->told, link);
    struct resolver_query *query;
    while ((query = query_take_first(&lookup->waiters)) != NULL)
        free(query);
    lookup_free(lookup);
}

/*
 * That a name does not exist is an answer like others. Counted once, whatever comes
 * late; an older answer of the same tenant's stands in where one may.
 */
static void bear_failure(struct lookup *lookup)
{
    struct resolver *resolver = lookup->resolver;
    enum resolver_status status = lookup->answer.status;
    if (!lookup->joinable || (status != RESOLVER_TIMEOUT && status != RESOLVER_FAILED))
        return;
    metrics_add(resolver->metrics, METRIC_RESOLVER_FAILURES, 1);
    resolver_cache_revive(resolver->cache, lookup->tenant, lookup->name, clock_milliseconds(),
                          (uint64_t)STALE_AGAIN_SECONDS * 1000, &lookup->answer);
}

static void count_stale(struct resolver *resolver, const struct resolver_answer *answer)
{
    if (answer->stale)
        metrics_add(resolver->metrics, METRIC_RESOLVER_STALE, 1);
}

/* A waiter may ask or cancel others while it is told: the lists are looked at anew each time. */
static void tell_the_end(struct lookup *lookup, struct query_list *list)
{
    struct resolver_query *query;
    while ((query = query_take_first(list)) != NULL) {
        resolver_callback *callback = query->callback;
        void *context = query->context;
        free(query);
        count_stale(lookup->resolver, &lookup->answer);
        callback(context, &lookup->answer);
    }
}

static void tell_waiters(struct lookup *lookup)
{
    resolver_families_join(lookup->families, &lookup->answer);
    bear_failure(lookup);
    leave_list(lookup);
    event_del(lookup->delay);
    tell_the_end(lookup, &lookup->told);
    tell_the_end(lookup, &lookup->waiters);
}

/* What is known of one family goes to those who have heard nothing yet. */
static void on_delay(evutil_socket_t fd, short what, void *context)
{
    struct lookup *lookup = context;
    struct resolver_query *query;
    (void)fd;
    (void)what;
    resolver_families_join(lookup->families, &lookup->answer);
    lookup->answer.more = true;
    while ((query = query_take_first(&lookup->waiters)) != NULL) {
        query_put(query, &lookup->told);
        query->callback(query->context, &lookup->answer);
    }
}

/* The deadline, or the deferred answer. What c-ares has still to say is only for the cache then. */
static void on_lookup_timer(evutil_socket_t fd, short what, void *context)
{
    struct lookup *lookup = context;
    (void)fd;
    (void)what;
    tell_waiters(lookup);
    if (is_answered(lookup))
        lookup_free(lookup);
}

static void take_last(struct lookup *lookup)
{
    const struct timeval at_once = {0, 0};
    resolver_families_join(lookup->families, &lookup->answer);
    keep_answer(lookup);
    if (lookup->asking) {
        event_add(lookup->timer, &at_once);
        return;
    }
    tell_waiters(lookup);
    lookup_free(lookup);
}

static void take_first(const struct lookup *lookup, const struct resolver_family *family)
{
    const bool is_preferred = family == &lookup->families[RESOLVER_IPV6] && family->usable;
    const struct timeval wait = {.tv_usec = is_preferred ? 0 : RESOLUTION_DELAY_MICROSECONDS};
    if (family->count > 0 && lookup->joinable)
        event_add(lookup->delay, &wait);
}

static void on_info(void *context, int code, int timeouts, struct ares_addrinfo *info)
{
    const struct question *question = context;
    struct lookup *lookup = question->lookup;
    struct resolver_family *family = &lookup->families[question->family];
    (void)timeouts;
    resolver_family_take(family, code, info);
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (!is_answered(lookup))
        take_first(lookup, family);
    else if (lookup->resolver->closing)
        forget_lookup(lookup);
    else
        take_last(lookup);
}

static struct lookup *lookup_new(struct resolver *resolver, struct span tenant, struct span name)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup) + tenant.length + name.length + 1);
    if (lookup == NULL)
        return NULL;
    char *strings = (char *)(lookup + 1);
    memcpy(strings, tenant.data, tenant.length);
    memcpy(strings + tenant.length, name.data, name.length);
    lookup->tenant = (struct span){strings, tenant.length};
    lookup->name = (struct span){strings + tenant.length, name.length};
    lookup->resolver = resolver;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++)
        lookup->questions[i] = (struct question){.lookup = lookup, .family = i};
    TAILQ_INIT(&lookup->waiters);
    TAILQ_INIT(&lookup->told);
    lookup->timer = evtimer_new(resolver->base, on_lookup_timer, lookup);
    lookup->delay = evtimer_new(resolver->base, on_delay, lookup);
    if (lookup->timer == NULL || lookup->delay == NULL) {
        lookup_free(lookup);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&resolver->lookups, lookup, link);
    lookup->joinable = true;
    return lookup;
}

static struct lookup *find_lookup(struct resolver *resolver, struct span tenant, struct span name)
{
    struct lookup *lookup;
    TAILQ_FOREACH(lookup, &resolver->lookups, link)
    {
        if (span_equal(lookup->name, name) && span_equal(lookup->tenant, tenant))
            return lookup;
    }
    return NULL;
}

static void ask(struct lookup *lookup)
{
    struct resolver *resolver = lookup->resolver;
    const uint32_t milliseconds = resolver->configuration->timeout_resolve;
    const struct timeval deadline = {.tv_sec = milliseconds / 1000,
                                     .tv_usec = (suseconds_t)(milliseconds % 1000) * 1000};
    metrics_add(resolver->metrics, METRIC_RESOLVER_QUERIES, 1);
    event_add(lookup->timer, &deadline);
    lookup->asking = true;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++)
        resolver_channel_ask(resolver->channel, lookup->name.data,
                             i == RESOLVER_IPV6 ? AF_INET6 : AF_INET, on_info,
                             &lookup->questions[i]);
    lookup->asking = false;
}

/* ---- the public face ------------------------------------------------------------------ */

struct resolver *resolver_new(struct event_base *base, const struct configuration *configuration,
                              struct metrics *metrics, struct error *error)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    error_set(error, "out of memory");
    if (resolver == NULL)
        return NULL;
    TAILQ_INIT(&resolver->lookups);
    resolver->base = base;
    resolver->configuration = configuration;
    resolver->metrics = metrics;
    resolver->cache = resolver_cache_new(configuration->dns_cache_entries);
    resolver->hosts = resolver_hosts_new(configuration->hosts_file);
    if (resolver->cache != NULL && resolver->hosts != NULL)
        resolver->channel = resolver_channel_new(base, configuration, error);
    if (resolver->channel != NULL)
        return resolver;
    resolver_free(resolver);
    return NULL;
}

/* c-ares lets go of what it was asked, one by one (on_info); what it had answered is left in the
 * list. */
void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->closing = true;
    resolver_channel_free(resolver->channel);
    while (!TAILQ_EMPTY(&resolver->lookups))
        forget_lookup(TAILQ_FIRST(&resolver->lookups));
    resolver_cache_free(resolver->cache);
    resolver_hosts_free(resolver->hosts);
    free(resolver);
}

/* Answered without the network, from the hosts file or the cache. */
static bool find_known(struct resolver *resolver, struct span tenant, struct span name,
                       struct resolver_answer *answer)
{
    answer->stale = answer->more = false;
    if (resolver_hosts_find(resolver->hosts, name, answer))
        return true;
    if (!resolver_cache_find(resolver->cache, tenant, name, clock_milliseconds(), answer))
        return false;
    metrics_add(resolver->metrics, METRIC_RESOLVER_CACHE_HITS, 1);
    count_stale(resolver, answer);
    return true;
}

bool resolver_knows(struct resolver *resolver, struct span tenant, struct span name)
{
    struct resolver_answer answer;
    return resolver_cache_find(resolver->cache, tenant, name, clock_milliseconds(), &answer);
}

struct resolver_query *resolver_lookup(struct resolver *resolver, struct span tenant,
                                       struct span name, resolver_callback *callback, void *context,
                                       struct resolver_answer *answer)
{
    if (find_known(resolver, tenant, name, answer))
        return NULL;
    *answer = (struct resolver_answer){.status = RESOLVER_FAILED};
    struct resolver_query *query = calloc(1, sizeof(*query));
    if (query == NULL)
        return NULL;
    struct lookup *lookup = find_lookup(resolver, tenant, name);
    bool is_new = lookup == NULL;
    if (is_new)
        lookup = lookup_new(resolver, tenant, name);
    if (lookup == NULL) {
        free(query);
        return NULL;
    }
    *query = (struct resolver_query){.lookup = lookup, .callback = callback, .context = context};
    query_put(query, &lookup->waiters);
    if (is_new)
        ask(lookup);
    else if (!TAILQ_EMPTY(&lookup->told))
        event_active(lookup->delay, EV_TIMEOUT, 0);
    return query;
}

void resolver_cancel(struct resolver_query *query)
{
    TAILQ_REMOVE(query->list, query, link);
    free(query);
}
