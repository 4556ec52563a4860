/*
 * Why: who a client is taken for can be said in six ways, and a listener may know
 * several: the strongest proof that a connection brings is the one that counts
 * (configuration.h has their order). Which of them can hold on which listener is told here,
 * so that none is waited for in vain.
 */
#include "conf/configuration_reader.h"

#include "certs/spiffe.h"

#define AT(field)        .offset = offsetof(struct listener_configuration, field)
#define AT_SOURCE(field) .offset = offsetof(struct identity_source, field)
#define AT_PEER(field)   .offset = offsetof(struct identity_peer, field)

static configuration_read_value read_static;
static configuration_read_value read_basic;
static configuration_read_value read_mtls;
static configuration_read_value read_proxy;
static configuration_read_value read_source;
static configuration_read_value read_peer;
static configuration_read_value read_from;
static configuration_read_value read_domain;

/* clang-format off: one line a key */

static const struct configuration_key static_keys[] = {
    {.name = "app", .read = configuration_read_name, AT(app)},
    {.name = "environment", .read = configuration_read_name, AT(environment)},
    {.name = "installation", .read = configuration_read_name, AT(installation)},
    {0},
};

static const struct configuration_key name_keys[] = {
    {.name = "spiffe", .read = read_domain, .offset = offsetof(struct name_rule, trust_domain)},
    {.name = "cn",
     .read = configuration_read_path,
     .offset = offsetof(struct name_rule, roles_path)},
    {0},
};

static const struct configuration_key source_keys[] = {
    {.name = "from", .read = read_from, AT_SOURCE(from)},
    {.name = "app", .read = configuration_read_name, AT_SOURCE(app)},
    {.name = "environment", .read = configuration_read_name, AT_SOURCE(environment)},
    {.name = "installation", .read = configuration_read_name, AT_SOURCE(installation)},
    {0},
};

static const struct configuration_key peer_keys[] = {
    {.name = "uid", .read = configuration_read_count, AT_PEER(uid), .maximum = UINT32_MAX - 1},
    {.name = "gid", .read = configuration_read_count, AT_PEER(gid), .maximum = UINT32_MAX - 1},
    {.name = "app", .read = configuration_read_name, AT_PEER(app)},
    {.name = "environment", .read = configuration_read_name, AT_PEER(environment)},
    {.name = "installation", .read = configuration_read_name, AT_PEER(installation)},
    {0},
};

const struct configuration_key configuration_identity_keys[] = {
    {.name = "mtls", .read = read_mtls, .keys = name_keys},
    {.name = "proxy", .read = read_proxy, .keys = name_keys},
    {.name = "peer", .read = read_peer, .keys = peer_keys},
    {.name = "basic", .read = read_basic},
    {.name = "source", .read = read_source, .keys = source_keys},
    {.name = "static", .read = read_static, .keys = static_keys},
    {0},
};

/* clang-format on */

bool configuration_read_identity(struct configuration_reader *reader,
                                 const struct configuration_key *key, const struct yaml_node *value,
                                 void *field)
{
    if (!configuration_read_mapping(reader, key->keys, value, field))
        return false;
    return (value->kind == YAML_MAPPING && value->count > 0) ||
           configuration_refuse(reader, value,
                                "at least one identity is wanted; write {static: {app: A, "
                                "environment: E}}, {basic: FILE} or {mtls: spiffe}");
}

/* ---- static, basic --------------------------------------------------------- */

static bool read_static(struct configuration_reader *reader, const struct configuration_key *key,
                        const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity |= IDENTITY_STATIC;
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
    listener->identity |= IDENTITY_BASIC;
    return configuration_read_path(reader, key, value, &listener->credentials_path);
}

/* ---- mtls, proxy ------------------------------------------------------------- */

static bool read_domain(struct configuration_reader *reader, const struct configuration_key *key,
                        const struct yaml_node *value, void *field)
{
    if (value->kind != YAML_SCALAR || yaml_is_null(value) || !spiffe_domain_valid(value->text))
        return configuration_refuse(
            reader, value, "%s is the trust domain of the names, such as example.org", key->name);
    *(const char **)field = arena_copy(reader->arena, value->text).data;
    return *(const char **)field != NULL || configuration_refuse(reader, value, "out of memory");
}

/* `spiffe`, `cn`, {spiffe: DOMAIN} or {cn: FILE}. */
static bool read_name_rule(struct configuration_reader *reader, const struct configuration_key *key,
                           const struct yaml_node *value, struct name_rule *rule)
{
    *rule = (struct name_rule){.form = NAME_SPIFFE};
    if (value->kind == YAML_SCALAR && span_equal(value->text, SPAN("spiffe")))
        return true;
    const bool is_cn = value->kind == YAML_SCALAR && span_equal(value->text, SPAN("cn"));
    if (value->kind == YAML_MAPPING && !configuration_read_mapping(reader, key->keys, value, rule))
        return false;
    if (is_cn || rule->roles_path != NULL)
        rule->form = NAME_CN;
    return is_cn || (value->kind == YAML_MAPPING && value->count == 1) ||
           configuration_refuse(reader, value,
                                "%s may be spiffe, {spiffe: TRUSTDOMAIN}, cn or {cn: FILE}",
                                key->name);
}

static bool read_mtls(struct configuration_reader *reader, const struct configuration_key *key,
                      const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity |= IDENTITY_MTLS;
    return read_name_rule(reader, key, value, &listener->mtls);
}

