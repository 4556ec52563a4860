/* The page's main line: what is counted first, then section after section. */
#include "policy/review.h"

#include "policy/review_parts.h"

struct span review_number_of_path(const char *path)
{
    struct span rest = span_of(path), folder = SPAN(""), parent = SPAN("");
    uint64_t major, minor;
    for (size_t slash; (slash = span_find(rest, '/')) < rest.length;) {
        parent = folder;
        folder = span_slice(rest, 0, slash);
        rest = span_after(rest, slash + 1);
    }
    size_t dot = span_find(folder, '.');
    if (!span_equal(parent, SPAN("versions")) || dot == folder.length ||
        !span_parse_decimal(span_slice(folder, 0, dot), UINT32_MAX, &major) ||
        !span_parse_decimal(span_after(folder, dot + 1), UINT32_MAX, &minor))
        return SPAN("");
    return folder;
}

void review_begin_section(struct page *page, const char *id, const char *title)
{
    text_add_format(page->text,
                    "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>"
                    "\n",
                    id, id, id, title);
}

void review_end_section(struct page *page)
{
    text_add_string(page->text, "</section>\n");
}

void review_add_place(struct page *page, const char *file, struct position at)
{
    text_add_string(page->text, "<code>");
    html_add_string(page->text, file);
    text_add_format(page->text, ":%u:%u</code>", at.line, at.column);
}

void review_add_count(struct page *page, uint64_t count, const char *one, const char *many)
{
    html_add_number(page->text, count);
    text_add_format(page->text, " %s", count == 1 ? one : many);
}

/* ---- The head ------------------------------------------------------------ */

/* "orders / production", or the new file where nobody said whose it is. */
static void add_who(struct page *page)
{
    const struct review *review = page->review;
    if (review->app == NULL || review->environment == NULL) {
        html_add_string(page->text, review->diff->new_file);
        return;
    }
    html_add_string(page->text, review->app);
    text_add_string(page->text, " / ");
    html_add_string(page->text, review->environment);
}

static const char *answer_of(const struct version_diff *diff)
{
    switch (diff->bump) {
    case BUMP_MAJOR:
        return "Needs approval";
    case BUMP_MINOR:
        return "Needs no approval";
    default:
        return "Nothing changes";
    }
}

static void add_headline(struct page *page)
{
    if (page->added.count == 0) {
        text_add_string(page->text, "Nothing more becomes reachable");
        return;
    }
    review_add_count(page, page->added.count, "host becomes reachable", "hosts become reachable");
}

static void add_head(struct page *page)
{
    struct text *text = page->text;
    text_add_string(text,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'; img-src data:\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>Review: ");
    add_who(page);
    text_add_format(text, ": %s</title>\n<style>\n", answer_of(page->review->diff));
    text_add_string(text, review_style);
    text_add_string(text, "</style>\n</head>\n<body>\n"
                          "<a class=\"skip\" href=\"#decide\">Skip to the decision</a>\n");
}

static void add_versions(struct page *page)
{
    const struct span numbers[] = {page->review->old.number, page->review->new.number};
    text_add_string(page->text, "<div><dt>Version</dt><dd>");
    for (size_t i = 0; i < 2; i++) {
        text_add_string(page->text, i == 0 ? "" : " → ");
        if (numbers[i].length > 0)
            html_add(page->text, numbers[i]);
        else
            text_add_string(page->text, i == 0 ? "old" : "new");
    }
    text_add_string(page->text, "</dd></div>\n");
}

static void add_fact(struct page *page, const char *term, const char *link, uint64_t count)
{
    text_add_format(page->text, "<div><dt><a href=\"#%s\">%s</a></dt><dd>", link, term);
    html_add_number(page->text, count);
    text_add_string(page->text, "</dd></div>\n");
}

static void add_facts(struct page *page)
{
    const struct version_diff *diff = page->review->diff;
    text_add_string(page->text, "<dl class=\"facts\">\n");
    add_versions(page);
    add_fact(page, "Become reachable", "reachable", page->added.count);
    add_fact(page, "No longer reachable", "gone", page->removed.count);
    add_fact(page, "Risks", "risks", page->risk_count);
    if (page->review->traffic != NULL)
        add_fact(page, "Targets in the log", "traffic", page->target_count);
    add_fact(page, "Changes", "reasons", diff->change_count);
    text_add_string(page->text, "</dl>\n");
}

static void add_header(struct page *page)
{
    const struct version_diff *diff = page->review->diff;
    bool major = diff->bump == BUMP_MAJOR;
    text_add_string(page->text, "<header>\n<p class=\"who\">");
    add_who(page);
    text_add_string(page->text, "</p>\n<h1>");
    add_headline(page);
    text_add_format(page->text, "</h1>\n<p class=\"answer %s\"><strong>%s.</strong> ",
                    major ? "warn" : "calm", answer_of(diff));
    text_add_string(page->text,
                    major ? "A major version reaches no installation before its admin approves it."
                          : "Every installation of the same major version gets it by itself.");
    text_add_string(page->text, "</p>\n");
    add_facts(page);
    text_add_string(page->text, "</header>\n");
}

/* ---- The whole ----------------------------------------------------------- */

static void prepare(struct page *page)
{
    const struct review *review = page->review;
    page->old_backend = reach_of_list(review->old.manifest, LIST_FETCH_BACKEND, page->arena);
    page->new_backend = reach_of_list(review->new.manifest, LIST_FETCH_BACKEND, page->arena);
    page->targets = review_traffic_targets(review->traffic, &page->target_count);
    page->out_of_memory = page->old_backend == NULL || page->new_backend == NULL ||
                          review->new.findings->lost || review->old.findings->lost;
    review_frame_charts(page);
    review_group_hosts(page);
    review_find_risks(page);
}

bool review_write(const struct review *review, struct arena *arena, struct text *text)
{
    struct page page = {.review = review, .arena = arena, .text = text};
    prepare(&page);
    if (page.out_of_memory)
        return false;
    add_head(&page);
    add_header(&page);
    text_add_string(text, "<main>\n");
    review_add_risks(&page);
    review_add_hosts(&page, true);
    review_add_hosts(&page, false);
    review_add_traffic(&page);
    review_add_reasons(&page);
    review_add_decision(&page);
    text_add_string(text,
                    "</main>\n<footer>\n<p>Written by sallyport " SALLYPORT_VERSION " from <code>");
    html_add_string(text, review->diff->old_file);
    text_add_string(text, "</code> and <code>");
    html_add_string(text, review->diff->new_file);
    text_add_string(text, "</code>.</p>\n</footer>\n</body>\n</html>\n");
    return !text->overflow;
}
