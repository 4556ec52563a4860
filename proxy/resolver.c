/*
 * A lookup is one question under way, with all who wait for its answer. Its
 * waiters are told from the loop only: when c-ares answers at once, the lookup's
 * timer tells them; the same timer is the deadline otherwise.
 */
#include "proxy/resolver.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "proxy/clock.h"
#include "proxy/resolver_cache.h"
#include "proxy/resolver_channel.h"
#include "proxy/resolver_hosts.h"

#define STALE_AGAIN_SECONDS 30 /* then the resolvers are asked anew (RFC 8767, section 5) */

struct lookup;

struct resolver_query {
    TAILQ_ENTRY(resolver_query) link;
    struct lookup *lookup;
    resolver_callback *callback;
    void *context;
};

struct lookup {
    TAILQ_ENTRY(lookup) link; /* in resolver->lookups, while waiters may join */
    struct resolver *resolver;
    struct span tenant; /* own memory, behind the struct; the name ends in NUL */
    struct span name;
    TAILQ_HEAD(, resolver_query) waiters;
    struct event *timer;
    struct resolver_answer answer;
    bool asking;   /* within resolver_channel_ask */
    bool answered; /* c-ares is done with it */
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

static enum resolver_status status_of(int code)
{
    switch (code) {
    case ARES_SUCCESS:
        return RESOLVER_OK;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        return RESOLVER_NOT_FOUND;
    case ARES_ETIMEOUT:
        return RESOLVER_TIMEOUT;
    default:
        return RESOLVER_FAILED;
    }
}

/* The next node of FAMILY from NODE on, or NULL. */
static const struct ares_addrinfo_node *next_of(const struct ares_addrinfo_node *node, int family)
{
    while (node != NULL && node->ai_family != family)
        node = node->ai_next;
    return node;
}

static void add_node(struct resolver_answer *answer, const struct ares_addrinfo_node *node)
{
    uint16_t port;
    if (ip_from_sockaddr(node->ai_addr, &answer->addresses[answer->count], &port))
        answer->count++;
}

/* Families take turns, the first address's family first (RFC 8305, section 4). */
static void interleave(struct resolver_answer *answer, const struct ares_addrinfo *info)
{
    const struct ares_addrinfo_node *first = info->nodes;
    if (first == NULL)
        return;
    int family = first->ai_family, other = family == AF_INET ? AF_INET6 : AF_INET;
    const struct ares_addrinfo_node *second = next_of(info->nodes, other);
    while ((first != NULL || second != NULL) && answer->count < RESOLVER_ADDRESSES_MAXIMUM) {
        if (first != NULL) {
            add_node(answer, first);
            first = next_of(first->ai_next, family);
        }
        if (second != NULL && answer->count < RESOLVER_ADDRESSES_MAXIMUM) {
            add_node(answer, second);
            second = next_of(second->ai_next, other);
        }
    }
}

/* Seconds that the whole answer is good for: its shortest-lived record's, within the bounds. */
static uint32_t ttl_of(const struct configuration *configuration, const struct ares_addrinfo *info)
{
    uint32_t ttl = configuration->dns_ttl_maximum;
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        if (node->ai_ttl >= 0 && (uint32_t)node->ai_ttl < ttl)
            ttl = (uint32_t)node->ai_ttl;
    }
    for (const struct ares_addrinfo_cname *cname = info->cnames; cname != NULL;
         cname = cname->next) {
        if (cname->ttl >= 0 && (uint32_t)cname->ttl < ttl)
            ttl = (uint32_t)cname->ttl;
    }
    return ttl > configuration->dns_ttl_minimum ? ttl : configuration->dns_ttl_minimum;
}

/*
 * Only what the network said is kept: a failure is asked anew. That a name is gone
 * is said for its time only, and ends what could have stood in for it.
 */
static void keep_answer(struct lookup *lookup, const struct ares_addrinfo *info)
{
    struct resolver *resolver = lookup->resolver;
    const struct configuration *configuration = resolver->configuration;
    uint64_t ttl = configuration->dns_ttl_negative, stale = 0;
    if (lookup->answer.status != RESOLVER_OK && lookup->answer.status != RESOLVER_NOT_FOUND)
        return;
    if (lookup->answer.status == RESOLVER_OK) {
        ttl = ttl_of(configuration, info);
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
    free(lookup);
}

static void forget_lookup(struct lookup *lookup)
{
    struct resolver_query *query;
    while ((query = TAILQ_FIRST(&lookup->waiters)) != NULL) {
        TAILQ_REMOVE(&lookup->waiters, query, link);
        free(query);
    }
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

/* A waiter may ask or cancel others while it is told: the list is looked at anew each time. */
static void tell_waiters(struct lookup *lookup)
{
    struct resolver_query *query;
    bear_failure(lookup);
    leave_list(lookup);
    while ((query = TAILQ_FIRST(&lookup->waiters)) != NULL) {
        resolver_callback *callback = query->callback;
        void *context = query->context;
        TAILQ_REMOVE(&lookup->waiters, query, link);
        free(query);
        count_stale(lookup->resolver, &lookup->answer);
        callback(context, &lookup->answer);
    }
}

/* The deadline, or the deferred answer. What c-ares has still to say is only for the cache then. */
static void on_lookup_timer(evutil_socket_t fd, short what, void *context)
{
    struct lookup *lookup = context;
    (void)fd;
    (void)what;
    if (!lookup->answered)
        lookup->answer.status = RESOLVER_TIMEOUT;
    tell_waiters(lookup);
    if (lookup->answered)
        lookup_free(lookup);
}

static void take_info(struct lookup *lookup, int code, const struct ares_addrinfo *info)
{
    lookup->answer = (struct resolver_answer){.status = status_of(code)};
    if (info != NULL && code == ARES_SUCCESS)
        interleave(&lookup->answer, info);
    if (lookup->answer.status == RESOLVER_OK && lookup->answer.count == 0)
        lookup->answer.status = RESOLVER_NOT_FOUND;
    keep_answer(lookup, info);
}

static void on_info(void *context, int code, int timeouts, struct ares_addrinfo *info)
{
    struct lookup *lookup = context;
    struct resolver *resolver = lookup->resolver;
    const struct timeval at_once = {0, 0};
    (void)timeouts;
    if (resolver->closing) {
        forget_lookup(lookup);
        return;
    }
    lookup->answered = true;
    take_info(lookup, code, info);
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (lookup->asking) {
        event_add(lookup->timer, &at_once);
        return;
    }
    tell_waiters(lookup);
    lookup_free(lookup);
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
    TAILQ_INIT(&lookup->waiters);
    lookup->timer = evtimer_new(resolver->base, on_lookup_timer, lookup);
    if (lookup->timer == NULL) {
        free(lookup);
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
    resolver_channel_ask(resolver->channel, lookup->name.data, on_info, lookup);
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
    answer->stale = false;
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
    TAILQ_INSERT_TAIL(&lookup->waiters, query, link);
    if (is_new)
        ask(lookup);
    return query;
}

void resolver_cancel(struct resolver_query *query)
{
    TAILQ_REMOVE(&query->lookup->waiters, query, link);
    free(query);
}
