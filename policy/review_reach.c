/*
 * The heart of the page: a card for each host that becomes reachable or no longer
 * is, with what its address means in words. The widest come first.
 */
#include <stdlib.h>

#include "policy/review_parts.h"
#include "policy/version_diff_print.h"

/* Room for an address: its 1000 characters as UTF-8, and the scheme written out. */
#define ADDRESS_SIZE (4 * ADDRESS_LENGTH_MAXIMUM + 64)

enum breadth { BREADTH_EVERYTHING, BREADTH_WILDCARD, BREADTH_HOST, BREADTH_OPAQUE };

static enum breadth breadth_of(const struct reach_item *item)
{
    if (item->address == NULL)
        return BREADTH_OPAQUE;
    if (item->address->scheme == SCHEME_ANY)
        return BREADTH_EVERYTHING;
    return item->address->wildcard ? BREADTH_WILDCARD : BREADTH_HOST;
}

/* What a card is about: a canonical host, or a scheme of an application's own. */
static struct span name_of(const struct reach_item *item)
{
    switch (breadth_of(item)) {
    case BREADTH_OPAQUE:
        return item->text;
    case BREADTH_EVERYTHING:
        return SPAN("*");
    default:
        return host_span(&item->address->host);
    }
}

static int compare_names(struct span a, struct span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_hosts(const struct version_reach *a, const struct version_reach *b)
{
    enum breadth left = breadth_of(a->item), right = breadth_of(b->item);
    if (left != right)
        return left < right ? -1 : 1;
    return compare_names(name_of(a->item), name_of(b->item));
}

/* By host, then as they stood: by list and address. */
static int compare_reaches(const void *left, const void *right)
{
    const struct version_reach *a = *(const struct version_reach *const *)left;
    const struct version_reach *b = *(const struct version_reach *const *)right;
    int order = compare_hosts(a, b);
    return order != 0 ? order : (a > b) - (a < b);
}

static bool group(struct page *page, const struct version_reach *reaches, size_t count,
                  struct review_hosts *hosts)
{
    const struct version_reach **sorted =
        arena_allocate_array(page->arena, count + 1, sizeof(const struct version_reach *));
    hosts->items = arena_allocate_array(page->arena, count + 1, sizeof(*hosts->items));
    if (sorted == NULL || hosts->items == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &reaches[i];
    qsort(sorted, count, sizeof(const struct version_reach *), compare_reaches);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_hosts(sorted[i - 1], sorted[i]) != 0)
            hosts->items[hosts->count++].reaches = &sorted[i];
        hosts->items[hosts->count - 1].count++;
    }
    return true;
}

void review_group_hosts(struct page *page)
{
    const struct version_diff *diff = page->review->diff;
    if (!group(page, diff->added, diff->added_count, &page->added) ||
        !group(page, diff->removed, diff->removed_count, &page->removed))
        page->out_of_memory = true;
}

/* ---- Words --------------------------------------------------------------- */

/* Who reaches what a list declares. */
static const char *reader_of(enum manifest_list list)
{
    static const char *const readers[LIST_COUNT] = {
        [LIST_FETCH_BACKEND] = "The app’s servers send requests to",
        [LIST_FETCH_CLIENT] = "Scripts in users’ browsers send requests to",
        [LIST_IMAGES] = "Users’ browsers load images from",
        [LIST_FONTS] = "Users’ browsers load fonts from",
        [LIST_STYLES] = "Users’ browsers load styles from",
        [LIST_SCRIPTS] = "Users’ browsers load and run scripts from",
        [LIST_FRAMES] = "The app’s pages show frames of",
        [LIST_MEDIA] = "Users’ browsers play media from",
        [LIST_NAVIGATION] = "The app’s pages lead users to",
    };
    return readers[list];
}

static void explain_wildcard(struct page *page, struct span host)
{
    struct text *text = page->text;
    text_add_string(text, "Every name below ");
    html_add_code(text, host);
    text_add_string(text, ", at any depth: <code>a.");
    html_add(text, host);
    text_add_string(text, "</code> as well as <code>a.b.");
    html_add(text, host);
    text_add_string(text, "</code>, those that exist today and those made later. Not ");
    html_add_code(text, host);
    text_add_string(text, " itself.");
}

/* The reach of a card's address in words; one name speaks for itself. */
static void explain(struct page *page, const struct reach_item *item)
{
    struct text *text = page->text;
    if (breadth_of(item) == BREADTH_HOST && item->address->host.kind == HOST_NAME)
        return;
    text_add_string(text, "<p class=\"means\">");
    switch (breadth_of(item)) {
    case BREADTH_EVERYTHING:
        text_add_string(text, "Every host there is, on every port. Nothing is held back but "
                              "private and reserved addresses.");
        break;
    case BREADTH_WILDCARD:
        explain_wildcard(page, name_of(item));
        break;
    case BREADTH_OPAQUE:
        text_add_string(text, "Not a host: a link that another application on the user’s device "
                              "opens.");
        break;
    case BREADTH_HOST:
        text_add_string(text, "An IP address, not a name; whom it belongs to can change.");
        break;
    }
    text_add_string(text, "</p>\n");
}

static void add_address(struct page *page, const struct reach_item *item)
{
    char storage[ADDRESS_SIZE];
    struct text address;
    text_init_fixed(&address, storage, sizeof(storage));
    reach_add_to_text(item, &address);
    html_add_code(page->text, text_span(&address));
}

