/* A few entries at most, looked through in the configuration's order: the first that fits counts.
 */
#include "proxy/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>

struct keyring {
    const struct configuration *configuration;
    struct tls_context *context;   /* shows nothing */
    struct tls_context **contexts; /* one for each client certificate, in their order */
    size_t count;
    struct minter **minters; /* one for each of configuration->inspections */
    size_t minter_count;
    atomic_uint references;
};

static bool load_minters(struct keyring *keyring, struct error *error)
{
    const struct configuration *configuration = keyring->configuration;
    while (keyring->minter_count < configuration->inspection_count) {
        const struct inspection *own = &configuration->inspections[keyring->minter_count];
        struct minter *minter = minter_new(own->ca, own->key, error);
        if (minter == NULL)
            return false;
        keyring->minters[keyring->minter_count++] = minter;
    }
    return true;
}

static bool load(struct keyring *keyring, struct error *error)
{
    const struct configuration *configuration = keyring->configuration;
    const char *trust = configuration->trust[0] == '\0' ? NULL : configuration->trust;
    keyring->context = tls_context_new_client(trust, error);
    if (keyring->context == NULL)
        return false;
    while (keyring->count < configuration->client_certificate_count) {
        const struct client_certificate *own = &configuration->client_certificates[keyring->count];
        struct tls_context *context =
            tls_context_new_client_like(keyring->context, own->certificate, own->key, error);
        if (context == NULL)
            return false;
        keyring->contexts[keyring->count++] = context;
    }
    return load_minters(keyring, error);
}

struct keyring *keyring_new(const struct configuration *configuration, struct error *error)
{
    struct keyring *keyring = calloc(1, sizeof(*keyring));
    if (keyring == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    keyring->configuration = configuration;
    keyring->contexts =
        calloc(configuration->client_certificate_count + 1, sizeof(struct tls_context *));
    keyring->minters = calloc(configuration->inspection_count + 1, sizeof(struct minter *));
    atomic_init(&keyring->references, 1);
    error_set(error, "out of memory");
    if (keyring->contexts != NULL && keyring->minters != NULL && load(keyring, error))
        return keyring;
    keyring_unref(keyring);
    return NULL;
}

struct keyring *keyring_ref(struct keyring *keyring)
{
    atomic_fetch_add_explicit(&keyring->references, 1, memory_order_relaxed);
    return keyring;
}

void keyring_unref(struct keyring *keyring)
{
    if (keyring == NULL ||
        atomic_fetch_sub_explicit(&keyring->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < keyring->count; i++)
        tls_context_unref(keyring->contexts[i]);
    for (size_t i = 0; i < keyring->minter_count; i++)
        minter_free(keyring->minters[i]);
    tls_context_unref(keyring->context);
    free(keyring->contexts);
    free(keyring->minters);
    free(keyring);
}

struct tls_context *keyring_context(const struct keyring *keyring, const struct subject *subject,
                                    const struct host *host)
{
    for (size_t i = 0; i < keyring->count; i++) {
        const struct client_certificate *own = &keyring->configuration->client_certificates[i];
        if (app_list_has(&own->apps, subject->app, subject->environment) &&
            host_list_has(&own->hosts, host))
            return keyring->contexts[i];
    }
    return keyring->context;
}

const struct minter *keyring_minter(const struct keyring *keyring, const struct subject *subject,
                                    const struct host *host)
{
    for (size_t i = 0; i < keyring->minter_count; i++) {
        const struct inspection *own = &keyring->configuration->inspections[i];
        if (app_list_has(&own->apps, subject->app, subject->environment))
            return host_list_has(&own->except, host) ? NULL : keyring->minters[i];
    }
    return NULL;
}

time_t keyring_minter_expires(const struct keyring *keyring, size_t index)
{
    return minter_expires(keyring->minters[index]);
}

time_t keyring_context_expires(const struct keyring *keyring, size_t index)
{
    return tls_context_certificate_expires(keyring->contexts[index]);
}
