/*
 * Why: a listener is where strangers come in, so each says who they are taken
 * for: there is no listener without an identity, and none with two.
 */
#include "conf/configuration_reader.h"

#include "policy/text.h"

#define AT(field) .offset = offsetof(struct listener_configuration, field)

static configuration_read_value read_address;
static configuration_read_value read_identity;
static configuration_read_value read_static;
static configuration_read_value read_basic;
static configuration_read_value read_tls;

/* clang-format off: one line a key */

static const struct configuration_key static_keys[] = {
    {.name = "app", .read = configuration_read_name, AT(app)},
    {.name = "environment", .read = configuration_read_name, AT(environment)},
    {.name = "installation", .read = configuration_read_name, AT(installation)},
    {0},
};

static const struct configuration_key identity_keys[] = {
    {.name = "static", .read = read_static, .keys = static_keys},
    {.name = "basic", .read = read_basic},
    {.name = "mtls", .read = configuration_read_later},
    {0},
};

static const struct configuration_key tls_keys[] = {
    {.name = "certificate", .read = configuration_read_path, AT(certificate)},
    {.name = "key", .read = configuration_read_path, AT(key)},
    {.name = "client_ca", .read = configuration_read_later},
    {0},
};

const struct configuration_key configuration_listener_keys[] = {
    {.name = "address", .read = read_address},
    {.name = "identity", .read = read_identity, .keys = identity_keys},
    {.name = "tls", .read = read_tls, .keys = tls_keys},
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

static bool read_static(struct configuration_reader *reader, const struct configuration_key *key,
                        const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity = IDENTITY_STATIC;
    if (!configuration_read_mapping(reader, key->keys, value, listener))
        return false;
    if (listener->app == NULL)
        return configuration_refuse(reader, value, "this identity has no app");
    if (listener->environment == NULL)
        return configuration_refuse(reader, value, "this identity has no environment");
    return true;
}

static bool read_basic(struct configuration_reader *reader, const struct configuration_key *key,
                       const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity = IDENTITY_BASIC;
    return configuration_read_path(reader, key, value, &listener->credentials_path);
}

static bool read_identity(struct configuration_reader *reader, const struct configuration_key *key,
                          const struct yaml_node *value, void *field)
{
    if (!configuration_read_mapping(reader, key->keys, value, field))
        return false;
    return (value->kind == YAML_MAPPING && value->count == 1) ||
           configuration_refuse(reader, value,
                                "one identity is wanted; write {static: {app: A, environment: E}} "
                                "or {basic: FILE}");
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
    return true;
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
