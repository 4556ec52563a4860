/*
 * Why: some slips show only in the whole file: a key that is missing, an address
 * used twice, two keys that contradict each other.
 */
#include "conf/configuration_reader.h"

static bool same_socket(const struct listener_configuration *a,
                        const struct listener_configuration *b)
{
    if (a->unix_path != NULL || b->unix_path != NULL)
        return a->unix_path != NULL && b->unix_path != NULL &&
               strcmp(a->unix_path, b->unix_path) == 0;
    return a->port != 0 && a->port == b->port && ip_equal(&a->ip, &b->ip);
}

static bool refuse_twice(struct configuration_reader *reader,
                         const struct listener_configuration *first, const char *what,
                         struct position at)
{
    error_set_at(reader->error, reader->file, at,
                 "%s is a listener's already (%u:%u); give each an address of its own", what,
                 first->at.line, first->at.column);
    return false;
}

/* Enough for any file that is meant: the comparison is of each with each. */
#define LISTENERS_MAXIMUM 1024

static bool check_addresses(struct configuration_reader *reader,
                            const struct configuration *configuration, const struct yaml_node *root)
{
    const struct listener_configuration *listeners = configuration->listeners;
    const struct yaml_node *admin = yaml_get(yaml_get(root, "admin"), "address");
    const struct listener_configuration admin_listener = {
        .at = admin == NULL ? root->at : admin->at,
        .unix_path = configuration->admin_unix_path,
        .ip = configuration->admin_ip,
        .port = configuration->admin_port,
    };
    if (configuration->listener_count > LISTENERS_MAXIMUM)
        return configuration_refuse(reader, yaml_get(root, "listeners"), "more than %d listeners",
                                    LISTENERS_MAXIMUM);
    for (size_t i = 0; i < configuration->listener_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_socket(&listeners[i], &listeners[j]))
                return refuse_twice(reader, &listeners[j], listeners[i].text, listeners[i].at);
        }
        if (configuration->has_admin && same_socket(&listeners[i], &admin_listener))
            return refuse_twice(reader, &listeners[i], "the admin address", admin_listener.at);
    }
    return true;
}

/* conf/sallyport.yml says so: report is refused for production apps. */
static bool check_mode(struct configuration_reader *reader,
                       const struct configuration *configuration, const struct yaml_node *root)
{
    if (configuration->mode != MODE_REPORT)
        return true;
    for (size_t i = 0; i < configuration->listener_count; i++) {
        const struct listener_configuration *listener = &configuration->listeners[i];
        if (listener->identity & IDENTITY_STATIC &&
            strcmp(listener->environment, "production") == 0)
            return configuration_refuse(reader, yaml_get(root, "mode"),
                                        "mode report is refused for production apps, and the "
                                        "listener of line %u is %s/production; enforce there",
                                        listener->at.line, listener->app);
    }
    return true;
}

static bool check_ttl(struct configuration_reader *reader,
                      const struct configuration *configuration, const struct yaml_node *root)
{
    const struct yaml_node *network = yaml_get(root, "network");
    const struct yaml_node *minimum = yaml_get(network, "dns_ttl_minimum_seconds");
    if (configuration->dns_ttl_minimum <= configuration->dns_ttl_maximum)
        return true;
    return configuration_refuse(
        reader, minimum != NULL ? minimum : yaml_get(network, "dns_ttl_maximum_seconds"),
        "dns_ttl_minimum_seconds (%u) is more than dns_ttl_maximum_seconds (%u)",
        configuration->dns_ttl_minimum, configuration->dns_ttl_maximum);
}

/* The order of giving way is fixed; the file may only say how early each is. */
static bool check_overload(struct configuration_reader *reader,
                           const struct configuration *configuration, const struct yaml_node *root)
{
    if (configuration->overload_anonymous <= configuration->overload_greediest &&
        configuration->overload_greediest <= configuration->overload_everyone)
        return true;
    return configuration_refuse(
        reader, yaml_get(root, "overload"),
        "anonymous_percent (%u), greediest_percent (%u) and everyone_percent (%u) may not "
        "decrease in this order",
        configuration->overload_anonymous, configuration->overload_greediest,
        configuration->overload_everyone);
}

bool configuration_check(struct configuration_reader *reader,
                         const struct configuration *configuration, const struct yaml_node *root)
{
    if (configuration->listener_count == 0)
        return configuration_refuse(reader, root,
                                    "no listeners; write listeners: [{address: 127.0.0.1:3128, "
                                    "identity: {static: {app: A, environment: E}}}]");
    return check_addresses(reader, configuration, root) &&
           check_mode(reader, configuration, root) && check_ttl(reader, configuration, root) &&
           check_overload(reader, configuration, root);
}
