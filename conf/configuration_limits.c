/*
 * Why: limits are the same few keys twice, for everybody and for one app: what an
 * app's own entry leaves out is as for everybody, whatever stands first in the file.
 */
#include "conf/configuration_reader.h"

#define AT(field) .offset = offsetof(struct app_limits, limits.field)

#define LIMIT_MAXIMUM          1000000000
#define NAMES_MAXIMUM          1000000 /* 16 bytes of memory each */
#define SECONDS_OF_THIRTY_DAYS 2592000

static configuration_read_value read_app_limits;

/* clang-format off: one line a key */

#define COUNT_KEY(key, most)                                                                       \
    {                                                                                              \
        .name = #key, .read = configuration_read_count, AT(key), .maximum = (most)                 \
    }

#define LIMIT_KEYS                                                                                 \
    COUNT_KEY(requests_per_minute, LIMIT_MAXIMUM), COUNT_KEY(names_per_minute, NAMES_MAXIMUM),     \
        COUNT_KEY(tunnels, LIMIT_MAXIMUM), COUNT_KEY(tunnel_seconds, SECONDS_OF_THIRTY_DAYS),      \
        COUNT_KEY(bytes_per_second, LIMIT_MAXIMUM)

static const struct configuration_key app_limit_keys[] = {
    {.name = "app", .read = configuration_read_name, .offset = offsetof(struct app_limits, app)},
    {.name = "environment",
     .read = configuration_read_name,
     .offset = offsetof(struct app_limits, environment)},
    LIMIT_KEYS,
    {0},
};

const struct configuration_key configuration_limit_keys[] = {
    LIMIT_KEYS,
    {.name = "apps", .read = read_app_limits, .keys = app_limit_keys},
    {0},
};

/* clang-format on */

/* The limits for everybody as the file has them, while `apps` waits for them to be read. */
struct reading {
    struct app_limits everybody; /* first: the keys' offsets are into it */
    const struct yaml_node *apps;
};

static bool read_app_limits(struct configuration_reader *reader,
                            const struct configuration_key *key, const struct yaml_node *value,
                            void *field)
{
    struct reading *reading = field;
    if (value->kind != YAML_SEQUENCE)
        return configuration_refuse(reader, value,
                                    "%s is %s; a list of {app, environment, …} is "
                                    "wanted",
                                    key->name, yaml_describe(value));
    reading->apps = value;
    return true;
}

static bool read_one_app(struct configuration_reader *reader, const struct yaml_node *node,
                         const struct limits *everybody, struct app_limits *own)
{
    own->limits = *everybody;
    if (!configuration_read_mapping(reader, app_limit_keys, node, own))
        return false;
    return (own->app != NULL && own->environment != NULL) ||
           configuration_refuse(reader, node, "these limits need both an app and an environment");
}

/* Two entries for one app would leave it to their order which of them counts. */
static bool check_twice(struct configuration_reader *reader, const struct yaml_node *node,
                        const struct app_limits *limits, size_t before)
{
    const struct app_limits *own = &limits[before];
    for (size_t i = 0; i < before; i++) {
        if (strcmp(limits[i].app, own->app) == 0 &&
            strcmp(limits[i].environment, own->environment) == 0)
            return configuration_refuse(reader, node, "%s/%s has limits twice; keep one of them",
                                        own->app, own->environment);
    }
    return true;
}

static bool read_apps(struct configuration_reader *reader, const struct yaml_node *apps,
                      struct configuration *configuration)
{
    configuration->app_limits =
        arena_allocate_array(reader->arena, apps->count + 1, sizeof(*configuration->app_limits));
    if (configuration->app_limits == NULL)
        return configuration_refuse(reader, apps, "out of memory");
    configuration->app_limit_count = apps->count;
    for (size_t i = 0; i < apps->count; i++) {
        if (!read_one_app(reader, apps->items[i], &configuration->limits,
                          &configuration->app_limits[i]) ||
            !check_twice(reader, apps->items[i], configuration->app_limits, i))
            return false;
    }
    return true;
}

bool configuration_read_limits(struct configuration_reader *reader,
                               const struct configuration_key *key, const struct yaml_node *value,
                               void *field)
{
    struct configuration *configuration = field;
    struct reading reading = {.everybody.limits = configuration->limits};
    if (!configuration_read_mapping(reader, key->keys, value, &reading))
        return false;
    configuration->limits = reading.everybody.limits;
    return reading.apps == NULL || read_apps(reader, reading.apps, configuration);
}