static void add_tag(struct page *page, const char *tag)
{
    text_add_format(page->text, " <span class=\"tag\">%s</span>", tag);
}

static void add_tags(struct page *page, const struct version_reach *reach, bool added)
{
    const struct manifest_entry *entry = reach->item->entry;
    size_t risk = added ? review_risk_at(page, reach->item->at) : 0;
    if (entry->analytics)
        add_tag(page, "analytics");
    if (reach->list <= LIST_FETCH_CLIENT && entry->form != ENTRY_REMOTE && entry->in_scope_eud)
        add_tag(page, "end-user data");
    if (risk != 0)
        text_add_format(page->text, " <a class=\"tag warn\" href=\"#risk-%zu\">risk %zu</a>", risk,
                        risk);
}

/* "Only in region EU." */
static void add_situations(struct page *page, uint32_t situations)
{
    char storage[256];
    struct text words;
    text_init_fixed(&words, storage, sizeof(storage));
    version_diff_add_situations(situations, &words);
    if (words.length < 2)
        return;
    text_add_string(page->text, " Only ");
    html_add(page->text, span_after(text_span(&words), 2));
    text_add_string(page->text, ".");
}

static void add_below(struct page *page, const struct version_reach *reach, bool added)
{
    if (reach->below_count == 0)
        return;
    text_add_string(page->text, added ? " Reachable before: " : " Still reachable: ");
    for (size_t i = 0; i < reach->below_count; i++) {
        text_add_string(page->text, i == 0 ? "" : ", ");
        add_address(page, reach->below[i]);
    }
    text_add_string(page->text, reach->below_count == VERSION_BELOW_MAXIMUM ? ", …" : ".");
}

static void add_reach(struct page *page, const struct version_reach *reach, bool added)
{
    const struct version_diff *diff = page->review->diff;
    text_add_format(page->text, "<li>%s ", reader_of(reach->list));
    add_address(page, reach->item);
    if (reach->item->entry->form == ENTRY_REMOTE) {
        text_add_string(page->text, ", the remote ");
        html_add_code(page->text, reach->item->entry->text);
    }
    text_add_string(page->text, ".");
    add_situations(page, reach->situations);
    add_below(page, reach, added);
    add_tags(page, reach, added);
    text_add_string(page->text, " <span class=\"place\">");
    review_add_place(page, added ? diff->new_file : diff->old_file, reach->item->at);
    text_add_string(page->text, "</span></li>\n");
}

/* ---- Cards --------------------------------------------------------------- */

/* Whether the app's servers reach ENTRY's target by one of HOST's addresses. */
static bool host_covers(const struct review_host *host, const struct tally_entry *entry)
{
    for (size_t i = 0; i < host->count; i++) {
        struct reach_item item = *host->reaches[i]->item;
        const struct reach alone = {&item, 1};
        item.folder = 0;
        if (host->reaches[i]->list == LIST_FETCH_BACKEND &&
            review_traffic_let_out(&alone, entry) != 0)
            return true;
    }
    return false;
}

static void add_host_traffic(struct page *page, const struct review_host *host)
{
    struct traffic_count sum = {0};
    for (size_t i = 0; i < page->target_count; i++) {
        const struct tally_entry *entry = page->targets[i];
        if (entry->own != NULL && host_covers(host, entry))
            traffic_count_add(&sum, entry->own);
    }
    if (traffic_count_sum(&sum) == 0)
        return;
    text_add_string(page->text, "<p class=\"seen\">");
    review_add_chart(page, &sum, name_of(host->reaches[0]->item));
    text_add_string(page->text, " In the log: ");
    review_add_count(page, sum.let_out, "request let out", "requests let out");
    text_add_string(page->text, ", ");
    html_add_number(page->text, sum.refused);
    text_add_string(page->text, " refused.</p>\n");
}

static void add_host(struct page *page, const struct review_host *host, bool added)
{
    const struct reach_item *first = host->reaches[0]->item;
    struct text *text = page->text;
    unsigned heading = ++page->headings;
    text_add_format(text,
                    "<article class=\"card %s\" aria-labelledby=\"host-%u\">\n<h3 id=\"host-%u\">"
                    "<span class=\"sign\" aria-hidden=\"true\">%s</span> <code>",
                    added ? "add" : "remove", heading, heading, added ? "+" : "−");
    text_add_string(text, breadth_of(first) == BREADTH_WILDCARD ? "*." : "");
    html_add(text, name_of(first));
    text_add_string(text, "</code></h3>\n");
    explain(page, first);
    text_add_string(text, "<ul>\n");
    for (size_t i = 0; i < host->count; i++)
        add_reach(page, host->reaches[i], added);
    text_add_string(text, "</ul>\n");
    add_host_traffic(page, host);
    text_add_string(text, "</article>\n");
}

void review_add_hosts(struct page *page, bool added)
{
    const struct review_hosts *hosts = added ? &page->added : &page->removed;
    review_begin_section(page, added ? "reachable" : "gone",
                         added ? "What becomes reachable" : "What is no longer reachable");
    if (hosts->count == 0)
        text_add_string(page->text, added ? "<p>Nothing: this version reaches no host and no part "
                                            "of one that the old one did not.</p>\n"
                                          : "<p>Nothing: all that the old version reached, this "
                                            "one reaches, too.</p>\n");
    for (size_t i = 0; i < hosts->count; i++)
        add_host(page, &hosts->items[i], added);
    review_end_section(page);
}
