/*
 * installations.yml, written: one form for one content, so that a changed line
 * in a version control's diff is a changed approval. What YAML could read as
 * something other than text stands in quotes.
 */
#include "policy/installations.h"

/* What c-printable of YAML 1.2 leaves out, and line ends that only some readers know. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

/* BYTES begin with a well-formed sequence of LENGTH bytes. */
static uint32_t decode(const char *bytes, size_t length)
{
    const unsigned char *byte = (const unsigned char *)bytes;
    uint32_t code = length == 1 ? byte[0] : byte[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (byte[i] & 0x3FU);
    return code;
}

/* A double-quoted scalar (YAML 1.2, section 7.3.1). */
static void add_quoted(struct text *text, struct span value)
{
    text_add_char(text, '"');
    while (value.length > 0) {
        size_t length = text_utf8_length(value);
        uint32_t code = length == 0 ? 0xFFFD : decode(value.data, length);
        if (code == '"' || code == '\\')
            text_add_char(text, '\\');
        if (length == 0)
            text_add_string(text, "\xEF\xBF\xBD");
        else if (needs_escape(code))
            text_add_format(text, "\\u%04X", code);
        else
            text_add(text, span_slice(value, 0, length));
        value = span_after(value, length == 0 ? 1 : length);
    }
    text_add_char(text, '"');
}

/* An id or a key, whose bytes need no quotes unless all of them read as a number or the like. */
static void add_name(struct text *text, struct span name)
{
    const struct yaml_node plain = {.kind = YAML_SCALAR, .text = name};
    if (yaml_is_string(&plain) && name.data[0] != '-')
        text_add(text, name);
    else
        add_quoted(text, name);
}

static void add_types(struct text *text, uint32_t lists)
{
    const char *before = "";
    text_add_string(text, ", type: [");
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if ((lists & 1U << i) == 0)
            continue;
        text_add_string(text, before);
        text_add_string(text, installation_type_name((enum manifest_list)i));
        before = ", ";
    }
    text_add_string(text, "]}\n");
}

static void add_group(struct text *text, const struct installation_group *group)
{
    text_add_string(text, "      - key: ");
    add_name(text, group->key);
    if (group->description.length > 0) {
        text_add_string(text, "\n        description: ");
        add_quoted(text, group->description);
    }
    text_add_string(text, group->domain_count == 0 ? "\n        configured: []\n"
                                                   : "\n        configured:\n");
    for (size_t i = 0; i < group->domain_count; i++) {
        text_add_string(text, "          - {domain: ");
        add_quoted(text, group->domains[i].text);
        add_types(text, group->domains[i].lists);
    }
}

static void add_remote(struct text *text, const struct installation_remote *remote)
{
    text_add_string(text, "      - {key: ");
    add_name(text, remote->key);
    text_add_string(text, ", configured: {endpoint: ");
    add_quoted(text, remote->endpoint);
    text_add_string(text, "}}\n");
}

/* The settings, each behind BETWEEN. */
static void add_settings(struct text *text, const struct installation *installation,
                         const char *between)
{
    add_name(text, installation->id);
    text_add_format(text, "%sapproved: %u", between, installation->approved);
    if (installation->region.length > 0) {
        text_add_format(text, "%sregion: ", between);
        text_add(text, installation->region);
    }
    if (installation->analytics_off)
        text_add_format(text, "%sanalytics: off", between);
    if (installation->suspended)
        text_add_format(text, "%ssuspended: true", between);
    if (installation->log_access)
        text_add_format(text, "%slog_access: true", between);
}

static void add_installation(struct text *text, const struct installation *installation)
{
    if (installation->group_count == 0 && installation->remote_count == 0) {
        text_add_string(text, "  - {id: ");
        add_settings(text, installation, ", ");
        text_add_string(text, "}\n");
        return;
    }
    text_add_string(text, "  - id: ");
    add_settings(text, installation, "\n    ");
    text_add_char(text, '\n');
    if (installation->group_count > 0)
        text_add_string(text, "    egress:\n");
    for (size_t i = 0; i < installation->group_count; i++)
        add_group(text, &installation->groups[i]);
    if (installation->remote_count > 0)
        text_add_string(text, "    remotes:\n");
    for (size_t i = 0; i < installation->remote_count; i++)
        add_remote(text, &installation->remotes[i]);
}

void installations_write(const struct installations *installations, struct text *text)
{
    if (installations->count == 0) {
        text_add_string(text, "installations: []\n");
        return;
    }
    text_add_string(text, "installations:\n");
    for (size_t i = 0; i < installations->count; i++)
        add_installation(text, &installations->items[i]);
}
