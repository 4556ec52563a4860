/*
 * Why: several keys name apps as APP/ENVIRONMENT, or hosts as a manifest writes
 * them; they are read here, so that each says the same of the same slip.
 */
#include "conf/configuration_reader.h"

#include "policy/policy_directory.h"
#include "policy/text.h"

/* False: TEXT is not APP/ENVIRONMENT, or memory is out. */
static bool read_app(struct arena *arena, struct span text, struct app_name *app)
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

bool configuration_read_apps(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    struct app_list *list = field;
    list->items = configuration_allocate_list(reader, key, value, sizeof(*list->items));
    if (list->items == NULL)
        return false;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = value->items[i];
        if (item->kind != YAML_SCALAR || !read_app(reader->arena, item->text, &list->items[i]))
            return configuration_refuse(reader, item,
                                        "not an app and its environment; write APP/ENVIRONMENT");
        list->count++;
    }
    return true;
}

static bool read_host(struct configuration_reader *reader, const struct yaml_node *node,
                      struct host_pattern *pattern)
{
    struct error error;
    struct span text = node->text;
    if (node->kind != YAML_SCALAR)
        return configuration_refuse(reader, node,
                                    "not a host; write api.example.com or \"*.example.com\"");
    pattern->below = span_starts_with(text, SPAN("*."));
    if (pattern->below)
        text = span_after(text, 2);
    if (!host_parse(text, &pattern->host, &error))
        return configuration_refuse(reader, node, "%s", error.message);
    return !pattern->below || pattern->host.kind == HOST_NAME ||
           configuration_refuse(reader, node, "an address has no names below it; write it alone");
}

bool configuration_read_hosts(struct configuration_reader *reader,
                              const struct configuration_key *key, const struct yaml_node *value,
                              void *field)
{
    struct host_list *list = field;
    list->items = configuration_allocate_list(reader, key, value, sizeof(*list->items));
    if (list->items == NULL)
        return false;
    for (size_t i = 0; i < value->count; i++) {
        if (!read_host(reader, value->items[i], &list->items[i]))
            return false;
        list->count++;
    }
    return true;
}
