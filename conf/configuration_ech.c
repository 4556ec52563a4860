/*
 * Whose tunnels may begin with an encrypted ClientHello: a list of APP/ENVIRONMENT,
 * empty unless somebody wrote one.
 */
#include "conf/configuration_reader.h"
#include "policy/policy_directory.h"

/* False: TEXT is not APP/ENVIRONMENT, or memory is out. */
static bool read_app(struct arena *arena, struct span text, struct ech_app *app)
{
    size_t slash = span_find(text, '/');
    struct span name = span_slice(text, 0, slash);
    if (slash == text.length || !policy_name_valid(name) ||
        !policy_name_valid(span_after(text, slash + 1)))
        return false;
    app->app = arena_copy(arena, name).data;
    app->environment = arena_copy(arena, span_after(text, slash + 1)).data;
    return app->app != NULL && app->environment != NULL;
}

bool configuration_read_ech(struct configuration_reader *reader,
                            const struct configuration_key *key, const struct yaml_node *value,
                            void *field)
{
    struct configuration *configuration = field;
    if (value->kind != YAML_SEQUENCE)
        return configuration_refuse(reader, value, "%s is %s; a list is wanted", key->name,
                                    yaml_describe(value));
    configuration->ech_apps =
        arena_allocate_array(reader->arena, value->count + 1, sizeof(*configuration->ech_apps));
    if (configuration->ech_apps == NULL)
        return configuration_refuse(reader, value, "out of memory");
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        if (item->kind != YAML_SCALAR ||
            !read_app(reader->arena, item->text, &configuration->ech_apps[i]))
            return configuration_refuse(reader, item,
                                        "not an app and its environment; write APP/ENVIRONMENT");
        configuration->ech_app_count++;
    }
    return true;
}

bool configuration_lets_ech(const struct configuration *configuration, struct span app,
                            struct span environment)
{
    for (size_t i = 0; i < configuration->ech_app_count; i++) {
        const struct ech_app *known = &configuration->ech_apps[i];
        if (span_equal(span_of(known->app), app) &&
            span_equal(span_of(known->environment), environment))
            return true;
    }
    return false;
}
