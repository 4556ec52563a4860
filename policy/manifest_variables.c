/*
 * ${NAME}: what environment.variables declares, with the values that come from
 * outside or, failing those, the declared defaults. A value is put in as it is
 * and not looked at for further variables, and what comes out is bounded.
 */
#include "policy/manifest_reader.h"

#include <stdlib.h>

static int compare_spans(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_declared(const void *left, const void *right)
{
    const struct declared_variable *a = left;
    const struct declared_variable *b = right;
    int order = compare_spans(a->name, b->name);
    if (order != 0)
        return order;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    return (a->at.column > b->at.column) - (a->at.column < b->at.column);
}

static int compare_name(const void *name, const void *declared)
{
    const struct declared_variable *variable = declared;
    return compare_spans(*(const struct span *)name, variable->name);
}

/* The default of an object entry, where it has one. */
static void read_default(struct manifest_reader *reader, const struct yaml_node *entry,
                         struct declared_variable *variable)
{
    static const char *const known[] = {"key", "default", NULL};
    const struct yaml_node *value = yaml_get(entry, "default");
    reader_check_keys(reader, entry, "a variable", known);
    if (value == NULL)
        return;
    if (value->kind != YAML_SCALAR || yaml_is_null(value)) {
        reader_wrong_kind(reader, value, "a variable's default", "text");
        return;
    }
    variable->value = value->text;
    variable->has_value = true;
}

static bool read_declared(struct manifest_reader *reader, const struct yaml_node *entry,
                          struct declared_variable *variable)
{
    const struct yaml_node *name = entry->kind == YAML_MAPPING ? yaml_get(entry, "key") : entry;
    if (name == NULL || !yaml_is_string(name)) {
        reader_complain(reader, entry, "variable",
                        "a variable without a name; write NAME, or {key: NAME, default: text}");
        return false;
    }
    if (!variable_name_valid(name->text)) {
        reader_complain(reader, name, "variable",
                        "%s is not a variable's name; letters, digits and _ make one, and no digit "
                        "begins it",
                        FINDING_QUOTE(name->text));
        return false;
    }
    variable->name = name->text;
    variable->at = name->at;
    if (entry->kind == YAML_MAPPING)
        read_default(reader, entry, variable);
    if (reader->options->variables != NULL &&
        variables_find(reader->options->variables, variable->name, &variable->value))
        variable->has_value = true;
    return true;
}

/* Two declarations of a name could mean two defaults. */
static void refuse_doubles(struct manifest_reader *reader)
{
    for (size_t i = 1; i < reader->variable_count; i++) {
        const struct declared_variable *variable = &reader->variables[i];
        const struct declared_variable *before = &reader->variables[i - 1];
        if (!span_equal(variable->name, before->name))
            continue;
        reader_complain_at(reader, variable->at, "variable",
                           "the variable %s is declared twice, first on line %u; keep one of them",
                           FINDING_QUOTE(variable->name), before->at.line);
    }
}

void manifest_read_variables(struct manifest_reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *environment =
        reader_child(reader, root, "environment", YAML_MAPPING, "environment");
    const struct yaml_node *list =
        reader_child(reader, environment, "variables", YAML_SEQUENCE, "environment.variables");
    if (list == NULL)
        return;
    reader->variables = reader_allocate(reader, list->count, sizeof(*reader->variables));
    if (reader->variables == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (read_declared(reader, list->items[i], &reader->variables[reader->variable_count]))
            reader->variable_count++;
    }
    qsort(reader->variables, reader->variable_count, sizeof(*reader->variables), compare_declared);
    refuse_doubles(reader);
}

/* The value of NAME, or NULL and an error at NODE. */
static const struct span *value_of(struct manifest_reader *reader, const struct yaml_node *node,
                                   struct span name)
{
    const struct declared_variable *variable = NULL;
    if (reader->variable_count > 0)
        variable = bsearch(&name, reader->variables, reader->variable_count,
                           sizeof(*reader->variables), compare_name);
    if (variable == NULL) {
        reader_complain(reader, node, "variable",
                        "the variable %s is not declared; add it to environment.variables",
                        FINDING_QUOTE(name));
        return NULL;
    }
    if (!variable->has_value) {
        reader_complain(reader, node, "variable",
                        "the variable %s is not set and has no default; set it in variables.yml or "
                        "by --set, or declare {key, default}",
                        FINDING_QUOTE(name));
        return NULL;
    }
    return &variable->value;
}

/* Where the first "${" of TEXT stands, or its length. */
static size_t find_opening(struct span text)
{
    const char *found = text.length == 0 ? NULL : memmem(text.data, text.length, "${", 2);
    return found == NULL ? text.length : (size_t)(found - text.data);
}

/* Takes "${NAME}" off REST, which begins with it, and adds its value to INTO. */
static bool replace_one(struct manifest_reader *reader, const struct yaml_node *node,
                        struct span *rest, struct text *into)
{
    size_t end = span_find(*rest, '}');
    struct span name = span_slice(*rest, 2, end < 2 ? 0 : end - 2);
    if (end == rest->length || !variable_name_valid(name)) {
        reader_complain(reader, node, "variable", "%s is no variable; one is written ${NAME}",
                        FINDING_QUOTE(*rest));
        return false;
    }
    const struct span *value = value_of(reader, node, name);
    if (value == NULL)
        return false;
    text_add(into, *value);
    *rest = span_after(*rest, end + 1);
    return true;
}

static bool replace_all(struct manifest_reader *reader, const struct yaml_node *node,
                        struct span text, struct text *into)
{
    while (text.length > 0) {
        size_t plain = find_opening(text);
        text_add(into, span_slice(text, 0, plain));
        text = span_after(text, plain);
        if (text.length > 0 && !replace_one(reader, node, &text, into))
            return false;
        if (into->overflow)
            return true;
    }
    return true;
}

static bool refuse_length(struct manifest_reader *reader, const struct yaml_node *node)
{
    reader_complain(reader, node, "too-long", "a text of more than %d bytes; shorten it",
                    MANIFEST_STRING_MAXIMUM);
    return false;
}

bool manifest_replace_variables(struct manifest_reader *reader, const struct yaml_node *node,
                                struct span text, struct span *replaced)
{
    char storage[MANIFEST_STRING_MAXIMUM];
    struct text into;
    *replaced = text;
    if (text.length > MANIFEST_STRING_MAXIMUM)
        return refuse_length(reader, node);
    if (find_opening(text) == text.length)
        return true;
    text_init_fixed(&into, storage, sizeof(storage));
    if (!replace_all(reader, node, text, &into))
        return false;
    if (into.overflow)
        return refuse_length(reader, node);
    *replaced = arena_copy(reader->arena, text_span(&into));
    if (replaced->data == NULL)
        reader->out_of_memory = true;
    return replaced->data != NULL;
}
