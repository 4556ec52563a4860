/* Why: a common name is free text, so who it stands for has to be written down somewhere; here. */
#include "conf/roles.h"

#include <stdlib.h>

#include "conf/configuration_reader.h"

#define ROLES_MEMORY        ((size_t)64 * 1024 * 1024)
#define COMMON_NAME_MAXIMUM 255

struct role {
    const char *common_name;
    const char *app;
    const char *environment;
    const char *installation; /* NULL: none */
    struct position at;
};

struct roles {
    struct arena *arena;
    struct role *items; /* in the order of their names */
    size_t count;
};

#define AT(field) .offset = offsetof(struct role, field)

static bool read_common_name(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    if (value->kind != YAML_SCALAR || yaml_is_null(value) || value->text.length == 0 ||
        value->text.length > COMMON_NAME_MAXIMUM ||
        memchr(value->text.data, '\0', value->text.length) != NULL)
        return configuration_refuse(reader, value, "%s is the common name of a certificate",
                                    key->name);
    *(const char **)field = arena_copy(reader->arena, value->text).data;
    return *(const char **)field != NULL || configuration_refuse(reader, value, "out of memory");
}

static const struct configuration_key role_keys[] = {
    {.name = "cn", .read = read_common_name, AT(common_name)},
    {.name = "app", .read = configuration_read_name, AT(app)},
    {.name = "environment", .read = configuration_read_name, AT(environment)},
    {.name = "installation", .read = configuration_read_name, AT(installation)},
    {0},
};

static bool read_role(struct configuration_reader *reader, const struct yaml_node *node,
                      struct role *role)
{
    role->at = node->at;
    if (!configuration_read_mapping(reader, role_keys, node, role))
        return false;
    return (role->common_name != NULL && role->app != NULL && role->environment != NULL) ||
           configuration_refuse(reader, node,
                                "a role is {cn, app, environment, installation}, of "
                                "which only the last may be left out");
}

static int compare_roles(const void *left, const void *right)
{
    const struct role *a = left, *b = right;
    return strcmp(a->common_name, b->common_name);
}

static bool refuse_twice(struct configuration_reader *reader, const struct roles *roles)
{
    for (size_t i = 1; i < roles->count; i++) {
        if (compare_roles(&roles->items[i - 1], &roles->items[i]) != 0)
            continue;
        error_set_at(reader->error, reader->file, roles->items[i].at,
                     "this cn stands in the file twice; one name is one app");
        return false;
    }
    return true;
}

static bool read_list(struct configuration_reader *reader, const struct yaml_node *list,
                      struct roles *roles)
{
    if (list->kind != YAML_SEQUENCE)
        return configuration_refuse(reader, list,
                                    "not a list; write - {cn, app, environment} a "
                                    "line");
    roles->items = arena_allocate_array(reader->arena, list->count + 1, sizeof(*roles->items));
    if (roles->items == NULL)
        return configuration_refuse(reader, list, "out of memory");
    roles->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (!read_role(reader, list->items[i], &roles->items[i]))
            return false;
    }
    qsort(roles->items, roles->count, sizeof(*roles->items), compare_roles);
    return refuse_twice(reader, roles);
}

struct roles *roles_read(const char *path, struct error *error)
{
    struct yaml_document *document = yaml_document_read(path, error);
    if (document == NULL)
        return NULL;
    struct roles *roles = calloc(1, sizeof(*roles));
    struct arena *arena = arena_new(ROLES_MEMORY);
    struct configuration_reader reader = {arena, path, error};
    bool read = roles != NULL && arena != NULL;
    if (!read)
        error_set(error, "out of memory");
    read = read && read_list(&reader, yaml_document_root(document), roles);
    yaml_document_free(document);
    if (read) {
        roles->arena = arena;
        return roles;
    }
    arena_free(arena);
    free(roles);
    return NULL;
}

void roles_free(struct roles *roles)
{
    if (roles == NULL)
        return;
    arena_free(roles->arena);
    free(roles);
}

/* By its bytes: a NUL in COMMON_NAME equals no role. */
static int compare_to_role(const void *name, const void *item)
{
    const struct span *wanted = name;
    const struct span known = span_of(((const struct role *)item)->common_name);
    const size_t common = wanted->length < known.length ? wanted->length : known.length;
    int order = common == 0 ? 0 : memcmp(wanted->data, known.data, common);
    return order != 0 ? order : (wanted->length > known.length) - (wanted->length < known.length);
}

bool roles_find(const struct roles *roles, struct span common_name, struct subject *subject)
{
    const struct role *role =
        bsearch(&common_name, roles->items, roles->count, sizeof(*roles->items), compare_to_role);
    if (role == NULL)
        return false;
    subject->app = span_of(role->app);
    subject->environment = span_of(role->environment);
    subject->installation = span_of(role->installation == NULL ? "" : role->installation);
    return true;
}
