#include "test/proxy/resolver_stage.h"

#include <check.h>

#include "proxy/clock.h"

#define PATIENCE_MILLISECONDS 30000

void resolver_stage_open(struct resolver_stage *stage)
{
    *stage = (struct resolver_stage){.base = event_base_new(), .metrics = metrics_new()};
    ck_assert(stage->base != NULL && stage->metrics != NULL);
    fake_dns_start(&stage->dns, stage->base);
    stage->configuration = (struct configuration){.resolvers = &stage->dns.address,
                                                  .resolver_count = 1,
                                                  .hosts_file = "",
                                                  .dns_ttl_minimum = 5,
                                                  .dns_ttl_maximum = 300,
                                                  .dns_ttl_negative = 5,
                                                  .dns_cache_entries = 8,
                                                  .timeout_resolve = 4000};
}

void resolver_stage_start(struct resolver_stage *stage)
{
    struct error error;
    stage->resolver = resolver_new(stage->base, &stage->configuration, stage->metrics, &error);
    ck_assert_msg(stage->resolver != NULL, "%s", error.message);
}

void resolver_stage_close(struct resolver_stage *stage)
{
    resolver_free(stage->resolver);
    fake_dns_stop(&stage->dns);
    metrics_free(stage->metrics);
    event_base_free(stage->base);
}

void resolver_stage_wait(struct resolver_stage *stage, const unsigned *calls, unsigned count)
{
    const uint64_t give_up = clock_milliseconds() + PATIENCE_MILLISECONDS;
    while (*calls < count && clock_milliseconds() < give_up)
        event_base_loop(stage->base, EVLOOP_ONCE);
    ck_assert_uint_eq(*calls, count);
}

void resolver_stage_run(struct resolver_stage *stage, long milliseconds)
{
    const struct timeval wait = {milliseconds / 1000, milliseconds % 1000 * 1000};
    event_base_loopexit(stage->base, &wait);
    event_base_dispatch(stage->base);
}

uint64_t resolver_stage_counted(struct resolver_stage *stage, enum metric metric)
{
    return metrics_sum(&stage->metrics, 1, metric);
}

bool resolver_stage_has(const struct resolver_answer *answer, const char *address)
{
    struct ip ip;
    ck_assert(ip_parse(span_of(address), &ip));
    for (size_t i = 0; i < answer->count; i++) {
        if (ip_equal(&answer->addresses[i], &ip))
            return true;
    }
    return false;
}
