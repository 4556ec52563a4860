/*
 * Why: every mapping of the file is walked by this one loop, so no key is ever
 * passed over in silence: it is read by the table's function or it is an error
 * that names the key which was probably meant.
 */
#include "conf/configuration_reader.h"

#include <stdarg.h>

#include "policy/nearest.h"
#include "policy/text.h"

#define KEYS_MAXIMUM 32 /* more than any mapping has */

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

static size_t list_names(const struct configuration_key *keys, const char **names)
{
    size_t count = 0;
    for (; keys->name != NULL && count < KEYS_MAXIMUM; keys++)
        names[count++] = keys->name;
    names[count] = NULL;
    return count;
}

static bool refuse_unknown(struct configuration_reader *reader,
                           const struct configuration_key *keys, const struct yaml_node *name)
{
    const char *names[KEYS_MAXIMUM + 1];
    char quoted[TEXT_QUOTE_SIZE];
    char storage[512];
    struct text known;
    size_t count = list_names(keys, names);
    const char *nearest = nearest_name(name->text, names);
    text_quote(name->text, quoted);
    if (nearest != NULL)
        return configuration_refuse(reader, name, "unknown key %s; did you mean \"%s\"?", quoted,
                                    nearest);
    text_init_fixed(&known, storage, sizeof(storage));
    for (size_t i = 0; i < count; i++)
        text_add_format(&known, "%s%s", i == 0 ? "" : ", ", names[i]);
    return configuration_refuse(reader, name, "unknown key %s; known here: %.*s", quoted,
                                SPAN_FORMAT(text_span(&known)));
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
    if (value->kind != YAML_MAPPING && !yaml_is_null(value))
        return configuration_refuse(reader, value, "%s is %s; write %s: {%s: …}", key->name,
                                    yaml_describe(value), key->name, key->keys[0].name);
    return configuration_read_mapping(reader, key->keys, value, field);
}
