/*
 * Why: what a single value may look like, and what is said where it does not.
 * Numbers and booleans are what YAML 1.2 calls so; in quotes they are strings.
 * Paths are made relative to the configuration file, not to where the daemon
 * happens to be started.
 */
#include "conf/configuration_reader.h"

#include "policy/policy_directory.h"
#include "policy/text.h"

bool configuration_read_boolean(struct configuration_reader *reader,
                                const struct configuration_key *key, const struct yaml_node *value,
                                void *field)
{
    bool *boolean = field;
    return yaml_boolean(value, boolean) ||
           configuration_refuse(reader, value, "%s is %s; true or false is wanted", key->name,
                                yaml_describe(value));
}

bool configuration_read_choice(struct configuration_reader *reader,
                               const struct configuration_key *key, const struct yaml_node *value,
                               void *field)
{
    char storage[128];
    struct text words;
    text_init_fixed(&words, storage, sizeof(storage));
    for (int i = 0; key->words[i] != NULL; i++) {
        if (value->kind == YAML_SCALAR && span_equal(value->text, span_of(key->words[i]))) {
            *(int *)field = i;
            return true;
        }
        text_add_format(&words, "%s%s",
                        i == 0                      ? ""
                        : key->words[i + 1] == NULL ? " or "
                                                    : ", ",
                        key->words[i]);
    }
    return configuration_refuse(reader, value, "%s may be %.*s", key->name,
                                SPAN_FORMAT(text_span(&words)));
}

bool configuration_read_count(struct configuration_reader *reader,
                              const struct configuration_key *key, const struct yaml_node *value,
                              void *field)
{
    uint64_t number = 0;
    if (value->kind != YAML_SCALAR || value->quoted ||
        !span_parse_decimal(value->text, key->maximum, &number) || number < key->minimum)
        return configuration_refuse(reader, value, "%s may be a whole number from %u to %u",
                                    key->name, key->minimum, key->maximum);
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

/* ".5", ".25", ".125": what is behind the point, in thousandths. */
static bool parse_thousandths(struct span digits, uint64_t *thousandths)
{
    if (digits.length > 3 || !span_parse_decimal(digits, 999, thousandths))
        return false;
    for (size_t i = digits.length; i < 3; i++)
        *thousandths *= 10;
    return true;
}

static bool parse_milliseconds(struct span text, uint32_t seconds_maximum, uint64_t *milliseconds)
{
    uint64_t seconds = 0;
    uint64_t thousandths = 0;
    size_t point = span_find(text, '.');
    if (!span_parse_decimal(span_slice(text, 0, point), seconds_maximum, &seconds))
        return false;
    if (point < text.length && !parse_thousandths(span_after(text, point + 1), &thousandths))
        return false;
    *milliseconds = seconds * 1000 + thousandths;
    return *milliseconds > 0 && *milliseconds <= (uint64_t)seconds_maximum * 1000;
}

bool configuration_read_seconds(struct configuration_reader *reader,
                                const struct configuration_key *key, const struct yaml_node *value,
                                void *field)
{
    uint64_t milliseconds = 0;
    if (value->kind != YAML_SCALAR || value->quoted ||
        !parse_milliseconds(value->text, key->maximum, &milliseconds))
        return configuration_refuse(
            reader, value, "%s may be a number of seconds from 0.001 to %u, such as 5 or 0.25",
            key->name, key->maximum);
    *(uint32_t *)field = (uint32_t)milliseconds;
    return true;
}

static bool keep_text(struct configuration_reader *reader, const struct yaml_node *value,
                      const char *text, void *field)
{
    if (text == NULL)
        return configuration_refuse(reader, value, "out of memory");
    *(const char **)field = text;
    return true;
}

bool configuration_read_name(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    if (value->kind != YAML_SCALAR || yaml_is_null(value) || !policy_name_valid(value->text))
        return configuration_refuse(
            reader, value, "%s is not a name; a name is [a-z0-9][a-z0-9-]{0,62}", key->name);
    return keep_text(reader, value, arena_copy(reader->arena, value->text).data, field);
}

const char *configuration_join_path(struct configuration_reader *reader, struct span path)
{
    const char *slash = strrchr(reader->file, '/');
    if (slash == NULL || path.length == 0 || path.data[0] == '/')
        return arena_copy(reader->arena, path).data;

    size_t directory = (size_t)(slash - reader->file) + 1;
    char *joined = arena_allocate(reader->arena, directory + path.length + 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, reader->file, directory);
    memcpy(joined + directory, path.data, path.length);
    return joined;
}

static bool has_control_byte(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    }
    return false;
}

bool configuration_read_path_or_none(struct configuration_reader *reader,
                                     const struct configuration_key *key,
                                     const struct yaml_node *value, void *field)
{
    if (value->kind != YAML_SCALAR || yaml_is_null(value) || has_control_byte(value->text))
        return configuration_refuse(reader, value, "%s may be the path of a file, or \"\" for none",
                                    key->name);
    return keep_text(reader, value, configuration_join_path(reader, value->text), field);
}

bool configuration_read_path(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    if (value->kind != YAML_SCALAR || yaml_is_null(value) || value->text.length == 0 ||
        has_control_byte(value->text))
        return configuration_refuse(reader, value, "%s may be a path, which is never empty",
                                    key->name);
    return keep_text(reader, value, configuration_join_path(reader, value->text), field);
}

/* What useradd takes, more or less; whether there is such an account is found out when it is
 * needed.
 */
static bool is_user_name(struct span text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    for (size_t i = 0; i < text.length; i++) {
        if (memchr(letters, text.data[i], sizeof(letters) - 1) == NULL)
            return false;
    }
    return text.length > 0 && text.length <= 64 && text.data[0] != '-';
}

bool configuration_read_user(struct configuration_reader *reader,
                             const struct configuration_key *key, const struct yaml_node *value,
                             void *field)
{
    bool is_none = value->kind == YAML_SCALAR && value->quoted && value->text.length == 0;
    if (!is_none &&
        (value->kind != YAML_SCALAR || yaml_is_null(value) || !is_user_name(value->text)))
        return configuration_refuse(reader, value, "%s may be the name of a user, or \"\" for none",
                                    key->name);
    return keep_text(reader, value, arena_copy(reader->arena, value->text).data, field);
}

bool configuration_read_output(struct configuration_reader *reader,
                               const struct configuration_key *key, const struct yaml_node *value,
                               void *field)
{
    if (value->kind == YAML_SCALAR && span_equal(value->text, SPAN("-")))
        return keep_text(reader, value, "-", field);
    return configuration_read_path(reader, key, value, field);
}

bool configuration_read_later(struct configuration_reader *reader,
                              const struct configuration_key *key, const struct yaml_node *value,
                              void *field)
{
    (void)field;
    return configuration_refuse(reader, value, "this version of sallyport does not have %s yet",
                                key->name);
}
