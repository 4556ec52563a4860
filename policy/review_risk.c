/* What is risky about the new version, as lint found it, and why it has the number it has. */
#include "policy/review_parts.h"

/* What of lint's an admin weighs, the gravest first; the rest is the developer's. */
static const char *const grave[] = {
    "everything",
    "wildcard-over-public-suffix",
    "wildcard-over-shared-host",
    "plain-http",
    "ip-literal",
    "hidden-character",
    "idn-u-form",
    NULL,
};

static bool is_said(const struct findings *findings, const struct finding *finding)
{
    const struct finding *other = findings->first;
    while (other != NULL && (strcmp(other->rule, finding->rule) != 0 ||
                             strcmp(other->message, finding->message) != 0))
        other = other->next;
    return other != NULL;
}

static void take_rule(struct page *page, const char *rule)
{
    const struct review *review = page->review;
    for (const struct finding *finding = review->new.findings->first; finding != NULL;
         finding = finding->next) {
        if (strcmp(finding->rule, rule) == 0)
            page->risks[page->risk_count++] =
                (struct review_risk){finding, !is_said(review->old.findings, finding)};
    }
}

static size_t count_findings(const struct findings *findings)
{
    size_t count = 0;
    for (const struct finding *finding = findings->first; finding != NULL; finding = finding->next)
        count++;
    return count;
}

static size_t count_analytics(const struct manifest *manifest)
{
    size_t count = 0;
    for (size_t list = 0; list < LIST_COUNT; list++) {
        for (size_t i = 0; i < manifest->lists[list].count; i++)
            count += manifest->lists[list].items[i].analytics;
    }
    return count;
}

void review_find_risks(struct page *page)
{
    size_t most = count_findings(page->review->new.findings);
    page->risks = arena_allocate_array(page->arena, most + 1, sizeof(*page->risks));
    page->analytics_count = count_analytics(page->review->new.manifest);
    if (page->risks == NULL) {
        page->out_of_memory = true;
        return;
    }
    for (size_t i = 0; grave[i] != NULL; i++)
        take_rule(page, grave[i]);
}

size_t review_risk_at(const struct page *page, struct position at)
{
    for (size_t i = 0; i < page->risk_count; i++) {
        const struct position other = page->risks[i].finding->at;
        if (other.line == at.line && other.column == at.column)
            return i + 1;
    }
    return 0;
}

static void add_risk(struct page *page, size_t index)
{
    const struct review_risk *risk = &page->risks[index];
    text_add_format(page->text, "<li id=\"risk-%zu\"><strong>%s</strong> ", index + 1,
                    risk->is_new ? "New:" : "As before:");
    html_add_string(page->text, risk->finding->message);
    text_add_string(page->text, ". <span class=\"place\">");
    review_add_place(page, page->review->diff->new_file, risk->finding->at);
    text_add_string(page->text, "</span></li>\n");
}

static void add_analytics(struct page *page)
{
    if (page->analytics_count == 0)
        return;
    text_add_string(page->text, "<p>Analytics: ");
    review_add_count(page, page->analytics_count, "address is", "addresses are");
    text_add_string(page->text, " declared for analytics. An installation can go without: "
                                "<code>sallyport installation set-analytics</code>.</p>\n");
}

void review_add_risks(struct page *page)
{
    review_begin_section(page, "risks", "Risks");
    if (page->risk_count == 0)
        text_add_string(page->text,
                        "<p>None found: no wildcard over names that anyone can get, no bare IP "
                        "address, nothing unencrypted, nothing hidden.</p>\n");
    if (page->risk_count > 0)
        text_add_string(page->text, "<ol class=\"card warn\">\n");
    for (size_t i = 0; i < page->risk_count; i++)
        add_risk(page, i);
    if (page->risk_count > 0)
        text_add_string(page->text, "</ol>\n");
    add_analytics(page);
    review_end_section(page);
}

/* ---- Reasons ------------------------------------------------------------- */

static void add_change_places(struct page *page, const struct version_change *change)
{
    const struct version_diff *diff = page->review->diff;
    text_add_string(page->text, "<span class=\"place\">");
    if (change->old_at.line != 0)
        review_add_place(page, diff->old_file, change->old_at);
    if (change->old_at.line != 0)
        text_add_string(page->text, change->new_at.line != 0 ? " → " : " taken out");
    if (change->new_at.line != 0)
        review_add_place(page, diff->new_file, change->new_at);
    if (change->old_at.line == 0)
        text_add_string(page->text, change->new_at.line != 0 ? " new" : "no place");
    text_add_string(page->text, "</span>");
}

static void add_change(struct page *page, const struct version_change *change)
{
    bool major = change->rule->bump == BUMP_MAJOR;
    text_add_format(page->text, "<tr><th scope=\"row\"><span class=\"tag %s\">%s</span></th><td>",
                    major ? "warn" : "calm", major ? "Major" : "Minor");
    html_add_string(page->text, change->message);
    text_add_string(page->text, "<br><span class=\"soft\">");
    html_add_string(page->text, change->rule->sentence);
    text_add_string(page->text, " (");
    html_add_code(page->text, span_of(change->rule->id));
    text_add_string(page->text, ")</span> ");
    add_change_places(page, change);
    text_add_string(page->text, "</td></tr>\n");
}

void review_add_reasons(struct page *page)
{
    const struct version_diff *diff = page->review->diff;
    review_begin_section(page, "reasons", "Why this version");
    if (diff->change_count == 0) {
        text_add_string(page->text, "<p>Nothing that counts has changed.</p>\n");
        review_end_section(page);
        return;
    }
    text_add_string(page->text, diff->bump == BUMP_MAJOR
                                    ? "<p>One major change is enough for a major version.</p>\n"
                                    : "<p>No change among these needs an approval.</p>\n");
    text_add_string(page->text, "<table>\n<caption>Every change that counts</caption>\n<thead><tr>"
                                "<th scope=\"col\">Version</th><th scope=\"col\">Change</th></tr>"
                                "</thead>\n<tbody>\n");
    for (size_t i = 0; i < diff->change_count; i++)
        add_change(page, &diff->changes[i]);
    text_add_string(page->text, "</tbody>\n</table>\n");
    review_end_section(page);
}
