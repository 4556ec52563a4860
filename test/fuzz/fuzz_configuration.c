/*
 * Any bytes as the configuration: they make one whole configuration or one
 * error with a place in the file, and leave nothing behind.
 */
#include <stdlib.h>

#include "conf/configuration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void require_whole(const struct listener_configuration *listener)
{
    require(listener->text != NULL && listener->at.line > 0);
    require(listener->unix_path != NULL || listener->ip.family == 4 || listener->ip.family == 6);
    require((listener->certificate == NULL) == (listener->key == NULL));
    require(listener->identity != 0);
    if (listener->identity & IDENTITY_MTLS)
        require(listener->client_ca != NULL && listener->roster == NULL);
    if (listener->identity & IDENTITY_STATIC)
        require(listener->app != NULL && listener->environment != NULL);
    if (listener->identity & IDENTITY_BASIC)
        require(listener->credentials_path != NULL && listener->roster == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct span bytes = {(const char *)data, size};
    struct configuration *configuration = configuration_parse(bytes, "conf/fuzz.yml", &error);
    if (configuration == NULL) {
        require(error.message[0] != '\0' && error.file[0] != '\0');
        return 0;
    }
    require(configuration->listener_count > 0 && configuration->workers <= 256);
    require(configuration->timeout_dial > 0 && configuration->timeout_idle > 0);
    for (size_t i = 0; i < configuration->listener_count; i++)
        require_whole(&configuration->listeners[i]);
    configuration_free(configuration);
    return 0;
}
