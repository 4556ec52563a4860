#include "proxy/tenant.h"

#include <stdlib.h>

static size_t bucket_of(const struct subject *subject)
{
    const struct span parts[] = {subject->app, subject->environment, subject->installation};
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t j = 0; j < parts[i].length; j++)
            hash = (hash ^ (unsigned char)parts[i].data[j]) * 16777619U;
        hash = (hash ^ '/') * 16777619U;
    }
    return hash % (sizeof(((struct tenants *)NULL)->buckets) / sizeof(struct tenant *));
}

static bool is_tenant_of(const struct tenant *tenant, const struct subject *subject)
{
    return span_equal(tenant->subject.app, subject->app) &&
           span_equal(tenant->subject.environment, subject->environment) &&
           span_equal(tenant->subject.installation, subject->installation);
}

static struct tenant *tenant_new(const struct subject *subject)
{
    size_t app = subject->app.length, environment = subject->environment.length;
    struct text key, log_subject;
    text_init(&key, 1024);
    text_add(&key, subject->app);
    text_add_char(&key, '/');
    text_add(&key, subject->environment);
    text_add_char(&key, '/');
    text_add(&key, subject->installation);
    text_init(&log_subject, LOG_SUBJECT_MAXIMUM);
    log_add_subject(&log_subject, subject);
    struct tenant *tenant =
        key.overflow || log_subject.overflow ? NULL : calloc(1, sizeof(*tenant));
    if (tenant == NULL) {
        text_clear(&key);
        text_clear(&log_subject);
        return NULL;
    }
    tenant->key = text_span(&key);
    tenant->log_subject = text_span(&log_subject);
    tenant->subject.app = span_slice(tenant->key, 0, app);
    tenant->subject.environment = span_slice(tenant->key, app + 1, environment);
    tenant->subject.installation = span_after(tenant->key, app + environment + 2);
    return tenant;
}

static void tenant_free(struct tenant *tenant)
{
    free((void *)(uintptr_t)tenant->key.data); /* both made by text_init in tenant_new */
    free((void *)(uintptr_t)tenant->log_subject.data);
    free(tenant->own_share);
    free(tenant);
}

/* An installation shares with its app and environment, which is a tenant of its own. */
static bool set_share(struct tenants *tenants, struct tenant *tenant)
{
    const struct subject everyone = {tenant->subject.app, tenant->subject.environment, {"", 0}};
    if (tenant->subject.installation.length == 0) {
        tenant->share = tenant->own_share = malloc(sizeof(*tenant->own_share));
        if (tenant->share != NULL)
            share_init(tenant->share, tenant->account);
        return tenant->share != NULL;
    }
    const struct tenant *owner = tenants_find(tenants, &everyone);
    if (owner != NULL)
        tenant->share = owner->share;
    return owner != NULL;
}

/* The account is the limiter's, shared with the other workers. */
static bool set_account(const struct tenants *tenants, struct tenant *tenant)
{
    if (tenants->limiter == NULL)
        return true;
    tenant->account = limiter_account(tenants->limiter, &tenant->subject);
    return tenant->account != NULL;
}

struct tenant *tenants_find(struct tenants *tenants, const struct subject *subject)
{
    struct tenant **bucket = &tenants->buckets[bucket_of(subject)];
    for (struct tenant *tenant = *bucket; tenant != NULL; tenant = tenant->next) {
        if (is_tenant_of(tenant, subject))
            return tenant;
    }
    struct tenant *tenant = tenant_new(subject);
    if (tenant == NULL)
        return NULL;
    if (!set_account(tenants, tenant) || !set_share(tenants, tenant)) {
        tenant_free(tenant);
        return NULL;
    }
    tenant->next = *bucket;
    *bucket = tenant;
    return tenant;
}

void tenants_clear(struct tenants *tenants)
{
    for (size_t i = 0; i < sizeof(tenants->buckets) / sizeof(tenants->buckets[0]); i++) {
        while (tenants->buckets[i] != NULL) {
            struct tenant *tenant = tenants->buckets[i];
            tenants->buckets[i] = tenant->next;
            tenant_free(tenant);
        }
    }
}
