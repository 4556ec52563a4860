/*
 * The log's traffic: a table of targets, and the small drawings in it and beside hosts.
 * A drawing is a bar a step, what was refused on top of what was let out, and says
 * the same in words to those who do not see it.
 */
#include <inttypes.h>
#include <time.h>

#include "policy/review_parts.h"

#define TARGETS_SHOWN 50
#define BAR_WIDTH     5   /* of the drawing's own units, as its height */
#define CHART_WIDTH   120 /* pixels */
#define CHART_HEIGHT  24

static uint64_t highest_step(const struct traffic_count *count)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < TRAFFIC_STEPS; i++) {
        uint64_t both = count->steps_let_out[i] + count->steps_refused[i];
        highest = both > highest ? both : highest;
    }
    return highest;
}

/* What is not nothing is seen: one unit at least. */
static unsigned scale(uint64_t value, uint64_t highest)
{
    if (value == 0)
        return 0;
    uint64_t height = (uint64_t)((double)value / (double)highest * CHART_HEIGHT);
    return height == 0 ? 1 : (unsigned)height;
}

static void add_bar(struct text *text, const char *kind, size_t step, unsigned bottom,
                    unsigned height)
{
    if (height == 0)
        return;
    unsigned top = bottom + height > CHART_HEIGHT ? 0 : CHART_HEIGHT - bottom - height;
    text_add_format(text, "<rect class=\"%s\" x=\"%zu\" y=\"%u\" width=\"%d\" height=\"%u\"/>",
                    kind, step * BAR_WIDTH, top, BAR_WIDTH - 1, height);
}

void review_add_chart(struct page *page, const struct traffic_count *count, struct span label)
{
    struct text *text = page->text;
    uint64_t highest = highest_step(count);
    if (highest == 0)
        return;
    text_add_format(text,
                    "<svg class=\"chart\" role=\"img\" width=\"%d\" height=\"%d\" "
                    "preserveAspectRatio=\"none\" viewBox=\"%zu 0 %zu %d\" "
                    "aria-label=\"Requests to ",
                    CHART_WIDTH, CHART_HEIGHT, page->first_step * BAR_WIDTH,
                    (page->last_step + 1 - page->first_step) * BAR_WIDTH, CHART_HEIGHT);
    html_add(text, label);
    text_add_format(text, " over time: %" PRIu64 " let out, %" PRIu64 " refused\">", count->let_out,
                    count->refused);
    for (size_t i = 0; i < TRAFFIC_STEPS; i++) {
        unsigned let_out = scale(count->steps_let_out[i], highest);
        add_bar(text, "let", i, 0, let_out);
        add_bar(text, "ref", i, let_out, scale(count->steps_refused[i], highest));
    }
    text_add_string(text, "</svg>");
}

void review_frame_charts(struct page *page)
{
    bool seen = false;
    for (size_t step = 0; step < TRAFFIC_STEPS; step++) {
        bool used = false;
        for (size_t i = 0; i < page->target_count && !used; i++) {
            const struct traffic_count *own = page->targets[i]->own;
            used = own != NULL && own->steps_let_out[step] + own->steps_refused[step] > 0;
        }
        if (used && !seen)
            page->first_step = step;
        if (used)
            page->last_step = step;
        seen = seen || used;
    }
}

/* ---- The table ----------------------------------------------------------- */

static const char *fate_of(const struct page *page, const struct tally_entry *entry)
{
    uint32_t before = review_traffic_let_out(page->old_backend, entry);
    uint32_t after = review_traffic_let_out(page->new_backend, entry);
    if (before == after)
        return after == 0 ? "in neither version" : "stays reachable";
    if (after == 0)
        return "<strong>no longer reachable</strong>";
    if (before == 0)
        return "<strong>becomes reachable</strong>";
    return (before & ~after) != 0 ? "<strong>no longer in some regions or settings</strong>"
                                  : "<strong>reachable in more regions or settings</strong>";
}

/* "1,500 let out", "3 refused", or both. */
static void add_requests(struct page *page, const struct traffic_count *count)
{
    if (count->let_out > 0)
        review_add_count(page, count->let_out, "let out", "let out");
    if (count->let_out > 0 && count->refused > 0)
        text_add_string(page->text, "<br>");
    if (count->refused > 0)
        review_add_count(page, count->refused, "refused", "refused");
}