static bool read_proxy(struct configuration_reader *reader, const struct configuration_key *key,
                       const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity |= IDENTITY_PROXY;
    return read_name_rule(reader, key, value, &listener->proxy);
}

/* ---- source, peer ------------------------------------------------------------ */

/* A client's IPv4 address is plain by the time that it is held against RANGE, however it came. */
static void unmap(struct ip_range *range)
{
    const struct ip plain = ip_unmapped(&range->base);
    if (range->prefix < 96 || plain.family == range->base.family)
        return;
    *range = (struct ip_range){.base = plain, .prefix = (uint8_t)(range->prefix - 96)};
}

static bool read_from(struct configuration_reader *reader, const struct configuration_key *key,
                      const struct yaml_node *value, void *field)
{
    if (value->kind == YAML_SCALAR && ip_range_parse(value->text, field)) {
        unmap(field);
        return true;
    }
    return configuration_refuse(reader, value,
                                "%s is an address range; write 10.0.0.0/8 or \"fd00::/8\", with no "
                                "bits set behind the prefix",
                                key->name);
}

static bool refuse_entry(struct configuration_reader *reader, const struct configuration_key *key,
                         const struct yaml_node *node)
{
    const bool is_source = strcmp(key->name, "source") == 0;
    return configuration_refuse(reader, node,
                                is_source ? "an entry of source is {from: RANGE, app, environment, "
                                            "installation}; only the last may be left out"
                                          : "an entry of peer is {uid, gid, app, environment, "
                                            "installation}; the last and one of the first two may "
                                            "be left out");
}

static bool has_range_already(const struct listener_configuration *listener,
                              const struct ip_range *range)
{
    for (size_t i = 0; i < listener->source_count; i++) {
        const struct ip_range *known = &listener->sources[i].from;
        if (known->prefix == range->prefix && ip_equal(&known->base, &range->base))
            return true;
    }
    return false;
}

static bool read_one_source(struct configuration_reader *reader,
                            const struct configuration_key *key, const struct yaml_node *node,
                            struct listener_configuration *listener)
{
    struct identity_source *source = &listener->sources[listener->source_count];
    source->installation = "";
    if (!configuration_read_mapping(reader, key->keys, node, source))
        return false;
    if (source->from.base.family == 0 || source->app == NULL || source->environment == NULL)
        return refuse_entry(reader, key, node);
    if (has_range_already(listener, &source->from))
        return configuration_refuse(reader, node, "this range stands in the list already");
    listener->source_count++;
    return true;
}

static bool read_source(struct configuration_reader *reader, const struct configuration_key *key,
                        const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity |= IDENTITY_SOURCE;
    listener->sources = configuration_allocate_list(reader, key, value, sizeof(*listener->sources));
    if (listener->sources == NULL)
        return false;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_one_source(reader, key, value->items[i], listener))
            return false;
    }
    return true;
}

static bool read_one_peer(struct configuration_reader *reader, const struct configuration_key *key,
                          const struct yaml_node *node, struct identity_peer *peer)
{
    peer->installation = "";
    if (!configuration_read_mapping(reader, key->keys, node, peer))
        return false;
    peer->has_uid = yaml_get(node, "uid") != NULL;
    peer->has_gid = yaml_get(node, "gid") != NULL;
    return ((peer->has_uid || peer->has_gid) && peer->app != NULL && peer->environment != NULL) ||
           refuse_entry(reader, key, node);
}

static bool read_peer(struct configuration_reader *reader, const struct configuration_key *key,
                      const struct yaml_node *value, void *field)
{
    struct listener_configuration *listener = field;
    listener->identity |= IDENTITY_PEER;
    listener->peers = configuration_allocate_list(reader, key, value, sizeof(*listener->peers));
    if (listener->peers == NULL)
        return false;
    listener->peer_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_one_peer(reader, key, value->items[i], &listener->peers[i]))
            return false;
    }
    return true;
}

/* ---- What a listener cannot bear out ------------------------------------------ */

bool configuration_check_identity(struct configuration_reader *reader,
                                  const struct listener_configuration *listener,
                                  const struct yaml_node *node)
{
    const struct yaml_node *identity = yaml_get(node, "identity");
    const unsigned ways = listener->identity;
    if (ways & IDENTITY_MTLS && listener->client_ca == NULL)
        return configuration_refuse(reader, identity,
                                    "mtls needs the authorities of the clients' certificates; "
                                    "write tls: {certificate: FILE, key: FILE, client_ca: FILE}");
    if (listener->crl != NULL && listener->client_ca == NULL)
        return configuration_refuse(reader, node,
                                    "crl is about the certificates of client_ca, "
                                    "which is missing");
    if (ways & IDENTITY_PROXY && listener->front_count == 0)
        return configuration_refuse(reader, identity,
                                    "proxy needs to know whom to believe; write proxy_protocol: "
                                    "[RANGE] beside it");
    if (listener->front_count > 0 && listener->unix_path != NULL)
        return configuration_refuse(reader, yaml_get(node, "proxy_protocol"),
                                    "proxy_protocol names fronts by their addresses, and a unix "
                                    "socket's peers have none");
    if (ways & IDENTITY_PEER && listener->unix_path == NULL)
        return configuration_refuse(reader, identity,
                                    "peer is about unix sockets: only there the "
                                    "kernel knows who connects");
    if (ways & IDENTITY_SOURCE && listener->unix_path != NULL)
        return configuration_refuse(reader, identity,
                                    "source is about addresses, and a unix socket's peers have "
                                    "none; use peer");
    return true;
}
