/*
 * Why: addresses in the file are read by conf/ip.c alone; what is here says
 * which form a key wants and puts the lists together.
 */
#include "conf/configuration_reader.h"

#include <sys/un.h>

#include "policy/text.h"

#define DNS_PORT 53

static bool parse_unix_path(struct configuration_reader *reader, const struct yaml_node *node,
                            struct span path, struct endpoint *endpoint)
{
    const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
    if (path.length == 0 || memchr(path.data, '\0', path.length) != NULL)
        return configuration_refuse(reader, node, "a path is missing behind unix:");
    endpoint->unix_path = configuration_join_path(reader, path);
    if (endpoint->unix_path == NULL)
        return configuration_refuse(reader, node, "out of memory");
    if (strlen(endpoint->unix_path) >= room)
        return configuration_refuse(reader, node,
                                    "a unix socket's path may have %zu bytes; this one has %zu",
                                    room - 1, strlen(endpoint->unix_path));
    return true;
}

bool configuration_parse_endpoint(struct configuration_reader *reader, const struct yaml_node *node,
                                  struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){0};
    if (node->kind == YAML_SCALAR && span_starts_with(node->text, SPAN("unix:")))
        return parse_unix_path(reader, node, span_after(node->text, 5), endpoint);
    if (node->kind == YAML_SCALAR &&
        ip_endpoint_parse(node->text, 0, &endpoint->ip, &endpoint->port))
        return true;
    return configuration_refuse(reader, node,
                                "not an address to listen on; write 127.0.0.1:3128, "
                                "\"[::1]:3128\" or unix:/run/sallyport.sock");
}

bool configuration_read_admin(struct configuration_reader *reader,
                              const struct configuration_key *key, const struct yaml_node *value,
                              void *field)
{
    struct configuration *configuration = field;
    struct endpoint endpoint;
    (void)key;
    if (value->kind == YAML_SCALAR && value->quoted && value->text.length == 0) {
        configuration->has_admin = false;
        return true;
    }
    if (!configuration_parse_endpoint(reader, value, &endpoint))
        return false;
    configuration->admin_unix_path = endpoint.unix_path;
    configuration->admin_ip = endpoint.ip;
    configuration->admin_port = endpoint.port;
    configuration->admin_at = value->at;
    return true;
}

void *configuration_allocate_list(struct configuration_reader *reader,
                                  const struct configuration_key *key, const struct yaml_node *list,
                                  size_t size)
{
    if (list->kind != YAML_SEQUENCE) {
        configuration_refuse(reader, list, "%s is %s; a list is wanted", key->name,
                             yaml_describe(list));
        return NULL;
    }
    void *items = arena_allocate_array(reader->arena, list->count + 1, size);
    if (items == NULL)
        configuration_refuse(reader, list, "out of memory");
    return items;
}

bool configuration_parse_ranges(struct configuration_reader *reader,
                                const struct configuration_key *key, const struct yaml_node *list,
                                struct ip_range **ranges, size_t *count)
{
    struct ip_range *items = configuration_allocate_list(reader, key, list, sizeof(*items));
    if (items == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        if (item->kind != YAML_SCALAR || !ip_range_parse(item->text, &items[i]))
            return configuration_refuse(reader, item,
                                        "not an address range; write 10.0.0.0/8 or \"fd00::/8\", "
                                        "with no bits set behind the prefix");
    }
    *ranges = items;
    *count = list->count;
    return true;
}

bool configuration_read_ranges(struct configuration_reader *reader,
                               const struct configuration_key *key, const struct yaml_node *value,
                               void *field)
{
    struct configuration *configuration = field;
    return configuration_parse_ranges(reader, key, value, &configuration->allow_ranges,
                                      &configuration->allow_range_count);
}

bool configuration_read_resolvers(struct configuration_reader *reader,
                                  const struct configuration_key *key,
                                  const struct yaml_node *value, void *field)
{
    struct configuration *configuration = field;
    configuration->resolvers =
        configuration_allocate_list(reader, key, value, sizeof(struct resolver_address));
    if (configuration->resolvers == NULL)
        return false;
    configuration->resolver_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        struct resolver_address resolver;
        if (item->kind != YAML_SCALAR ||
            !ip_endpoint_parse(item->text, DNS_PORT, &resolver.ip, &resolver.port) ||
            resolver.port == 0)
            return configuration_refuse(reader, item,
                                        "not a resolver's address; write 192.0.2.53, "
                                        "192.0.2.53:5353 or \"[2001:db8::53]\"");
        configuration->resolvers[i] = resolver;
    }
    return true;
}
