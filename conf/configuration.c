/*
 * Why: the rest of the program wants one struct in which every question is
 * already answered, and whoever writes the file wants to be told where a slip is.
 * Order: defaults, then the file over them, then what only the whole can tell,
 * then the files that the file names. All strings live in one arena.
 */
#include "conf/configuration.h"

#include <stdlib.h>

#include "conf/configuration_reader.h"

#define CONFIGURATION_MEMORY ((size_t)64 * 1024 * 1024)

#define SECONDS 1000 /* in milliseconds */

static void set_default_limits(struct configuration *configuration)
{
    configuration->dns_ttl_minimum = 5;
    configuration->dns_ttl_maximum = 300;
    configuration->dns_ttl_negative = 5;
    configuration->dns_cache_entries = 10000;

    configuration->limits =
        (struct limits){.requests_per_minute = 50000, .names_per_minute = 1000, .tunnels = 10000};

    configuration->overload_anonymous = 85;
    configuration->overload_greediest = 93;
    configuration->overload_everyone = 98;
    configuration->overload_wait = 2 * SECONDS;

    configuration->timeout_head = 10 * SECONDS;
    configuration->timeout_resolve = 5 * SECONDS;
    configuration->timeout_dial = 5 * SECONDS;
    configuration->attempt_delay = SECONDS / 4;
    configuration->timeout_hello = 10 * SECONDS;
    configuration->timeout_idle = 600 * SECONDS;
    configuration->timeout_keep_alive = 60 * SECONDS;
    configuration->timeout_drain = 30 * SECONDS;
}

static bool set_defaults(struct configuration_reader *reader, struct configuration *configuration)
{
    configuration->file = reader->file;
    configuration->policy_path = configuration_join_path(reader, SPAN("policy"));
    configuration->policy_watch = true;
    configuration->policy_revoke = REVOKE_CLOSE;
    configuration->policy_ledger = LEDGER_WARN;
    configuration->sni = SNI_ENFORCE;
    configuration->mode = MODE_ENFORCE;
    configuration->trust = "";
    configuration->hosts_file = "/etc/hosts";
    configuration->log_decisions = "-";
    configuration->has_admin = true;
    configuration->admin_ip = (struct ip){.family = 4, .bytes = {127, 0, 0, 1}};
    configuration->admin_port = 9901;
    configuration->process_user = "";
    configuration->process_sandbox = SANDBOX_ON;
    configuration->process_takeover = true;
    set_default_limits(configuration);
    return configuration->policy_path != NULL;
}

static struct configuration *configuration_new(const char *path, struct error *error)
{
    struct configuration *configuration = calloc(1, sizeof(*configuration));
    struct arena *arena = arena_new(CONFIGURATION_MEMORY);
    if (configuration != NULL && arena != NULL) {
        struct configuration_reader reader = {arena, NULL, error};
        configuration->arena = arena;
        reader.file = arena_copy(arena, span_of(path)).data;
        if (reader.file != NULL && set_defaults(&reader, configuration))
            return configuration;
    }
    error_set(error, "out of memory");
    arena_free(arena);
    free(configuration);
    return NULL;
}

void configuration_free(struct configuration *configuration)
{
    if (configuration == NULL)
        return;
    for (size_t i = 0; i < configuration->listener_count; i++)
        roster_unref(configuration->listeners[i].roster);
    arena_free(configuration->arena);
    free(configuration);
}

static struct configuration *configuration_from(const struct yaml_document *document,
                                                const char *path, struct error *error)
{
    struct configuration *configuration = configuration_new(path, error);
    if (configuration == NULL)
        return NULL;
    struct configuration_reader reader = {configuration->arena, configuration->file, error};
    const struct yaml_node *root = yaml_document_root(document);
    if (!configuration_read_mapping(&reader, configuration_keys, root, configuration) ||
        !configuration_check(&reader, configuration, root)) {
        configuration_free(configuration);
        return NULL;
    }
    return configuration;
}

struct configuration *configuration_parse(struct span bytes, const char *path, struct error *error)
{
    struct yaml_document *document = yaml_document_parse(bytes, path, error);
    if (document == NULL)
        return NULL;
    struct configuration *configuration = configuration_from(document, path, error);
    yaml_document_free(document);
    return configuration;
}

static bool read_files(struct configuration *configuration, struct error *error)
{
    for (size_t i = 0; i < configuration->listener_count; i++) {
        struct listener_configuration *listener = &configuration->listeners[i];
        listener->roster = roster_read(listener, error);
        if (listener->roster == NULL)
            return false;
    }
    return true;
}

struct configuration *configuration_read(const char *path, struct error *error)
{
    struct yaml_document *document = yaml_document_read(path, error);
    if (document == NULL)
        return NULL;
    struct configuration *configuration = configuration_from(document, path, error);
    yaml_document_free(document);
    if (configuration != NULL && !read_files(configuration, error)) {
        configuration_free(configuration);
        return NULL;
    }
    return configuration;
}
