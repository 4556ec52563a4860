/* A comparison as one JSON object. */
#include "policy/version_diff_print.h"

/* Room for an address: its 1000 characters as UTF-8, and the scheme written out. */
#define ADDRESS_SIZE (4 * ADDRESS_LENGTH_MAXIMUM + 64)

static void add_item(struct text *text, const struct reach_item *item)
{
    char storage[ADDRESS_SIZE];
    struct text address;
    text_init_fixed(&address, storage, sizeof(storage));
    reach_add_to_text(item, &address);
    text_add_json(text, text_span(&address));
}

static void add_place(struct text *text, const char *file, struct position at)
{
    text_add_string(text, "\"file\":");
    text_add_json(text, span_of(file));
    text_add_format(text, ",\"line\":%u,\"column\":%u", at.line, at.column);
}

static void add_situations(struct text *text, uint32_t situations)
{
    uint32_t on = situations & REACH_ANALYTICS_ON;
    uint32_t off = situations >> MANIFEST_REGION_COUNT;
    const char *separator = "";
    if (on == 0 || off == 0)
        text_add_format(text, ",\"analytics\":\"%s\"", on == 0 ? "off" : "on");
    if ((on | off) == REACH_ANALYTICS_ON)
        return;
    text_add_string(text, ",\"regions\":[");
    for (unsigned i = 0; i < MANIFEST_REGION_COUNT; i++) {
        if (((on | off) >> i & 1) == 0)
            continue;
        text_add_format(text, "%s\"%s\"", separator, manifest_regions[i]);
        separator = ",";
    }
    text_add_char(text, ']');
}

static void add_reach(struct text *text, const char *file, const struct version_reach *reach)
{
    const struct address *address = reach->item->address;
    text_add_format(text, "{\"list\":\"%s\",\"address\":", manifest_list_name(reach->list));
    add_item(text, reach->item);
    if (address != NULL && address->scheme != SCHEME_ANY) {
        text_add_string(text, ",\"host\":");
        text_add_json(text, host_span(&address->host));
        text_add_format(text, ",\"wildcard\":%s", address->wildcard ? "true" : "false");
    }
    add_situations(text, reach->situations);
    if (reach->below_count > 0)
        text_add_string(text, ",\"except\":[");
    for (size_t i = 0; i < reach->below_count; i++) {
        text_add_string(text, i == 0 ? "" : ",");
        add_item(text, reach->below[i]);
    }
    text_add_string(text, reach->below_count > 0 ? "]," : ",");
    add_place(text, file, reach->item->at);
    text_add_char(text, '}');
}

static void add_reaches(struct text *text, const char *name, const char *file,
                        const struct version_reach *reaches, size_t count)
{
    text_add_format(text, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        text_add_string(text, i == 0 ? "" : ",");
        add_reach(text, file, &reaches[i]);
    }
    text_add_char(text, ']');
}

static void add_side(struct text *text, const char *name, const char *file, struct position at)
{
    text_add_format(text, ",\"%s\":", name);
    if (at.line == 0) {
        text_add_string(text, "null");
        return;
    }
    text_add_char(text, '{');
    add_place(text, file, at);
    text_add_char(text, '}');
}

static void add_change(struct text *text, const struct version_diff *diff,
                       const struct version_change *change)
{
    text_add_format(text, "{\"rule\":\"%s\",\"bump\":\"%s\",\"message\":", change->rule->id,
                    version_bump_name(change->rule->bump));
    text_add_json(text, span_of(change->message));
    add_side(text, "old", diff->old_file, change->old_at);
    add_side(text, "new", diff->new_file, change->new_at);
    text_add_char(text, '}');
}

void version_diff_print_json(const struct version_diff *diff, struct text *text)
{
    text_add_format(text, "{\"verdict\":\"%s\",\"bump\":\"%s\",\"old\":",
                    version_verdict_name(diff->verdict), version_bump_name(diff->bump));
    text_add_json(text, span_of(diff->old_file));
    text_add_string(text, ",\"new\":");
    text_add_json(text, span_of(diff->new_file));
    add_reaches(text, "added", diff->new_file, diff->added, diff->added_count);
    add_reaches(text, "removed", diff->old_file, diff->removed, diff->removed_count);
    text_add_string(text, ",\"changes\":[");
    for (size_t i = 0; i < diff->change_count; i++) {
        text_add_string(text, i == 0 ? "" : ",");
        add_change(text, diff, &diff->changes[i]);
    }
    text_add_string(text, "]}\n");
}
