/*
 * Views on a document's nodes. How a plain scalar reads follows the core schema
 * of YAML 1.2 (section 10.3.2), which is also how JSON reads: "yes", "on" and
 * "0777" are not what YAML 1.1 made of them.
 */
#include "policy/yaml_node.h"

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
    if (node == NULL || node->kind != YAML_MAPPING)
        return NULL;
    struct span wanted = span_of(key);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_entry *entry = &node->entries[i];
        if (entry->key->kind == YAML_SCALAR && span_equal(entry->key->text, wanted))
            return entry->value;
    }
    return NULL;
}

static bool plain_is_one_of(const struct yaml_node *node, const char *const *words)
{
    if (node->kind != YAML_SCALAR || node->quoted)
        return false;
    for (; *words != NULL; words++) {
        if (span_equal(node->text, span_of(*words)))
            return true;
    }
    return false;
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return plain_is_one_of(node, words);
}

bool yaml_boolean(const struct yaml_node *node, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    bool is_true = plain_is_one_of(node, yes);
    if (!is_true && !plain_is_one_of(node, no))
        return false;
    *value = is_true;
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(char byte)
{
    return span_hex_digit(byte) >= 0;
}

static bool is_octal_digit(char byte)
{
    return byte >= '0' && byte <= '7';
}

static bool all_are(struct span text, bool (*accepts)(char))
{
    for (size_t i = 0; i < text.length; i++) {
        if (!accepts(text.data[i]))
            return false;
    }
    return text.length > 0;
}

static struct span skip_digits(struct span text, size_t *count)
{
    *count = 0;
    while (text.length > 0 && is_digit(text.data[0])) {
        text = span_after(text, 1);
        (*count)++;
    }
    return text;
}

static struct span skip_sign(struct span text)
{
    if (text.length > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        return span_after(text, 1);
    return text;
}

/* ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, which covers integers too. */
static bool is_decimal(struct span text)
{
    size_t whole, fraction = 0, exponent;
    text = skip_digits(text, &whole);
    if (text.length > 0 && text.data[0] == '.')
        text = skip_digits(span_after(text, 1), &fraction);
    if (whole == 0 && fraction == 0)
        return false;
    if (text.length == 0)
        return true;
    if (text.data[0] != 'e' && text.data[0] != 'E')
        return false;
    text = skip_digits(skip_sign(span_after(text, 1)), &exponent);
    return exponent > 0 && text.length == 0;
}

static bool is_number(const struct yaml_node *node)
{
    static const char *const not_finite[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                             "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                             ".NaN",  ".NAN",  NULL};
    struct span text = node->text;
    if (node->quoted)
        return false;
    if (plain_is_one_of(node, not_finite))
        return true;
    if (span_starts_with(text, SPAN("0x")))
        return all_are(span_after(text, 2), is_hex_digit);
    if (span_starts_with(text, SPAN("0o")))
        return all_are(span_after(text, 2), is_octal_digit);
    return is_decimal(skip_sign(text));
}

bool yaml_is_string(const struct yaml_node *node)
{
    bool value;
    return node->kind == YAML_SCALAR && !yaml_is_null(node) && !yaml_boolean(node, &value) &&
           !is_number(node);
}

const char *yaml_describe(const struct yaml_node *node)
{
    bool value;
    if (node->kind == YAML_MAPPING)
        return "a mapping";
    if (node->kind == YAML_SEQUENCE)
        return "a list";
    if (yaml_is_null(node))
        return "nothing";
    if (yaml_boolean(node, &value))
        return "a boolean";
    return is_number(node) ? "a number" : "a string";
}