static void add_target(struct page *page, const struct tally_entry *entry)
{
    const struct traffic_count *count = entry->own;
    struct text *text = page->text;
    struct target target;
    char storage[sizeof(target.host.text) + 2];
    struct text host;
    tally_entry_target(entry, &target);
    text_init_fixed(&host, storage, sizeof(storage));
    host_add_to_text(&target.host, &host);
    text_add_string(text, "<tr><th scope=\"row\"><code>");
    if (target.scheme == SCHEME_HTTP || target.scheme == SCHEME_WS)
        text_add_format(text, "%s://", scheme_name(target.scheme));
    html_add(text, text_span(&host));
    if (target.port != 443)
        text_add_format(text, ":%u", target.port);
    text_add_string(text, "</code> ");
    review_add_chart(page, count, text_span(&host));
    text_add_string(text, "</th><td>");
    add_requests(page, count);
    text_add_format(text, "</td><td>%s</td></tr>\n", fate_of(page, entry));
}

static void add_day(struct text *text, int64_t seconds)
{
    char day[32] = "";
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) != NULL && strftime(day, sizeof(day), "%Y-%m-%d %H:%M", &parts) > 0)
        text_add_string(text, day);
}

/* "17.1 hours" */
static void add_width(struct text *text, int64_t width)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"days", 86400}, {"hours", 3600}, {"minutes", 60}};
    size_t unit = 0;
    while (unit < 2 && width < 2 * units[unit].seconds)
        unit++;
    text_add_format(text, "%.1f %s", (double)width / (double)units[unit].seconds, units[unit].name);
}

static void add_period(struct page *page)
{
    const struct review_traffic *traffic = page->review->traffic;
    if (traffic->width == 0)
        return;
    text_add_string(page->text, "<p class=\"soft\">Drawings run from ");
    add_day(page->text, traffic->begin + (int64_t)page->first_step * traffic->width);
    text_add_string(page->text, " to ");
    add_day(page->text, traffic->begin + (int64_t)(page->last_step + 1) * traffic->width);
    text_add_string(page->text, " (UTC), a bar for each ");
    add_width(page->text, traffic->width);
    text_add_string(page->text, ", each scaled by its own highest bar.</p>\n");
}

static void add_rest(struct page *page)
{
    uint64_t requests = tally_others(page->review->traffic->tally);
    if (page->target_count <= TARGETS_SHOWN && requests == 0)
        return;
    for (size_t i = TARGETS_SHOWN; i < page->target_count; i++)
        requests += page->targets[i]->count;
    text_add_string(page->text, "<p class=\"soft\">And ");
    review_add_count(page, requests, "request", "requests");
    text_add_string(page->text, " to further targets.</p>\n");
}

static void add_table(struct page *page)
{
    text_add_string(page->text,
                    "<table class=\"traffic\">\n<caption>Requests by target, the most frequent "
                    "first</caption>\n<thead><tr><th scope=\"col\">Target</th>"
                    "<th scope=\"col\">Requests</th>"
                    "<th scope=\"col\">With this version</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < page->target_count && i < TARGETS_SHOWN; i++) {
        if (page->targets[i]->own != NULL)
            add_target(page, page->targets[i]);
    }
    text_add_string(page->text, "</tbody>\n</table>\n");
}

void review_add_traffic(struct page *page)
{
    if (page->review->traffic == NULL)
        return;
    review_begin_section(page, "traffic", "Traffic under the old version");
    if (page->target_count == 0) {
        text_add_string(page->text, "<p>The log holds no request of this app.</p>\n");
        review_end_section(page);
        return;
    }
    text_add_string(page->text,
                    "<p class=\"key\"><svg class=\"chart\" aria-hidden=\"true\" width=\"12\" "
                    "height=\"12\"><rect class=\"let\" width=\"12\" height=\"12\"/></svg> let out "
                    "<svg class=\"chart\" aria-hidden=\"true\" width=\"12\" height=\"12\">"
                    "<rect class=\"ref\" width=\"12\" height=\"12\"/></svg> refused</p>\n");
    add_table(page);
    add_rest(page);
    add_period(page);
    review_end_section(page);
}
