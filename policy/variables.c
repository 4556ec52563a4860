/*
 * A short list of names and values. It is searched from the front, which a hard
 * maximum keeps cheap.
 */
#include "policy/variables.h"

#include "policy/text.h"

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool variable_name_valid(struct span name)
{
    if (name.length == 0 || !is_letter(name.data[0]))
        return false;
    for (size_t i = 1; i < name.length; i++) {
        if (!is_letter(name.data[i]) && !is_digit(name.data[i]))
            return false;
    }
    return true;
}

static bool refuse_name(struct span name, struct error *error)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error,
              "%s is not a variable's name; letters, digits and _ make one, and no digit begins it",
              text_quote(name, quoted));
    return false;
}

/* The variable of this name, or NULL; COUNT is how many were looked at. */
static struct variable *find(const struct variables *variables, struct span name, size_t *count)
{
    *count = 0;
    for (struct variable *variable = variables->first; variable != NULL;
         variable = variable->next) {
        (*count)++;
        if (span_equal(variable->name, name))
            return variable;
    }
    return NULL;
}

static struct variable *add(struct variables *variables, struct arena *arena, struct span name)
{
    struct variable *variable = arena_allocate(arena, sizeof(*variable));
    struct span copy = arena_copy(arena, name);
    if (variable == NULL || copy.data == NULL)
        return NULL;
    variable->name = copy;
    variable->next = variables->first;
    variables->first = variable;
    return variable;
}

bool variables_set(struct variables *variables, struct arena *arena, struct span name,
                   struct span value, struct error *error)
{
    size_t count;
    if (!variable_name_valid(name))
        return refuse_name(name, error);
    struct variable *variable = find(variables, name, &count);
    if (variable == NULL && count == VARIABLES_MAXIMUM) {
        error_set(error, "more than %d variables; a manifest needs fewer", VARIABLES_MAXIMUM);
        return false;
    }
    struct span copy = arena_copy(arena, value);
    if (variable == NULL && copy.data != NULL)
        variable = add(variables, arena, name);
    if (variable == NULL || copy.data == NULL) {
        error_set(error, "out of memory for variables");
        return false;
    }
    variable->value = copy;
    return true;
}

bool variables_set_pair(struct variables *variables, struct arena *arena, struct span pair,
                        struct error *error)
{
    size_t equals = span_find(pair, '=');
    if (equals == pair.length) {
        char quoted[TEXT_QUOTE_SIZE];
        error_set(error, "%s has no \"=\"; a variable is set by NAME=VALUE",
                  text_quote(pair, quoted));
        return false;
    }
    return variables_set(variables, arena, span_slice(pair, 0, equals),
                         span_after(pair, equals + 1), error);
}

static bool read_entry(struct variables *variables, struct arena *arena,
                       const struct yaml_entry *entry, const char *file, struct error *error)
{
    if (entry->key->kind != YAML_SCALAR) {
        error_set_at(error, file, entry->key->at, "%s as a name; write NAME: value",
                     yaml_describe(entry->key));
        return false;
    }
    if (entry->value->kind != YAML_SCALAR || yaml_is_null(entry->value)) {
        error_set_at(error, file, entry->value->at,
                     "%s as a variable's value; write text, or \"\" for an empty one",
                     yaml_describe(entry->value));
        return false;
    }
    if (variables_set(variables, arena, entry->key->text, entry->value->text, error))
        return true;
    error_locate(error, file, entry->key->at);
    return false;
}

bool variables_read(struct variables *variables, struct arena *arena,
                    const struct yaml_document *document, struct error *error)
{
    const struct yaml_node *root = yaml_document_root(document);
    const char *file = yaml_document_file(document);
    if (yaml_is_null(root))
        return true;
    if (root->kind != YAML_MAPPING) {
        error_set_at(error, file, root->at, "%s instead of variables; write lines of NAME: value",
                     yaml_describe(root));
        return false;
    }
    for (size_t i = 0; i < root->count; i++) {
        if (!read_entry(variables, arena, &root->entries[i], file, error))
            return false;
    }
    return true;
}

bool variables_find(const struct variables *variables, struct span name, struct span *value)
{
    size_t count;
    const struct variable *variable = find(variables, name, &count);
    if (variable == NULL)
        return false;
    *value = variable->value;
    return true;
}
