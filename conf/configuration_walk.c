/*
 * Why: every mapping of the file is walked by this one loop, so no key is ever
 * passed over in silence: it is read by the table's function or it is an error
 * that names the key which was probably meant.
 */
#include "conf/configuration_reader.h"

#include <stdarg.h>

#include "policy/text.h"

#define NAME_MAXIMUM 32 /* no key is longer; longer text resembles none of them */

bool configuration_refuse(struct configuration_reader *reader, const struct yaml_node *node,
                          const char *format, ...)
{
    char message[sizeof(reader->error->message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    error_set_at(reader->error, reader->file, node->at, "%s", message);
    return false;
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein: how many bytes to put in, take out or change to make one of the other. */
static unsigned edit_distance(struct span a, struct span b)
{
    unsigned row[NAME_MAXIMUM + 1];
    for (unsigned i = 0; i <= b.length; i++)
        row[i] = i;
    for (unsigned i = 1; i <= a.length; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.length; j++) {
            unsigned change = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, change);
        }
    }
    return row[b.length];
}

/* NULL: nothing that is known resembles NAME. */
static const char *nearest_name(const struct configuration_key *keys, struct span name)
{
    const char *nearest = NULL;
    unsigned least = NAME_MAXIMUM;
    if (name.length > NAME_MAXIMUM)
        return NULL;
    for (; keys->name != NULL; keys++) {
        struct span known = span_of(keys->name);
        unsigned distance = edit_distance(name, known);
        if (distance < least && distance <= known.length / 3 + 1) {
            least = distance;
            nearest = keys->name;
        }
    }
    return nearest;
}

static void list_names(const struct configuration_key *keys, struct text *names)
{
    for (const struct configuration_key *key = keys; key->name != NULL; key++) {
        text_add_string(names, key == keys ? "" : ", ");
        text_add_string(names, key->name);
    }
}

static bool refuse_unknown(struct configuration_reader *reader,
                           const struct configuration_key *keys, const struct yaml_node *name)
{
    char quoted[TEXT_QUOTE_SIZE];
    char storage[256];
    struct text names;
    text_quote(name->text, quoted);
    const char *nearest = nearest_name(keys, name->text);
    if (nearest != NULL)
        return configuration_refuse(reader, name, "unknown key %s; did you mean \"%s\"?", quoted,
                                    nearest);
    text_init_fixed(&names, storage, sizeof(storage));
    list_names(keys, &names);
    return configuration_refuse(reader, name, "unknown key %s; known here: %.*s", quoted,
                                SPAN_FORMAT(text_span(&names)));
}

static const struct configuration_key *find_key(const struct configuration_key *keys,
                                                const struct yaml_node *name)
{
    for (; keys->name != NULL; keys++) {
        if (name->kind == YAML_SCALAR && span_equal(name->text, span_of(keys->name)))
            return keys;
    }
    return NULL;
}

bool configuration_read_mapping(struct configuration_reader *reader,
                                const struct configuration_key *keys,
                                const struct yaml_node *mapping, void *target)
{
    if (yaml_is_null(mapping))
        return true;
    if (mapping->kind != YAML_MAPPING)
        return configuration_refuse(reader, mapping, "this is %s; a mapping of keys is wanted",
                                    yaml_describe(mapping));
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_entry *entry = &mapping->entries[i];
        const struct configuration_key *key = find_key(keys, entry->key);
        if (key == NULL)
            return refuse_unknown(reader, keys, entry->key);
        if (!key->read(reader, key, entry->value, (char *)target + key->offset))
            return false;
    }
    return true;
}

bool configuration_read_keys(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    return configuration_read_mapping(reader, key->keys, value, field);
}
