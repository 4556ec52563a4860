/* A comparison as a review comment. */
#include "policy/version_diff_print.h"

/* Hosts whole, however long; what is not plain ASCII is quoted. */
static void add_plain(struct text *text, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        if (bytes.data[i] <= ' ' || bytes.data[i] > '~') {
            text_add_string(text, FINDING_QUOTE(bytes));
            return;
        }
    }
    text_add(text, bytes);
}

static void add_item(struct text *text, const struct reach_item *item)
{
    struct reach_item whole = *item;
    if (item->address == NULL) {
        add_plain(text, item->text);
        return;
    }
    whole.path = SPAN("");
    reach_add_to_text(&whole, text);
    add_plain(text, item->path);
}

static void add_place(struct text *text, const char *file, struct position at)
{
    add_plain(text, span_of(file));
    text_add_format(text, ":%u:%u", at.line, at.column);
}

static unsigned count_bits(uint32_t bits)
{
    unsigned count = 0;
    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

/* "EU, US" */
static void add_regions(struct text *text, uint32_t regions)
{
    const char *separator = "";
    for (unsigned i = 0; i < MANIFEST_REGION_COUNT; i++) {
        if ((regions >> i & 1) == 0)
            continue;
        text_add_format(text, "%s%s", separator, manifest_regions[i]);
        separator = ", ";
    }
}

void version_diff_add_situations(uint32_t situations, struct text *text)
{
    uint32_t on = situations & REACH_ANALYTICS_ON;
    uint32_t off = situations >> MANIFEST_REGION_COUNT;
    uint32_t regions = on | off;
    if (regions != REACH_ANALYTICS_ON && count_bits(regions) <= MANIFEST_REGION_COUNT / 2) {
        text_add_string(text, ", in region ");
        add_regions(text, regions);
    } else if (regions != REACH_ANALYTICS_ON) {
        text_add_string(text, ", in every region but ");
        add_regions(text, REACH_ANALYTICS_ON & ~regions);
    }
    if (off == 0)
        text_add_string(text, ", while analytics is on");
    if (on == 0)
        text_add_string(text, ", where analytics is switched off");
}

static void add_below(struct text *text, const struct version_reach *reach, const char *word)
{
    if (reach->below_count == 0)
        return;
    text_add_format(text, "; %s: ", word);
    for (size_t i = 0; i < reach->below_count; i++) {
        text_add_string(text, i == 0 ? "" : ", ");
        add_item(text, reach->below[i]);
    }
    if (reach->below_count == VERSION_BELOW_MAXIMUM)
        text_add_string(text, ", …");
}

static void add_reach(struct text *text, const struct version_diff *diff,
                      const struct version_reach *reach, bool added)
{
    const struct address *address = reach->item->address;
    text_add_format(text, "  %c %s: ", added ? '+' : '-', manifest_list_name(reach->list));
    add_item(text, reach->item);
    if (address != NULL && address->scheme == SCHEME_ANY)
        text_add_string(text, " (everything)");
    if (address != NULL && address->wildcard)
        text_add_format(text, " (every name below %s)", address->host.text);
    version_diff_add_situations(reach->situations, text);
    add_below(text, reach, added ? "reachable before" : "still reachable");
    text_add_string(text, "  ");
    add_place(text, added ? diff->new_file : diff->old_file, reach->item->at);
    text_add_char(text, '\n');
}

static void add_reaches(struct text *text, const struct version_diff *diff, bool added)
{
    const struct version_reach *reaches = added ? diff->added : diff->removed;
    size_t count = added ? diff->added_count : diff->removed_count;
    if (count == 0)
        return;
    text_add_string(text, added ? "\nnow reachable:\n" : "\nno longer reachable:\n");
    for (size_t i = 0; i < count; i++)
        add_reach(text, diff, &reaches[i], added);
}

static void add_change(struct text *text, const struct version_diff *diff,
                       const struct version_change *change)
{
    text_add_format(text, "  %s %s: %s\n        ",
                    change->rule->bump == BUMP_MAJOR ? "MAJOR" : "MINOR", change->rule->id,
                    change->message);
    if (change->old_at.line != 0)
        add_place(text, diff->old_file, change->old_at);
    if (change->old_at.line != 0 && change->new_at.line != 0)
        text_add_string(text, " -> ");
    if (change->new_at.line != 0)
        add_place(text, diff->new_file, change->new_at);
    if (change->new_at.line == 0)
        text_add_string(text, change->old_at.line == 0 ? "(no place)" : " (taken out)");
    if (change->old_at.line == 0 && change->new_at.line != 0)
        text_add_string(text, " (new)");
    text_add_char(text, '\n');
}

void version_diff_print_text(const struct version_diff *diff, struct text *text)
{
    static const char *const bumps[] = {"no new version is needed", "a minor version",
                                        "a major version, which an admin approves first"};
    static const char *const verdicts[] = {"the same can leave", "less can leave",
                                           "more can leave"};
    text_add_format(text, "%s: %s; %s\n", version_verdict_name(diff->verdict),
                    verdicts[diff->verdict], bumps[diff->bump]);
    add_reaches(text, diff, true);
    add_reaches(text, diff, false);
    if (diff->change_count > 0)
        text_add_string(text, "\nwhy:\n");
    for (size_t i = 0; i < diff->change_count; i++)
        add_change(text, diff, &diff->changes[i]);
}
