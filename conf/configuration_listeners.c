/*
 * Why: a listener is where strangers come in, so each says who they are taken
 * for: there is no listener without an identity.
 */
#include "conf/configuration_reader.h"

#include "policy/text.h"

#define AT(field) .offset = offsetof(struct listener_configuration, field)

static configuration_read_value read_address;
static configuration_read_value read_tls;
static configuration_read_value read_fronts;

/* clang-format off: one line a key */

static const struct configuration_key tls_keys[] = {
    {.name = "certificate", .read = configuration_read_path, AT(certificate)},
    {.name = "key", .read = configuration_read_path, AT(key)},
    {.name = "client_ca", .read = configuration_read_path, AT(client_ca)},
    {.name = "crl", .read = configuration_read_path, AT(crl)},
    {0},
};

const struct configuration_key configuration_listener_keys[] = {
    {.name = "address", .read = read_address},
    {.name = "identity", .read = configuration_read_identity, .keys = configuration_identity_keys},
    {.name = "tls", .read = read_tls, .keys = tls_keys},
    {.name = "proxy_protocol", .read = read_fronts},
    {0},
};

/* clang-format on */

static bool read_address(struct configuration_reader *reader, const struct configuration_key *key,
                         const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    struct endpoint endpoint;
    (void)key;
    if (!configuration_parse_endpoint(reader, value, &endpoint))
        return false;
    listener->at = value->at;
    listener->text = arena_copy(reader->arena, value->text).data;
    listener->unix_path = endpoint.unix_path;
    listener->ip = endpoint.ip;
    listener->port = endpoint.port;
    return listener->text != NULL || configuration_refuse(reader, value, "out of memory");
}

static bool read_tls(struct configuration_reader *reader, const struct configuration_key *key,
                     const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    if (!configuration_read_mapping(reader, key->keys, value, listener))
        return false;
    return (listener->certificate != NULL && listener->key != NULL) ||
           configuration_refuse(reader, value, "tls needs both a certificate and a key");
}

static bool read_fronts(struct configuration_reader *reader, const struct configuration_key *key,
                        const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    return configuration_parse_ranges(reader, key, value, &listener->fronts,
                                      &listener->front_count);
}

static bool read_listener(struct configuration_reader *reader, const struct yaml_node *node,
                          struct listener_configuration *listener)
{
    listener->installation = "";
    if (!configuration_read_mapping(reader, configuration_listener_keys, node, listener))
        return false;
    if (yaml_get(node, "address") == NULL)
        return configuration_refuse(reader, node, "this listener has no address");
    if (yaml_get(node, "identity") == NULL)
        return configuration_refuse(reader, node,
                                    "this listener has no identity and would be an open proxy; "
                                    "write identity: {static: {app: A, environment: E}} or "
                                    "{basic: FILE}");
    return configuration_check_identity(reader, listener, node);
}

bool configuration_read_listeners(struct configuration_reader *reader,
                                  const struct configuration_key *key,
                                  const struct yaml_node *value, void *field)
{
    struct configuration *configuration = field;
    if (value->kind != YAML_SEQUENCE || value->count == 0)
        return configuration_refuse(reader, value,
                                    "%s is a list of at least one {address, identity}", key->name);
    configuration->listeners =
        arena_allocate_array(reader->arena, value->count, sizeof(*configuration->listeners));
    if (configuration->listeners == NULL)
        return configuration_refuse(reader, value, "out of memory");
    configuration->listener_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_listener(reader, value->items[i], &configuration->listeners[i]))
            return false;
    }
    return true;
}
